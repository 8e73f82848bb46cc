// The gate over several boots: of this round, and of all rounds of a hotkey or an image.
import { addSums, type GateSums, meanNats, sumsOf } from '../arena/margin-sums.ts';
import type { MeasuringRules } from '../schema/arena.ts';
import type { Margins } from '../schema/calibration.ts';
import type { Reason, Reasoned } from '../schema/reasons.ts';
import type { MarginHistory, MarginSums } from '../schema/submission.ts';
import { nearTieWhy, toldOf } from './gate-reasons.ts';
import { pooledLimitNats, runningLimitNats } from './margin-limits.ts';
import { nearTieLimit } from './near-ties.ts';

const nat = (value: number): string => value.toPrecision(3);

function reasonOf(code: string, what: string, value: number, limit: number): Reason {
  return { code, detail: `${what} ${nat(value)} nat, limit ${nat(limit)}`, value, limit };
}

/** Reasons of an entry's boots taken together; none where each passed and so do all of them. */
function* pooledReasons(
  now: MarginSums,
  history: MarginHistory | null,
  margins: Margins,
  rules: MeasuringRules,
): Generator<Reason> {
  const { pooledZ, runningZ } = rules.gate;
  if (now.boots >= 2) {
    const [mean, limit] = [meanNats(now), pooledLimitNats(margins, now.boots, rules)];
    if (mean > limit) yield reasonOf('pooled-margin', `mean over ${now.boots} boots`, mean, limit);
    const over = ` over ${now.boots} boots`;
    if (isSwapped(now, pooledZ)) yield tieReason(over, now, pooledZ);
  }
  if (now.boots === 0) return;
  for (const whose of ['hotkey', 'image'] as const) {
    const before = history?.[whose];
    if (!before) continue;
    const all = addSums(before, now);
    const over = `over all ${all.boots} boots of the ${whose}`;
    const [mean, limit] = [meanNats(all), runningLimitNats(margins, all.boots, rules)];
    if (mean > limit) yield reasonOf('running-sum', `mean ${over}`, mean, limit);
    else if (isSwapped(all, runningZ))
      yield { ...tieReason(` ${over}`, all, runningZ), code: 'running-sum' };
    else continue;
    return;
  }
}

const isSwapped = ({ nearTies }: MarginSums, z: number): boolean =>
  nearTies.excess > nearTieLimit(nearTies, z);

const tieReason = (over: string, { nearTies }: MarginSums, z: number): Reason => ({
  code: 'near-ties',
  ...nearTieWhy(over, nearTies, z),
});

/**
 * What an entry's boots say together that none of them says alone (RULES "Gate: pooled margin",
 * RULES "Gate: near-ties", RULES "Gate: running sum"); null where nothing. A small alteration in
 * every answer hides below the limit of one boot, and not below that of many.
 */
export function pooledFault(
  gates: readonly GateSums[],
  history: MarginHistory | null,
  margins: Margins | null,
  rules: MeasuringRules,
): Reasoned | null {
  if (!margins) return null;
  const reasons = [...pooledReasons(sumsOf(gates), history, margins, rules)];
  if (reasons.length === 0) return null;
  return toldOf(reasons);
}
