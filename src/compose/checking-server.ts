// What a validator would say of a server: start, health, and the answers to a few sample prompts.
import { type Answer, readAnswer } from '../answers/answer.ts';
import { spells } from '../answers/answer-ids.ts';
import type { Tokenizer } from '../core/tokenizer.ts';
import { type LoadPorts, runArm } from '../measure/arm-run.ts';
import type { EngineTarget } from '../measure/engine.ts';
import type { Arena } from '../schema/arena.ts';
import type { Prompt } from '../schema/prompt.ts';
import { type Trace, type TracedRequest, traceOfLines } from '../schema/trace.ts';
import { verdictOfEvent } from '../schema/trace-events.ts';
import { type CheckFinding, checked, refused, unchecked } from './check-findings.ts';
import { lastWordsMend } from './check-mends.ts';

/** Which server is asked, and what. */
export type ServerQuestion = {
  readonly arena: Arena;
  readonly target: EngineTarget;
  /** Warm-ups first; a last one that repeats the first scored one shows whether answers repeat. */
  readonly prompts: readonly Prompt[];
};
type ServerPorts = LoadPorts & { readonly tokenizer: Tokenizer };
/** An answer that was read, with its request. */
type Answered = { readonly request: TracedRequest; readonly answer: Answer };

const LOG_LINES = 6;
const present = (finding: CheckFinding | null): CheckFinding[] => (finding ? [finding] : []);

/** The same prompt once more, so that an answer can be compared with itself. */
export function withRepeat(prompts: readonly Prompt[]): Prompt[] {
  const first = prompts.find(({ pool }) => pool === 'scored')!;
  const index = Math.max(...prompts.map((prompt) => prompt.index)) + 1;
  return [...prompts, { ...first, index }];
}

/** How the server's life went: a healthy start, or why it ended. */
function lifeFindings(trace: Trace, target: EngineTarget, log: string | null): CheckFinding[] {
  const healthy = trace.events.find(({ name }) => name === 'healthy');
  const found: CheckFinding[] = healthy
    ? [
        checked(
          'start',
          'Start deadline',
          `GET /health answered 200 after ${(healthy.tNs / 1e9).toFixed(1)} s`,
        ),
      ]
    : [];
  for (const { name, detail } of trace.events) {
    const verdict = verdictOfEvent(name);
    if (verdict !== null) found.push(deathFinding(verdict, detail ?? name, log));
  }
  if (target.kind === 'image' && healthy)
    found.push(checked('sandbox', 'Rights of a server', 'it starts confined, without a network'));
  return found;
}

function deathFinding(
  verdict: Parameters<typeof refused>[1],
  detail: string,
  log: string | null,
): CheckFinding {
  const plain = refused('server', verdict, detail);
  if (log === null || log.trim() === '') return plain;
  const words = lastWordsMend(log);
  const lines = log.trimEnd().split('\n').slice(-LOG_LINES).join('\n');
  return {
    ...plain,
    detail: `${detail}${words ? `: ${words.what}` : ''}; its last lines:\n${lines}`,
    mend: words?.mend ?? plain.mend,
  };
}

/** Network calls that a healthy server tried all the same. */
function networkFindings(target: EngineTarget, log: string | null): CheckFinding[] {
  if (target.kind === 'url')
    return [
      unchecked(
        'network',
        'Rights of a server',
        'whether it calls out at start cannot be told of a running server',
        'check its image with --run',
      ),
    ];
  const words = log === null ? null : lastWordsMend(log);
  return words?.what === 'it reaches for the network'
    ? [unchecked('network', 'Rights of a server', `${words.what}, and goes on without`, words.mend)]
    : [checked('network', 'Rights of a server', 'nothing in its output asks for a network')];
}

function logprobFinding(answers: readonly Answered[]): CheckFinding | null {
  const warm = answers.filter(({ request }) => request.warmup);
  if (warm.length === 0) return null;
  const mute = warm.find(
    ({ answer: { logprobs } }) =>
      logprobs.length === 0 || logprobs.some(({ top }) => top.length === 0),
  );
  return mute
    ? refused('logprobs', 'E_API', `prompt ${mute.request.prompt}: no logprobs, though asked for`)
    : checked('logprobs', 'Warm-up', 'warm-ups carry logprobs and top_logprobs');
}

function streamingFinding(answers: readonly Answered[]): CheckFinding {
  const [tokens, chunks] = answers.reduce<[number, number]>(
    ([t, c], { answer }) => [t + answer.canonicalIds.length, c + answer.contentChunks.length],
    [0, 0],
  );
  const each = `${tokens} tokens in ${chunks} chunks`;
  return tokens > chunks * 4
    ? {
        ...unchecked('streaming', 'TTFT', `${each}: packed answers`, ''),
        mend: 'no fault, but it is charged: send each token when you have it',
      }
    : checked('streaming', 'TTFT', each);
}

/** How answers end: the reason, and as many tokens as the end says. */
function* endFindings(answers: readonly Answered[], arena: Arena): Generator<CheckFinding> {
  const { maxTokens, gate } = arena;
  for (const { request, answer } of answers) {
    const place = `prompt ${request.prompt}`;
    const tokens = answer.tokenIds?.length ?? answer.canonicalIds.length;
    if (answer.finishReason === null) yield refused('ends', 'E_GATE', `${place}: no finish_reason`);
    else if (answer.finishReason !== 'length' && answer.finishReason !== 'stop')
      yield refused(
        'ends',
        'E_GATE',
        `${place}: finish_reason ${answer.finishReason}, not stop or length`,
      );
    else if (
      answer.finishReason === 'length' &&
      Math.abs(tokens - maxTokens) > (answer.tokenIds ? 0 : gate.lengthTolerance * maxTokens)
    )
      yield refused(
        'lengths',
        'E_GATE',
        `${place}: ends by length with ${tokens} tokens, max_tokens is ${maxTokens}`,
      );
    else if (tokens === 0) yield refused('lengths', 'E_GATE', `${place}: an empty answer`);
  }
}

/** Token ids where the server gives them: they must spell the text, and an end must be the model's. */
function* idFindings(
  answers: readonly Answered[],
  arena: Arena,
  tokenizer: Tokenizer,
): Generator<CheckFinding> {
  const given = answers.filter(({ answer }) => answer.tokenIds !== null);
  if (given.length < answers.length)
    yield unchecked(
      'token ids',
      'Token ids of an answer',
      'not given for every event',
      'no fault: return_token_ids makes the gate exact where text re-encodes otherwise',
    );
  for (const { request, answer } of given) {
    const stopped = answer.finishReason === 'stop';
    const last = answer.tokenIds!.at(-1) === arena.model.eosTokenId;
    const ids = stopped && last ? answer.tokenIds!.slice(0, -1) : answer.tokenIds!;
    if (!spells(ids, answer.text, tokenizer)) {
      yield refused(
        'token ids',
        'E_GATE',
        `prompt ${request.prompt}: its ids do not spell its text`,
      );
      return;
    }
  }
  if (given.length > 0 && given.length === answers.length)
    yield checked('token ids', 'Token ids of an answer', 'they spell the text');
}

/** Whether the same prompt gave the same text: sampling shows here. */
function repeatFinding(answers: readonly Answered[], repeated: number): CheckFinding | null {
  const again = answers.find(({ request }) => request.prompt === repeated);
  const body = again?.request.bodySha256;
  const first = answers.find(
    ({ request }) => request.bodySha256 === body && request.prompt !== repeated,
  );
  if (!again || !first) return null;
  return first.answer.text === again.answer.text
    ? checked('greedy', 'Gate: mean margin', 'the same prompt gave the same answer twice')
    : unchecked(
        'greedy',
        'Gate: mean margin',
        'the same prompt gave two answers: near-ties, or sampling',
        'temperature 0 means greedy; a penalty of generation_config.json must not apply',
      );
}

/** The first fault of the answers, or that all of them were read. */
function answerFindings(
  trace: Trace,
  { arena, prompts }: ServerQuestion,
  tokenizer: Tokenizer,
): CheckFinding[] {
  const answers: Answered[] = [];
  for (const request of trace.requests) {
    if (request.end === null) continue;
    const read = readAnswer(request, tokenizer, arena);
    if ('fault' in read) {
      const { verdict, reason } = read.fault;
      const asked =
        verdict === 'E_API' ? ` (the model that was asked for: ${arena.model.name})` : '';
      return [refused('answers', verdict, reason + asked)];
    }
    answers.push({ request, answer: read.answer });
  }
  if (answers.length === 0) return [];
  const took = answers.map(({ request }) => (request.end!.tNs - request.sentNs) / 1e9);
  const longest = Math.max(...took);
  const read = `${answers.length} read, the longest took ${longest.toFixed(1)} of ${arena.deadlines.request} s`;
  const ends = [...endFindings(answers, arena)];
  return [
    checked('answers', 'Status codes', read),
    ...present(logprobFinding(answers)),
    ...ends,
    ...(ends.length === 0
      ? [checked('ends', 'End of an answer', 'every answer says why, and is as long')]
      : []),
    streamingFinding(answers),
    ...idFindings(answers, arena, tokenizer),
    ...present(repeatFinding(answers, prompts.at(-1)!.index)),
  ];
}

/**
 * Starts or reaches a server, asks it sample prompts as an arm is asked, and says what a validator
 * would. Nothing is timed against a baseline: that is `eval`.
 */
export async function checkServer(
  ports: ServerPorts,
  question: ServerQuestion,
): Promise<CheckFinding[]> {
  const { arena, target, prompts } = question;
  const begun = ports.clock.nowNs();
  const header = {
    ...{ role: 'challenger' as const, key: null, seed: 'check', shard: 0, boot: 1, run: 1 },
    startedAt: new Date().toISOString(),
  };
  const run = await runArm(ports, {
    ...{ arena, target, header, prompts, allowance: null, beganNs: begun },
  });
  const trace = traceOfLines(run.lines, 'the check');
  const log = run.log === null ? null : Buffer.from(run.log).toString('utf8');
  const life = lifeFindings(trace, target, log);
  const answers = answerFindings(trace, question, ports.tokenizer);
  const healthy = trace.events.some(({ name }) => name === 'healthy');
  return [...life, ...answers, ...(healthy ? networkFindings(target, log) : [])];
}
