// Judges one boot of one shard as a signed plan wants it: prompts, requests and arms.
import { because, type Reasoned, whyOf } from '../schema/reasons.ts';
import { compactJson } from '../core/canonical.ts';
import type { Tokenizer } from '../core/tokenizer.ts';
import type { LedgerRecord } from '../ledger/verify.ts';
import { suiteHash } from '../prompts/sampler.ts';
import type { BootPrompts } from '../prompts/suites.ts';
import { CHAT_TEMPLATES } from '../prompts/template.ts';
import type { Arena } from '../schema/arena.ts';
import { DocumentError } from '../schema/errors.ts';
import { tracePath } from '../schema/paths.ts';
import type { Message, Prompt } from '../schema/prompt.ts';
import type { RoundEntry } from '../schema/records.ts';
import { requestBody } from '../schema/request.ts';
import type { Trace } from '../schema/trace.ts';
import type { Verdict } from '../schema/verdicts.ts';
import { type ArmVerdict, withoutNumbers } from './arm.ts';
import { type BootReading, readBoot, runOf } from './boot.ts';
import { armReport } from './evaluation.ts';

/** Traces of a round by path. */
export type RoundTraces = ReadonlyMap<string, Trace>;
/** What judging a round takes. */
export type Judging = {
  readonly plan: LedgerRecord<'plan'>;
  readonly arena: Arena;
  readonly tokenizer: Tokenizer;
  readonly traces: RoundTraces;
};
/** Which boot of which shard. */
export type BootPlace = { readonly shard: number; readonly boot: number };
export type BootResult = RoundEntry['boots'][number] &
  Reasoned & {
    readonly verdict: Verdict;
    readonly promptScores: readonly (number | null)[];
  };

const poolsOf = (arena: Arena): BootPrompts => {
  const range = (from: number, to: number): number[] =>
    Array.from({ length: to - from }, (_, i) => from + i);
  return {
    warmup: range(0, arena.warmupPrompts),
    scored: range(arena.warmupPrompts, arena.warmupPrompts + arena.scoredPrompts),
  };
};

/** The suite that a trace's requests spell out: it must hash to the signed plan's. */
function suiteOf(trace: Trace, tokenizer: Tokenizer, arena: Arena): Prompt[] {
  const render = CHAT_TEMPLATES[arena.model.chatTemplate];
  return trace.requests.map(({ prompt, warmup, body }) => {
    const messages = (body['messages'] ?? []) as Message[];
    return {
      index: prompt,
      pool: warmup ? 'warmup' : 'scored',
      messages,
      tokens: tokenizer.encodePrompt(render(messages, arena.model.systemMessage)).length,
    };
  });
}

const named = ({ shard, boot }: BootPlace): string => `shard ${shard}, boot ${boot}`;

/** Reads a boot's traces: those that belong to the plan, to this boot, and to their arm. */
function readPlanned({ plan, arena, tokenizer, traces }: Judging, at: BootPlace): BootReading {
  const { shard, boot } = at;
  return readBoot({
    given: (name, run) => traces.get(tracePath(shard, boot, name, run)) ?? null,
    context: { arena, tokenizer, prompts: poolsOf(arena) },
    place: named(at),
    belongs: ({ header }) =>
      header.shard === shard &&
      header.boot === boot &&
      header.blockHash === plan.predicate.seed &&
      (header.role === 'baseline') === (header.key === null),
    usable: (key, own, baseline) => {
      if (own.header.key !== key) return false;
      assertSamePrompts(own, baseline, key);
      return true;
    },
  });
}

/** The baseline's prompts must be the plan's, and its requests the arena's. */
function assertPlanned(
  { plan, arena, tokenizer }: Judging,
  { shard, boot }: BootPlace,
  { first, attempt }: BootReading,
): void {
  const path = tracePath(shard, boot, 'baseline', runOf(attempt, 'first'));
  const expected = plan.predicate.promptSuites.find((suite) => suite.boot === boot)?.sha256;
  if (suiteHash(suiteOf(first!, tokenizer, arena)) !== expected)
    throw new DocumentError(
      'BAD_TRACE',
      'usage',
      `${path} asks other prompts than the plan`,
      'the trace belongs to another plan, or was edited',
    );
  assertPlannedRequests(first!, arena, path);
}

/** Judges one boot of one shard: every entry that was to run in it. */
export function judgeBoot(
  judging: Judging,
  at: BootPlace,
  keys: readonly string[],
): Map<string, BootResult> {
  const reading = readPlanned(judging, at);
  const { baseline, first } = reading;
  if (first && baseline.ok) assertPlanned(judging, at, reading);
  const { submissions } = judging.plan.predicate;
  const results = new Map<string, BootResult>();
  for (const key of keys) {
    const history = submissions.find((submission) => submission.key === key)?.history ?? null;
    const arm = judgeOwn(() => reading.judge(key, history)) ?? unusable(at);
    const { verdict, promptScores } = arm;
    const report = armReport(arm, baseline);
    results.set(key, { ...at, verdict, ...whyOf(arm), promptScores, report });
  }
  return results;
}

/** The verdict on an arm that left no trace to judge. */
const unusable = (at: BootPlace): ArmVerdict =>
  withoutNumbers('INFRA_HOST', because('no-trace', `${named(at)}: no usable trace`));

/**
 * Null where an entry's trace is cut or belongs elsewhere: an infrastructure fault, and no reason
 * to lose the whole round.
 */
function judgeOwn(judge: () => ArmVerdict | null): ArmVerdict | null {
  try {
    return judge();
  } catch (error) {
    if (error instanceof DocumentError && error.code === 'BAD_TRACE') return null;
    throw error;
  }
}

/**
 * Every field of a request must be the arena's: a dishonest runner could ask all arms the same
 * wrong thing, say another temperature or fewer tokens.
 */
function assertPlannedRequests(trace: Trace, arena: Arena, name: string): void {
  for (const { prompt, warmup, body } of trace.requests) {
    const messages = (body['messages'] ?? []) as Message[];
    const planned = requestBody(
      { index: prompt, pool: warmup ? 'warmup' : 'scored', messages, tokens: 0 },
      arena,
    );
    if (compactJson(planned) !== compactJson(body))
      throw new DocumentError(
        'BAD_TRACE',
        'usage',
        `${name}: the request of prompt ${prompt} is not the arena's`,
        'the trace belongs to another plan, or was edited',
      );
  }
}

function assertSamePrompts(own: Trace, baseline: Trace, name: string): void {
  for (const { prompt, body } of own.requests) {
    const other = baseline.requests.find((request) => request.prompt === prompt);
    if (other && JSON.stringify(other.body) !== JSON.stringify(body))
      throw new DocumentError(
        'BAD_TRACE',
        'usage',
        `${name}: prompt ${prompt} differs from the baseline's`,
        'the trace belongs to another plan, or was edited',
      );
  }
}
