// Tables of MINERS.md, from the code and the arenas: limits, deadlines, the request, every verdict.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Arena, arenaSchema, parseArena } from '../src/schema/arena.ts';
import { requestBody } from '../src/schema/request.ts';
import { VERDICT_MENDS } from '../src/schema/verdict-mends.ts';

const root = new URL('..', import.meta.url).pathname;
const arenaOf = (path: string): Arena =>
  parseArena(JSON.parse(readFileSync(join(root, path), 'utf8')), path);
const finney = arenaOf('.github/arena.json');
const devnet = arenaOf('src/devnet/arena.json');

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

/** What a sandbox holds a server to, in both arenas. */
function sandboxTable(): string {
  const rows: [string, (arena: Arena) => string][] = [
    ['image, compressed', ({ maxImageGb }) => `${maxImageGb} GB`],
    ['image, unpacked', ({ maxUnpackedGb }) => `${maxUnpackedGb} GB`],
    ['memory', ({ sandbox }) => `${sandbox.memoryGb} GB`],
    ['CPUs', ({ sandbox }) => String(sandbox.cpus)],
    ['processes and threads', ({ sandbox }) => String(sandbox.pids)],
    ['`/dev/shm`', ({ sandbox }) => `${sandbox.shmGb} GB`],
    ['`/tmp` (writable, no programs)', ({ sandbox }) => `${sandbox.tmpGb} GB`],
    ['`/cache` (writable, programs may run)', ({ sandbox }) => `${sandbox.cacheGb} GB`],
    ['open files', ({ sandbox }) => String(sandbox.files)],
  ];
  return table(
    ['limit', 'finney', 'devnet'],
    rows.map(([name, of]) => [name, of(finney), of(devnet)]),
  );
}

/** Every deadline, and the verdict where it passes. */
function deadlineTable(): string {
  const rows = [
    ['from start to `GET /health` 200', 'start', 'E_START_TIMEOUT'],
    ['to connect', 'connect', 'E_TIMEOUT'],
    ['from the request to the first byte of the body', 'firstByte', 'E_TIMEOUT'],
    ['between two reads', 'interChunk', 'E_TIMEOUT'],
    ['the whole request', 'request', 'E_TIMEOUT'],
  ] as const;
  return table(
    ['deadline', 'finney', 'devnet', 'else'],
    rows.map(([what, name, verdict]) => [
      ...[what, `${finney.deadlines[name]} s`, `${devnet.deadlines[name]} s`, `\`${verdict}\``],
    ]),
  );
}

const FIELDS: Readonly<Record<string, string>> = {
  model: 'the arena’s name of the model: serve under it',
  messages: 'a system and a user message, about `inputTokens` tokens of the chat template',
  max_tokens: 'how many tokens at most; an answer ends there with `finish_reason` `length`',
  temperature: 'greedy: the most probable token each time',
  stream: 'server-sent events',
  return_token_ids: 'the ids beside the text; a server that does not know the field ignores it',
  logprobs: 'warm-ups alone: the chosen token’s log-probability',
  top_logprobs: 'warm-ups alone: the five best at each place',
};

/** The request's fields, as `requestBody` makes them. */
function requestTable(): string {
  const body = requestBody({ index: 0, pool: 'warmup', messages: [], tokens: 1 }, finney);
  return table(
    ['field', 'value', 'what'],
    Object.entries(body).map(([name, value]) => {
      const about = FIELDS[name];
      if (about === undefined) throw new Error(`scripts/miner-tables.ts explains no field ${name}`);
      return [`\`${name}\``, name === 'messages' ? '…' : `\`${JSON.stringify(value)}\``, about];
    }),
  );
}

/** What an answer may hold at most. */
function answerTable(): string {
  const about = arenaSchema.shape.limits;
  return table(
    ['limit', 'finney', 'what'],
    Object.entries(finney.limits).map(([name, value]) => {
      const field = about.unwrap().shape[name as keyof Arena['limits']] as { description?: string };
      return [`\`${name}\``, String(value), field.description ?? ''];
    }),
  );
}

/** Every verdict of a miner, its usual causes and its mend. */
function verdictTable(): string {
  const link = (rule: string): string =>
    `[${rule}](RULES.md#${rule
      .toLowerCase()
      .replace(/[^a-z0-9 -]/g, '')
      .replaceAll(' ', '-')})`;
  return table(
    ['verdict', 'usual causes', 'mend', 'rule'],
    Object.entries(VERDICT_MENDS).map(([verdict, { causes, mend, rule }]) => [
      ...[`\`${verdict}\``, causes, mend, link(rule)],
    ]),
  );
}

/** The tables by their names in MINERS.md. */
export const MINER_TABLES: Readonly<Record<string, () => string>> = {
  sandbox: sandboxTable,
  deadlines: deadlineTable,
  request: requestTable,
  answer: answerTable,
  verdicts: verdictTable,
};
