// Whether a challenger beats the winner: a sequential test whose unit is the boot.
import { counted } from '../core/counted.ts';
import { median } from '../core/median.ts';
import type { Noise } from '../schema/calibration.ts';
import type { Arena } from '../schema/arena.ts';
import { because, type Reasoned } from '../schema/reasons.ts';

/** What was measured of one prompt: Infinity and 0 for an answer without content. */
export type PromptTerms = { readonly ttftNs: number; readonly tokensPerSecond: number };
export type TakeoverRules = Pick<Arena, 'takeover' | 'scoring'>;

/** What all boots of one challenger against one opponent share. */
export type Contest = {
  /** Medians of the baseline in the shard's boot 1. */
  readonly baseline: PromptTerms;
  /** Medians of the opponent in boot 1, and its score there; the baseline's own score is 0. */
  readonly opponent: PromptTerms & { readonly score: number };
  /** False against the baseline itself: a gain that is clamped at 0 would be a gain by chance. */
  readonly clamped: boolean;
  /** How much two runs of one server differ, as calibrated; null: not calibrated. */
  readonly noise: Noise | null;
  /** How much noisier this validator's role controls were than the calibration, 1 for as noisy. */
  readonly controlRatio: number;
};

/** The same prompts of one boot, asked of both. */
export type Pair = {
  readonly boot: number;
  readonly challenger: readonly PromptTerms[];
  readonly opponent: readonly PromptTerms[];
};

/** What one boot added: its mean difference, the scale after it, and Z beside its two bounds. */
type BootStep = {
  readonly boot: number;
  readonly d: number | null;
  readonly sd: number | null;
  readonly z: number | null;
  /** Below this the challenger ends; null after the last boot. */
  readonly stop: number | null;
  /** From this on it is crowned; null after the first boot. */
  readonly crown: number | null;
};

/** A challenger's try: over (`takesOver` or not), or still going on. */
export type TakeoverDecision = Reasoned & {
  readonly takesOver: boolean;
  readonly goesOn: boolean;
  /** What the challenger's score of boot 1 must be above. */
  readonly bar: number;
  /** Mean difference over the boots, as it counts; null before the first. */
  readonly mean: number | null;
  readonly boots: readonly BootStep[];
};

/** Boots of a round at most. */
export function mostBoots({ takeover }: Pick<Arena, 'takeover'>): number {
  return takeover.crown.length + 1;
}

/** s(i): one prompt against the baseline's medians. */
export function promptScore(
  baseline: PromptTerms,
  { ttftNs, tokensPerSecond }: PromptTerms,
  { ttftWeight, throughputWeight }: TakeoverRules['scoring'],
  clamped = true,
): number {
  const ttft = (baseline.ttftNs - ttftNs) / baseline.ttftNs;
  const rate = (tokensPerSecond - baseline.tokensPerSecond) / baseline.tokensPerSecond;
  return clamped
    ? ttftWeight * Math.max(0, ttft) + throughputWeight * Math.max(0, rate)
    : ttftWeight * ttft + throughputWeight * rate;
}

/** Values moved into median +- clipMads x 1.4826 x MAD, so that one odd prompt decides nothing. */
export function clipped(values: readonly number[], clipMads: number): number[] {
  const middle = median(values);
  const reach = clipMads * 1.4826 * median(values.map((value) => Math.abs(value - middle)));
  return values.map((value) => Math.min(middle + reach, Math.max(middle - reach, value)));
}

function meanOf(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/** Variance (n - 1); 0 of one value. */
function varianceOf(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const mean = meanOf(values);
  let squares = 0;
  for (const value of values) squares += (value - mean) * (value - mean);
  return squares / (values.length - 1);
}

/** D and V of one boot (RULES "Takeover"); null where the challenger gave no answer. */
export function bootDifference(
  contest: Contest,
  { challenger, opponent }: Pick<Pair, 'challenger' | 'opponent'>,
  { takeover, scoring }: TakeoverRules,
): { readonly d: number; readonly variance: number } | null {
  if (challenger.length === 0 || challenger.some(({ ttftNs }) => !Number.isFinite(ttftNs)))
    return null;
  const { baseline, clamped } = contest;
  const needed = takeover.margin * contest.opponent.score;
  const values = challenger.map((own, i) => {
    const mine = promptScore(baseline, own, scoring, clamped);
    return mine - promptScore(baseline, opponent[i]!, scoring, clamped) - needed;
  });
  const kept = clipped(values, takeover.clipMads);
  return { d: meanOf(kept), variance: varianceOf(kept) / kept.length };
}

/**
 * The scale that the calibration gives to a difference of scores: what two boots of one server
 * differ by, for an opponent as fast as this one.
 */
function calibratedScale(
  { baseline, opponent, noise, controlRatio }: Contest,
  rules: TakeoverRules,
) {
  if (noise === null) return 0;
  const { ttftWeight, throughputWeight } = rules.scoring;
  const { calibrationFactor, controlFactor } = rules.takeover;
  const a = ttftWeight * Math.min(1, opponent.ttftNs / baseline.ttftNs);
  const b = (throughputWeight * opponent.tokensPerSecond) / baseline.tokensPerSecond;
  const t = a * noise.ttftSd;
  const p = b * noise.throughputSd;
  const sd = Math.sqrt(t * t + p * p + 2 * a * b * noise.covariance);
  return calibrationFactor * sd * Math.max(1, controlFactor * controlRatio);
}

/** What the boots so far come to: their mean, its scale, and Z. */
function standingOf(
  boots: readonly { readonly d: number; readonly variance: number }[],
  scale: number,
  { takeover }: TakeoverRules,
): { mean: number; sd: number; z: number } {
  const most = takeover.varianceRatio * Math.min(...boots.map(({ variance }) => variance));
  const variance = meanOf(boots.map((boot) => Math.min(boot.variance, most)));
  const e = Math.max(scale, takeover.withinFactor * Math.sqrt(variance), takeover.sdFloor);
  // One boot in which the opponent was slow, by chance or to look noisy, must not decide.
  const reach = Math.min(...boots.map(({ d }) => d)) + takeover.spread * e;
  const counted = boots.map(({ d }) => Math.min(d, reach));
  const mean = meanOf(counted);
  const sd = counted.length < 3 ? e : Math.max(e, Math.sqrt(varianceOf(counted)));
  return { mean, sd, z: (mean * Math.sqrt(counted.length)) / sd };
}

/** Root mean square of the role controls' differences beside what the calibration expects. */
export function controlRatioOf(
  controls: readonly number[],
  noise: Noise | null,
  { takeover, scoring }: TakeoverRules,
): number {
  const last = controls.slice(-takeover.controls);
  if (noise === null || last.length < takeover.controlsLeast) return 1;
  const { ttftWeight, throughputWeight } = scoring;
  const t = ttftWeight * noise.ttftSd;
  const p = throughputWeight * noise.throughputSd;
  const expected = Math.sqrt(t * t + p * p + 2 * ttftWeight * throughputWeight * noise.covariance);
  if (expected === 0) return 1;
  return Math.sqrt(meanOf(last.map((d) => d * d))) / expected;
}

/** Z after the first boot alone: what the second place asks for (RULES "Second place"). */
export function firstZ(
  contest: Contest,
  pair: Pick<Pair, 'challenger' | 'opponent'>,
  rules: TakeoverRules,
): number {
  const first = bootDifference(contest, pair, rules);
  return first === null ? -Infinity : standingOf([first], calibratedScale(contest, rules), rules).z;
}

/**
 * The takeover rule (RULES "Takeover"). `pairs` are the boots that were measured, from boot 1 on;
 * `score` is the challenger's of boot 1. Undecided after the last boot is no.
 */
export function decide(
  contest: Contest,
  score: number,
  pairs: readonly Pair[],
  rules: TakeoverRules,
): TakeoverDecision {
  const { stop, crown, margin } = rules.takeover;
  const bar = (1 + margin) * contest.opponent.score;
  const scale = calibratedScale(contest, rules);
  const differences: { d: number; variance: number }[] = [];
  const boots: BootStep[] = [];
  let mean: number | null = null;
  let reached: Seen | null = null;
  const end = (takesOver: boolean, goesOn: boolean, why: Reasoned): TakeoverDecision => ({
    ...{ takesOver, goesOn, bar, mean, boots },
    ...why,
  });
  if (!(score > bar)) return end(false, false, notAbove(score, bar));
  for (const [index, pair] of pairs.entries()) {
    const bounds = { boot: pair.boot, stop: stop[index] ?? null, crown: crown[index - 1] ?? null };
    const difference = bootDifference(contest, pair, rules);
    if (difference === null) {
      boots.push({ ...bounds, d: null, sd: null, z: null });
      return end(false, false, because('no-content', `no answer in boot ${pair.boot}`));
    }
    differences.push(difference);
    const now = standingOf(differences, scale, rules);
    ({ mean } = now);
    boots.push({ ...bounds, d: difference.d, sd: now.sd, z: now.z });
    const { z } = now;
    const seen = { score, bar, mean, z, boots: index + 1 };
    reached = seen;
    if (bounds.crown !== null && z >= bounds.crown)
      return end(true, false, crowned(seen, bounds.crown));
    if (bounds.stop === null || z < bounds.stop)
      return end(false, false, notSure(seen, bounds.stop ?? bounds.crown!));
  }
  return end(false, true, goingOn(reached));
}

type Seen = {
  readonly score: number;
  readonly bar: number;
  readonly mean: number;
  readonly z: number;
  readonly boots: number;
};

function notAbove(score: number, bar: number): Reasoned {
  const detail =
    bar === 0
      ? 'no faster than the baseline'
      : `${score.toFixed(4)} is not above the bar ${bar.toFixed(4)}`;
  return because('below-bar', detail, { value: score, limit: bar });
}

/** The score beside the bar, and where the mean of all boots lies: the margin is in it already. */
function whereOf({ score, bar, mean }: Seen): string {
  const side = mean < 0 ? 'but behind' : 'ahead';
  return `${score.toFixed(4)} is above the bar ${bar.toFixed(4)}, ${side} by ${Math.abs(mean).toFixed(4)} on average`;
}

const crowned = (seen: Seen, limit: number): Reasoned => {
  const detail = `${whereOf(seen)}, surely after ${counted(seen.boots, 'boot')} (Z ${seen.z.toFixed(2)} of ${limit})`;
  return because('crowned', detail, { value: seen.z, limit });
};

const goingOn = (seen: Seen | null): Reasoned =>
  because(
    'goes-on',
    seen === null
      ? 'not begun'
      : `${whereOf(seen)}, goes on after ${counted(seen.boots, 'boot')} (Z ${seen.z.toFixed(2)})`,
  );

const notSure = (seen: Seen, limit: number): Reasoned => {
  const detail = `${whereOf(seen)}, not sure enough after ${counted(seen.boots, 'boot')} (Z ${seen.z.toFixed(2)} of ${limit})`;
  return because('not-sure', detail, { value: seen.z, limit });
};
