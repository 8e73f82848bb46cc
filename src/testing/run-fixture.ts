// One prompt's run of the tiny model in given times, for tests of boots.
import type { ClientCost } from '../schema/answer-cost.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { MS } from './answer-fixture.ts';
import { ROOT } from '../compose/repository.ts';
import { sha256Hex } from '../core/hash.ts';
import { loadTokenizer } from '../prompts/io/tokenizer-file.ts';
import { parseArena } from '../schema/arena.ts';
import { parseTrace, type Trace, traceLine, type TraceLine } from '../schema/trace.ts';

const file = JSON.parse(readFileSync(join(ROOT, 'src/devnet/arena.json'), 'utf8')) as object;

const tokenizer = loadTokenizer(parseArena(file, 'devnet').tokenizer, ROOT);

const ids = tokenizer.encode('one two three');

export const bootArena = parseArena(
  { ...file, driftLimit: 0.03, clock: {}, maxTokens: ids.length },
  'test',
);

export const bootContext = { arena: bootArena, tokenizer, prompts: { warmup: [], scored: [0] } };

type Shape = {
  ttftMs?: number;
  cost?: ClientCost;
  outcome?: 'done' | 'timeout';
  events?: string[];
  run?: number;
};

/** A run of one prompt: its first token after `ttftMs`, the rest a millisecond apart. */
export function madeRun(
  name: string,
  run: number,
  { ttftMs = 100, cost, outcome = 'done', events = [], run: said = run }: Shape = {},
): Trace {
  const role = name === 'baseline' ? 'baseline' : 'challenger';
  const texts = ids.map((id) => Buffer.from(tokenizer.bytesOf(id)!).toString());
  const event = (content: string, more = {}): string =>
    `data: ${JSON.stringify({ choices: [{ delta: { content }, ...more }] })}\n\n`;
  const lines: TraceLine[] = [
    {
      type: 'header',
      schema: 1,
      role,
      key: role === 'baseline' ? null : name,
      image: 'x',
      seed: '0x',
      originNs: 0,
      shard: 0,
      boot: 1,
      run: said,
      startedAt: '',
    },
    ...events.map((event): TraceLine => ({ type: 'event', tNs: 0, name: event })),
    { type: 'request', prompt: 0, warmup: false, tNs: 0, bodySha256: sha256Hex('body') },
    ...(outcome === 'done' ? texts : []).map((text, i): TraceLine => ({
      type: 'chunk',
      prompt: 0,
      tNs: Math.round((ttftMs + i) * MS),
      text: event(text),
    })),
    ...(outcome === 'done'
      ? [
          {
            type: 'chunk',
            prompt: 0,
            tNs: Math.round((ttftMs + 10) * MS),
            text: `${event('', { finish_reason: 'length' })}data: [DONE]\n\n`,
          } as TraceLine,
        ]
      : []),
    {
      type: 'end',
      prompt: 0,
      tNs: Math.round((ttftMs + 10) * MS),
      status: 200,
      outcome,
      detail: '',
      ...(cost ? { client: cost } : {}),
    },
    {
      type: 'teacher',
      prompt: 0,
      tokenIds: ids,
      ends: ids.map((_, i) => texts.slice(0, i + 1).join('').length),
      top: ids.map(() => -0.1),
      own: ids.map(() => -0.1),
    },
  ];
  return parseTrace(lines.map(traceLine).join(''), name);
}
