// Judges one boot of one shard as a signed plan wants it: prompts, requests and arms.
import { because, type Reasoned, whyOf } from '../schema/reasons.ts';
import { compactJson } from '../core/canonical.ts';
import type { Tokenizer } from '../core/tokenizer.ts';
import type { LedgerRecord } from '../ledger/verify.ts';
import { suiteHash } from '../prompts/sampler.ts';
import { type BootPrompts, scoredIn } from '../prompts/suites.ts';
import { CHAT_TEMPLATES } from '../prompts/template.ts';
import type { Arena } from '../schema/arena.ts';
import { DocumentError } from '../schema/errors.ts';
import { tracePath } from '../schema/paths.ts';
import type { Message, Prompt } from '../schema/prompt.ts';
import type { RoundEntry } from '../schema/records.ts';
import { requestBody } from '../schema/request.ts';
import type { Trace } from '../schema/trace.ts';
import type { Verdict } from '../schema/verdicts.ts';
import type { BootTerms } from '../ledger/verified-result.ts';
import { type ArmVerdict, unlessCut, withoutNumbers } from './arm.ts';
import { armReport } from './arm-report.ts';
import type { BaselineReading } from './baseline.ts';
import {
  type ArmName,
  type BootReading,
  type BootSource,
  type Nth,
  readBoot,
  readLaterBoot,
  runOf,
} from './boot.ts';
import { armOrder } from '../arena/deal.ts';
import { fromHex } from '../core/bytes.ts';

/** Traces of a round by path. */
export type RoundTraces = ReadonlyMap<string, Trace>;
/** What judging a round takes. */
export type Judging = {
  readonly plan: LedgerRecord<'plan'>;
  readonly arena: Arena;
  readonly tokenizer: Tokenizer;
  readonly traces: RoundTraces;
  /** `times` while later boots are still measured: no reference has forced them yet. */
  readonly look?: 'all' | 'times';
};
/** Which boot of which shard. */
export type BootPlace = { readonly shard: number; readonly boot: number };
export type BootResult = RoundEntry['boots'][number] &
  Reasoned & {
    readonly verdict: Verdict;
    /** What was timed, whatever the gate says; null where nothing was. */
    readonly terms: BootTerms | null;
  };

/** Which prompts of a boot are warm-ups, and which are scored. */
const plannedPools = (arena: Arena, boot: number): BootPrompts => {
  const range = (from: number, to: number): number[] =>
    Array.from({ length: to - from }, (_, i) => from + i);
  return {
    warmup: range(0, arena.warmupPrompts),
    scored: range(arena.warmupPrompts, arena.warmupPrompts + scoredIn(arena, boot)),
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

/** Where a boot's traces are, and which of them belong to the plan, to this boot, to their arm. */
function sourceOf({ plan, arena, tokenizer, traces, look }: Judging, at: BootPlace): BootSource {
  const { shard, boot } = at;
  return {
    given: (name, run) => traces.get(tracePath(shard, boot, name, run)) ?? null,
    context: { arena, tokenizer, prompts: plannedPools(arena, boot) },
    place: named(at),
    look: boot === 1 ? 'all' : (look ?? 'all'),
    belongs: ({ header }) =>
      header.shard === shard &&
      header.boot === boot &&
      header.blockHash === plan.predicate.seed &&
      (header.role === 'baseline' || header.role === 'control') === (header.key === null),
    usable: (name, own, baseline) => {
      if ((own.header.key ?? own.header.role) !== name) return false;
      if (baseline) assertSamePrompts(own, baseline, name);
      else assertPlanned({ plan, arena, tokenizer }, at, own, name);
      return true;
    },
  };
}

/** A trace's prompts must be the plan's, and its requests the arena's. */
function assertPlanned(
  { plan, arena, tokenizer }: Pick<Judging, 'plan' | 'arena' | 'tokenizer'>,
  { shard, boot }: BootPlace,
  trace: Trace,
  name: string,
): void {
  const path = tracePath(shard, boot, name, trace.header.run);
  const suite = suiteOf(trace, tokenizer, arena);
  const whole = plannedPools(arena, boot);
  assertPlannedRequests(trace, arena, path);
  // A fault ends a run early: what it was asked is the suite's beginning.
  if (suite.length < whole.warmup.length + whole.scored.length) return;
  const { promptSuites } = plan.predicate;
  const isOwn = (item: BootPlace): boolean => item.shard === shard && item.boot === boot;
  const expected = promptSuites.find(isOwn)?.sha256;
  if (suiteHash(suite) !== expected)
    throw new DocumentError(
      'BAD_TRACE',
      'usage',
      `${path} asks other prompts than the plan`,
      'the trace belongs to another plan, or was edited',
    );
}

/** Who ran in a boot, beside the baseline; and whether the machine broke off while it did. */
export type BootEntry = ArmName & {
  readonly at: BootPlace;
  readonly brokeOff: boolean;
  /** How many prompts of the boot are scored. */
  readonly prompts: number;
};

/**
 * Whose run a machine did not survive: the first server, in the order drawn, of which it left no
 * trace, where it left none of any later one; null where it left them all.
 */
export function brokeOffAt(
  { plan, traces }: Pick<Judging, 'plan' | 'traces'>,
  { shard, boot }: BootPlace,
  names: readonly string[],
): string | null {
  const has = (name: string, run: Nth = 'first'): boolean =>
    traces.has(tracePath(shard, boot, name, runOf(1, run)));
  if (boot === 1 && (!has('baseline') || has('baseline', 'second'))) return null;
  const order = armOrder(names, fromHex(plan.predicate.seed)!, shard, boot);
  const first = order.findIndex((name) => !has(name));
  return first >= 0 && !order.slice(first).some((name) => has(name)) ? order[first]! : null;
}

/** Reads boot 1 of a shard; its baseline must have been asked what the plan says. */
export function readFirstBoot(judging: Judging, shard: number): BootReading {
  const at = { shard, boot: 1 };
  const reading = readBoot(sourceOf(judging, at));
  const { first, baseline } = reading;
  if (first && baseline.ok) assertPlanned(judging, at, first, 'baseline');
  return reading;
}

/** Reads a later boot of a shard, beside the baseline of its boot 1. */
export function readNextBoot(
  judging: Judging,
  at: BootPlace,
  baseline: BaselineReading,
): BootReading['judge'] {
  return readLaterBoot(sourceOf(judging, at), baseline);
}

/** What one boot says of one entry. */
export function bootResult(
  { at, brokeOff, prompts, ...arm }: BootEntry,
  judge: BootReading['judge'],
  baseline: BaselineReading,
): BootResult {
  const verdict = unlessCut(() => judge(arm)) ?? unusable(at, brokeOff);
  const report = armReport(verdict, baseline, at.boot === 1);
  return {
    ...at,
    verdict: verdict.verdict,
    ...whyOf(verdict),
    report,
    terms: termsOf(at, verdict, prompts),
  };
}

/**
 * What ranking needs of a boot; null where nothing was timed. A server that was too slow counts as
 * one that never answers: else a winner that sleeps in a later boot would leave nothing to compare.
 */
function termsOf(at: BootPlace, arm: ArmVerdict, prompts: number): BootTerms | null {
  const { summary, timings, verdict } = arm;
  if (summary !== null) return { ...at, score: arm.score, medians: summary, prompts: timings };
  if (verdict !== 'VALID') return null;
  return { ...at, score: 0, medians: NEVER, prompts: Array.from({ length: prompts }, () => NEVER) };
}

const NEVER = { ttftNs: Infinity, tokensPerSecond: 0 } as const;

/** The verdict on an arm that left no trace to judge. */
function unusable(at: BootPlace, brokeOff: boolean): ArmVerdict {
  const code = brokeOff ? 'broke-off' : 'no-trace';
  const what = brokeOff ? 'the machine broke off while it ran' : 'no usable trace';
  return withoutNumbers('INFRA_HOST', because(code, `${named(at)}: ${what}`));
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
