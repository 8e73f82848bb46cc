// Judges one shard of a plan, boot by boot: which servers start next, and what each came to.
import { type Allowance, allowanceOf } from './allowance.ts';
import { controlRatioOf, mostBoots } from '../arena/takeover.ts';
import {
  type RoundField,
  type RankedEntry,
  type ShardBaseline,
  slotOf,
  tryOf,
} from '../arena/contests.ts';
import type { BootTerms, EntryResult } from '../ledger/verified-result.ts';
import { type LedgerRecord, verifyResults } from '../ledger/verify.ts';
import { whyOf } from '../schema/reasons.ts';
import { scoredIn } from '../prompts/suites.ts';
import type { Submission } from '../schema/submission.ts';
import type { BaselineReading, Baseline } from './baseline.ts';
import type { DrawnPlan } from './drawn-plan.ts';
import { NOT_MEASURED } from './entry-verdict.ts';
import type { BootReading } from './boot.ts';
import { CONTROL, type ControlResult, hasControl, judgeControl } from './role-control.ts';
import {
  type BootEntry,
  type BootResult,
  bootResult,
  brokeOffAt,
  type Judging,
  readFirstBoot,
  readNextBoot,
} from './planned-boot.ts';

type Plan = LedgerRecord<'plan'>;

/** Name of the baseline among the servers of a boot, and in its traces. */
export const BASELINE = 'baseline';

/** One shard, judged. */
export type ShardResult = {
  readonly boots: ReadonlyMap<string, readonly BootResult[]>;
  readonly baseline: ShardBaseline;
  readonly control: ControlResult | null;
};

/** Which servers a boot starts: who holds the winner's slot, and the challengers that go on. */
export type NextBoot = { readonly holder: string; readonly challengers: readonly string[] };

/** A plan's line by its key. */
export function plannedEntry({ predicate }: Plan, key: string): Submission {
  return predicate.submissions.find((submission) => submission.key === key)!;
}

/** What all results of one entry share. */
export function headOf(
  plan: Plan,
  key: string,
): Omit<EntryResult, 'verdict' | 'reason' | 'reasons' | 'boots' | 'shards'> {
  const { hotkey, commitBlock, revealBlock, role } = plannedEntry(plan, key);
  const { winner, runnerUp } = plan.predicate.standing;
  // The chain may no longer show an incumbent's commitment: its place says when it was seen.
  const place = [winner, runnerUp].find((item) => item?.key === key);
  const revealedAt = place?.revealedAt ?? revealBlock ?? commitBlock;
  return { key, hotkey, commitBlock, revealedAt, role: role! };
}

/** Incumbents and challengers of a shard. */
export function sidesOf(
  { plan, shards }: DrawnPlan,
  shard: number,
): { incumbents: string[]; challengers: string[] } {
  const { entries } = shards.find(({ index }) => index === shard)!;
  const challengers = entries.filter((key) => plannedEntry(plan, key).role === 'challenger');
  return { challengers, incumbents: entries.filter((key) => !challengers.includes(key)) };
}

/** The standing winner's key, where a plan has one. */
const winnerOf = ({ predicate }: Plan): string | null => predicate.standing.winner?.key ?? null;

/** One shard's judging: its first boot, read once. */
class ShardJudging {
  readonly #judging: Judging;
  readonly #shard: number;
  readonly #first: BootReading;
  readonly #boots = new Map<string, BootResult[]>();
  readonly #baseline: BootTerms[] = [];

  constructor(judging: Judging, shard: number) {
    this.#judging = judging;
    this.#shard = shard;
    this.#first = readFirstBoot(judging, shard);
    const { baseline } = this.#first;
    if (baseline.ok) this.#baseline.push(baselineTerms(shard, baseline));
    const { incumbents, challengers } = sidesOf(judging, shard);
    const controls = hasControl(judging.arena, shard, 1) ? [CONTROL] : [];
    this.#addAll([...incumbents, ...challengers], 1, this.#first.judge, controls);
  }

  get reading(): BaselineReading {
    return this.#first.baseline;
  }

  /** Judges one more boot. */
  judgeNext(boot: number, { holder, challengers }: NextBoot): void {
    const judge = readNextBoot(this.#judging, { shard: this.#shard, boot }, this.reading);
    this.#addAll([holder, ...challengers], boot, judge);
  }

  /** Who runs in the next boot; null where the shard is at its end. */
  next(boot: number): NextBoot | null {
    if (boot >= mostBoots(this.#judging.arena)) return null;
    const field = this.#field();
    const slot = slotOf(field, this.#shard);
    if (slot.kind === 'shut') return null;
    const running = field.entries.filter(({ result }) => this.#goesOn(field, result, boot));
    if (running.length === 0) return null;
    const holder = slot.kind === 'winner' ? winnerOf(this.#judging.plan)! : BASELINE;
    return { holder, challengers: running.map(({ result }) => result.key) };
  }

  result(): ShardResult {
    const control = judgeControl(this.#judging, this.#shard, this.#first);
    const baseline = { shard: this.#shard, boots: this.#baseline };
    return { boots: this.#boots, baseline, control };
  }

  #addAll(
    names: readonly string[],
    boot: number,
    judge: BootReading['judge'],
    beside: readonly string[] = [],
  ): void {
    const at = { shard: this.#shard, boot };
    const broken = brokeOffAt(this.#judging, at, [...names, ...beside]);
    const prompts = scoredIn(this.#judging.arena, boot);
    for (const name of names) this.#add(name, { at, prompts, brokeOff: name === broken }, judge);
  }

  #add(
    name: string,
    where: Pick<BootEntry, 'at' | 'brokeOff' | 'prompts'>,
    judge: BootReading['judge'],
  ): void {
    if (name === BASELINE) {
      const entry = { name, incumbent: false, ...where };
      const { verdict, terms } = bootResult(entry, judge, this.reading);
      // A baseline without an answer is no yardstick: the boot ends the takeover.
      const answers = terms?.prompts.every(({ ttftNs }) => Number.isFinite(ttftNs)) === true;
      if (terms && answers && verdict === 'VALID') this.#baseline.push(terms);
      return;
    }
    const { role } = plannedEntry(this.#judging.plan, name);
    const entry = { name, incumbent: role !== 'challenger', ...where };
    const result = bootResult(entry, judge, this.reading);
    this.#boots.set(name, [...(this.#boots.get(name) ?? []), result]);
  }

  /** The round as far as this shard knows it. */
  #field(): RoundField {
    const { plan, arena } = this.#judging;
    const { standing, submissions, calibration, controls } = plan.predicate;
    const noise = calibration?.noise ?? null;
    const results = submissions
      .filter(({ status }) => status === 'evaluate')
      .map(({ key }) => soFar(plan, key, this.#boots.get(key) ?? []));
    return {
      entries: rankedEntries(plan, results),
      baselines: [{ shard: this.#shard, boots: this.#baseline }],
      rules: arena,
      noise,
      controlRatio: controlRatioOf(controls, noise, arena),
      winner: standing.winner?.key ?? null,
      runnerUp: standing.runnerUp?.key ?? null,
    };
  }

  /** Whether a challenger is undecided after this boot, and was measured in it beside its opponent. */
  #goesOn(field: RoundField, result: EntryResult, boot: number): boolean {
    if (result.role !== 'challenger' || result.verdict !== 'VALID') return false;
    const { decision } = tryOf(field, { result } as RankedEntry);
    return decision.goesOn && decision.boots.length === boot;
  }
}

/** The baseline's own terms in boot 1. */
function baselineTerms(shard: number, { summary, timings }: Baseline): BootTerms {
  return { shard, boot: 1, score: 0, medians: summary, prompts: timings };
}

/** Results with the images that they belong to. */
export function rankedEntries(plan: Plan, results: readonly EntryResult[]): RankedEntry[] {
  return verifyResults(plan, results).map((result) => {
    const { image, digest, base } = plannedEntry(plan, result.key);
    return { result, image: image!, digest: digest!, base };
  });
}

/**
 * One entry after some boots. In later boots the times alone decide who goes on: their answers are
 * forced after the last of them.
 */
function soFar(plan: Plan, key: string, boots: readonly BootResult[]): EntryResult {
  const passed = ({ boot, verdict, terms }: BootResult): boolean =>
    terms !== null && (verdict === 'VALID' || boot > 1);
  const fault = boots.find((boot) => !passed(boot));
  const seen = fault ?? boots.at(-1) ?? NOT_MEASURED;
  const verdict = fault === undefined && boots.length > 0 ? 'VALID' : seen.verdict;
  const winner = key === winnerOf(plan);
  // A winner's later boot that could not be measured ends the takeover, not the winner.
  const stands = winner && boots[0] !== undefined && passed(boots[0]);
  return {
    ...headOf(plan, key),
    verdict: stands ? 'VALID' : verdict,
    ...whyOf(seen),
    boots: boots.flatMap((boot) => (passed(boot) && boot.terms ? [boot.terms] : [])),
    shards: boots.map(({ shard }) => shard),
  };
}

/** For the runner: who starts in the boot after this one, from the traces so far; null: nobody. */
export function nextBoot(judging: Judging, shard: number, boot: number): NextBoot | null {
  const shardJudging = new ShardJudging({ ...judging, look: 'times' }, shard);
  let next: NextBoot | null = null;
  for (let done = 1; done <= boot; done++) {
    if (done > 1) shardJudging.judgeNext(done, next!);
    next = shardJudging.next(done);
    if (next === null) return null;
  }
  return next;
}

/** Judges a whole shard: every boot that the rule asks for (RULES "Takeover: the boots"). */
export function judgeShard(judging: Judging, shard: number): ShardResult {
  const shardJudging = new ShardJudging(judging, shard);
  for (let boot = 1, next = shardJudging.next(1); next !== null; next = shardJudging.next(boot)) {
    boot++;
    shardJudging.judgeNext(boot, next);
  }
  return shardJudging.result();
}

/** What the baseline of a shard's boot 1 allows the servers of its later boots. */
export function laterAllowance(judging: Judging, shard: number, prompts: number): Allowance {
  const { baseline } = readFirstBoot(judging, shard);
  if (!baseline.ok) throw new Error('no later boot without a baseline');
  return allowanceOf(baseline, judging.arena, { others: prompts });
}

/** How many challengers of a shard are kept at hand after it. */
const PROMISING = 4;

/** The best challengers of a shard's boot 1, of those worth anything: one may hold a place now. */
export function promisingIn(judging: Judging, shard: number): string[] {
  const { boots } = new ShardJudging(judging, shard).result();
  const { challengers } = sidesOf(judging, shard);
  const scoreOf = (key: string): number => boots.get(key)?.[0]?.terms?.score ?? 0;
  return challengers
    .filter((key) => scoreOf(key) > 0)
    .sort((a, b) => scoreOf(b) - scoreOf(a))
    .slice(0, PROMISING);
}
