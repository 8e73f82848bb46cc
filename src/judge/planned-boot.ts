// Judges one boot of one shard as a signed plan wants it: prompts, requests and arms.
import { because, type Reasoned, whyOf } from '../schema/reasons.ts';
import { compactJson } from '../core/canonical.ts';
import type { Tokenizer } from '../core/tokenizer.ts';
import type { DrawnPlan, RoundEvidence } from './drawn-plan.ts';
import { suiteHash } from '../prompts/sampler.ts';
import { type BootPrompts, scoredIn } from '../prompts/suites.ts';
import { CHAT_TEMPLATES } from '../prompts/template.ts';
import type { Arena } from '../schema/arena.ts';
import { DocumentError } from '../schema/errors.ts';
import { promptsPath, tracePath } from '../schema/paths.ts';
import type { BootBodies, BootBody } from '../schema/boot-bodies.ts';
import type { Prompt } from '../schema/prompt.ts';
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

/** What judging a round takes. */
export type Judging = DrawnPlan &
  RoundEvidence & {
    readonly arena: Arena;
    readonly tokenizer: Tokenizer;
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

/** The suite that a boot's bodies spell out, as the round names it by its hash. */
function suiteOf(bodies: BootBodies, tokenizer: Tokenizer, arena: Arena): Prompt[] {
  const render = CHAT_TEMPLATES[arena.model.chatTemplate];
  return [...bodies.values()].map(({ prompt, warmup, body: { messages } }) => ({
    index: prompt,
    pool: warmup ? 'warmup' : 'scored',
    messages,
    tokens: tokenizer.encodePrompt(render(messages, arena.model.systemMessage)).length,
  }));
}

/**
 * What every server of a boot was asked: the plan's number of prompts, in the arena's words. Throws
 * `BAD_TRACE`; null where the boot has no such file.
 */
function plannedBodies({ arena, bodies }: Judging, { shard, boot }: BootPlace): BootBodies | null {
  const path = promptsPath(shard, boot);
  const found = bodies.get(path);
  if (!found) return null;
  const { warmup, scored } = plannedPools(arena, boot);
  const planned = [...warmup, ...scored].map((index) => found.get(index));
  if (found.size !== planned.length || planned.includes(undefined))
    throw badTrace(`${path} has other prompts than the arena asks`);
  for (const line of found.values()) assertArenas(line, warmup, arena, path);
  return found;
}

const badTrace = (what: string): DocumentError =>
  new DocumentError('BAD_TRACE', 'usage', what, 'it belongs to another plan, or was edited');

/** The hash of a boot's prompts; null where nothing was asked in it. */
export function suiteHashOf(judging: Judging, at: BootPlace): string | null {
  const bodies = plannedBodies(judging, at);
  return bodies && suiteHash(suiteOf(bodies, judging.tokenizer, judging.arena));
}

const named = ({ shard, boot }: BootPlace): string => `shard ${shard}, boot ${boot}`;

/** Where a boot's traces are, and which of them belong to the plan, to this boot, to their arm. */
function sourceOf(judging: Judging, at: BootPlace): BootSource {
  const { arena, tokenizer, traces, look, seed } = judging;
  const { shard, boot } = at;
  const bodies = plannedBodies(judging, at);
  return {
    given: (name, run) => traces.get(tracePath(shard, boot, name, run)) ?? null,
    context: { arena, tokenizer, prompts: plannedPools(arena, boot) },
    place: named(at),
    toleratesCuts: true,
    look: boot === 1 ? 'all' : (look ?? 'all'),
    belongs: ({ header }) =>
      header.shard === shard &&
      header.boot === boot &&
      header.seed === seed &&
      (header.role === 'baseline' || header.role === 'control') === (header.key === null),
    usable: (name, own) => {
      if ((own.header.key ?? own.header.role) !== name) return false;
      assertAsked(own, bodies, tracePath(shard, boot, name, own.header.run));
      return true;
    },
  };
}

/** Every server of a boot is asked the same. */
function assertAsked({ requests }: Trace, bodies: BootBodies | null, path: string): void {
  for (const { prompt, warmup, bodySha256 } of requests) {
    const planned = bodies?.get(prompt);
    if (planned?.bodySha256 !== bodySha256 || planned.warmup !== warmup)
      throw badTrace(`${path}: prompt ${prompt} is not its boot's`);
  }
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
  { seed, traces }: Pick<Judging, 'seed' | 'traces'>,
  { shard, boot }: BootPlace,
  names: readonly string[],
): string | null {
  const has = (name: string, run: Nth = 'first'): boolean =>
    traces.has(tracePath(shard, boot, name, runOf(1, run)));
  if (boot === 1 && (!has('baseline') || has('baseline', 'second'))) return null;
  const order = armOrder(names, fromHex(seed)!, shard, boot);
  const first = order.findIndex((name) => !has(name));
  return first >= 0 && !order.slice(first).some((name) => has(name)) ? order[first]! : null;
}

/** Reads boot 1 of a shard; its baseline must have been asked what the plan says. */
export function readFirstBoot(judging: Judging, shard: number): BootReading {
  const at = { shard, boot: 1 };
  const reading = readBoot(sourceOf(judging, at));
  const { first, baseline } = reading;
  const bodies = plannedBodies(judging, at);
  if (first && baseline.ok) assertAsked(first, bodies, tracePath(shard, 1, 'baseline', 1));
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
function assertArenas(
  { prompt, warmup, body }: BootBody,
  warmups: readonly number[],
  arena: Arena,
  path: string,
): void {
  const { messages } = body;
  const pool = warmup ? 'warmup' : 'scored';
  const planned = requestBody({ index: prompt, pool, messages, tokens: 0 }, arena);
  if (warmup !== warmups.includes(prompt) || compactJson(planned) !== compactJson(body))
    throw badTrace(`${path}: the request of prompt ${prompt} is not the arena's`);
}
