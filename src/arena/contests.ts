// Who holds the winner's slot of each shard, and what each challenger's try against it came to.
import type { BootTerms, VerifiedResult } from '../ledger/verified-result.ts';
import type { Noise } from '../schema/calibration.ts';
import { because } from '../schema/reasons.ts';
import { isMinerFault } from '../schema/verdicts.ts';
import {
  type Contest,
  decide,
  type TakeoverDecision,
  firstZ,
  type Pair,
  type TakeoverRules,
} from './takeover.ts';

/** A result with the image it belongs to. */
export type RankedEntry = {
  readonly result: VerifiedResult;
  readonly image: string;
  readonly digest: string;
  readonly base: string | null;
};

/** The baseline of one shard: boot 1, and the later boots in which it held the winner's slot. */
export type ShardBaseline = { readonly shard: number; readonly boots: readonly BootTerms[] };

/** What every try of a round shares. */
export type RoundField = {
  readonly entries: readonly RankedEntry[];
  readonly baselines: readonly ShardBaseline[];
  readonly rules: TakeoverRules;
  readonly noise: Noise | null;
  readonly controlRatio: number;
  /** Keys of the standing winner and runner-up; null: no such place. */
  readonly winner: string | null;
  readonly runnerUp: string | null;
};

/** Whom a challenger of a shard had to beat. */
export type Slot =
  | { readonly kind: 'winner'; readonly boots: readonly BootTerms[] }
  | { readonly kind: 'baseline'; readonly boots: readonly BootTerms[] }
  | { readonly kind: 'shut' };

/** One challenger's try, in which shard and against whom. */
export type TakeoverTry = {
  readonly key: string;
  readonly shard: number;
  readonly against: Slot['kind'];
  readonly decision: TakeoverDecision;
};

/** What a round says of a server: measured, failed by its own fault, or not measured (`INFRA`). */
export type EntryOutcome = 'measured' | 'failed' | 'unmeasured';
export function entryOutcome({ result: { verdict } }: RankedEntry): EntryOutcome {
  if (verdict === 'VALID') return 'measured';
  return isMinerFault(verdict) ? 'failed' : 'unmeasured';
}

/** The entry of a key; null where there is none. */
export function entryOf(
  { entries }: Pick<RoundField, 'entries'>,
  key: string | null,
): RankedEntry | null {
  return entries.find(({ result }) => result.key === key) ?? null;
}

/** The boots of one shard, in order. */
function bootsIn({ boots }: Pick<ShardBaseline, 'boots'>, shard: number): BootTerms[] {
  return boots.filter((boot) => boot.shard === shard).sort((a, b) => a.boot - b.boot);
}

/** The baseline's boots of a shard; empty where it could not be used. */
function baselineBoots({ baselines }: Pick<RoundField, 'baselines'>, shard: number): BootTerms[] {
  return baselines.filter((item) => item.shard === shard).flatMap((item) => bootsIn(item, shard));
}

/**
 * Whom a shard's challengers have to beat (RULES "Takeover: the winner's slot"): nothing is compared
 * with an old score, so a winner that could not be measured here shuts the door.
 */
export function slotOf(field: RoundField, shard: number): Slot {
  const baseline = (): Slot => ({ kind: 'baseline', boots: baselineBoots(field, shard) });
  const winner = entryOf(field, field.winner);
  if (!winner) return baseline();
  const boots = bootsIn(winner.result, shard);
  if (boots[0]?.boot === 1) return boots[0].score > 0 ? { kind: 'winner', boots } : baseline();
  return entryOutcome(winner) === 'failed' ? baseline() : { kind: 'shut' };
}

/** A challenger's contest with whoever was measured in a shard; null without a baseline there. */
function contestWith(
  field: RoundField,
  shard: number,
  opponent: readonly BootTerms[],
  against: 'server' | 'baseline',
): Contest | null {
  const baseline = baselineBoots(field, shard)[0];
  const first = opponent[0];
  if (baseline?.boot !== 1 || first?.boot !== 1) return null;
  const clamped = against === 'server';
  const { noise, controlRatio } = field;
  const score = clamped ? first.score : 0;
  const opposed = { ...first.medians, score };
  return { baseline: baseline.medians, opponent: opposed, clamped, noise, controlRatio };
}

/** The boots that both were measured in, from boot 1 on without a gap. */
function pairsOf(own: readonly BootTerms[], other: readonly BootTerms[]): Pair[] {
  const pairs: Pair[] = [];
  for (const [index, { boot, prompts }] of own.entries()) {
    const opponent = other.find((item) => item.boot === boot);
    if (!opponent || boot !== index + 1) break;
    pairs.push({ boot, challenger: prompts, opponent: opponent.prompts });
  }
  return pairs;
}

const undecided = (code: string, detail: string): TakeoverDecision => ({
  takesOver: false,
  goesOn: true,
  bar: Infinity,
  mean: null,
  boots: [],
  ...because(code, detail),
});

/** What one challenger's try came to. `goesOn` at a round's end means: undecided, not final. */
export function tryOf(field: RoundField, { result }: RankedEntry): TakeoverTry {
  const shard = result.boots[0]!.shard;
  const own = bootsIn(result, shard);
  const slot = slotOf(field, shard);
  const head = { key: result.key, shard, against: slot.kind };
  if (slot.kind === 'shut') {
    const decision = undecided('door-shut', 'the winner could not be measured beside it');
    return { ...head, decision };
  }
  const against = slot.kind === 'winner' ? 'server' : 'baseline';
  const contest = contestWith(field, shard, slot.boots, against);
  if (!contest)
    return { ...head, decision: undecided('no-baseline', 'the baseline has no boot 1 beside it') };
  const pairs = pairsOf(own, slot.boots);
  return { ...head, decision: decide(contest, own[0]!.score, pairs, field.rules) };
}

/**
 * Z after boot 1 against another entry of the same shard, or against the baseline for null; -Infinity
 * where one of them has no boot 1 there.
 */
export function zAgainst(
  field: RoundField,
  { result }: RankedEntry,
  other: RankedEntry | null,
): number {
  const shard = result.boots[0]!.shard;
  const own = bootsIn(result, shard);
  const boots = other ? bootsIn(other.result, shard) : baselineBoots(field, shard);
  const contest = contestWith(field, shard, boots, other ? 'server' : 'baseline');
  const pair = pairsOf(own, boots)[0];
  return contest && pair ? firstZ(contest, pair, field.rules) : -Infinity;
}
