// Likelihood ratio over near-ties: how often a server takes another token than the best where two are close.
import type { MeasuringRules } from '../schema/arena.ts';
import type { NearTieSums } from '../schema/submission.ts';
import type { Teacher } from '../schema/trace.ts';

/** A position where the reference's two best tokens are close, and whether the best was left for another. */
export type NearTie = { readonly gapNats: number; readonly left: boolean };

/** Scale that makes the logistic distribution's shape that of the normal one. */
const LOGISTIC = 1.702;
/** A token is never left, or kept, with less than this chance: one odd position decides nothing. */
const LEAST_CHANCE = 1e-6;
/** vLLM's value where it has none, and its floor. */
export const MISSING = -9999;

/**
 * Near-ties of one forced answer: gaps above 0 and below `gate.nearNats`. Where the token is another
 * than the best, its own margin is the gap. A tie of two equal values tells nothing.
 */
export function nearTiesOf(
  { top, own, second }: Pick<Teacher, 'top' | 'own' | 'second'>,
  nearNats: number,
): NearTie[] {
  const out: NearTie[] = [];
  for (const [i, best] of top.entries()) {
    const [mine, next] = [own[i] ?? MISSING, second?.[i] ?? MISSING];
    if (best === null) continue;
    const left = mine < best;
    const other = left ? mine : next;
    const gapNats = best - other;
    if (other > MISSING && gapNats > 0 && gapNats < nearNats) out.push({ gapNats, left });
  }
  return out;
}

/** Chance that a server with this noise leaves the best token at a gap, both in nats. */
function leaves(gapNats: number, noiseNats: number): number {
  const chance = 1 / (1 + Math.exp((LOGISTIC * gapNats) / noiseNats));
  return LEAST_CHANCE + (1 - 2 * LEAST_CHANCE) * chance;
}

/**
 * What near-ties say for a server with `alteredFactor` times the honest noise and against an honest
 * one (RULES "Gate: near-ties"): the sum of log-likelihood ratios above what an honest server is
 * expected to reach at these very gaps, its variance and its third cumulant. All three add up over
 * answers and boots, and prompts with more ties raise the expectation with them.
 */
export function nearTieSums(
  ties: readonly NearTie[],
  noiseNats: number,
  alteredFactor: number,
): NearTieSums {
  let [excess, variance, skew] = [0, 0, 0];
  for (const { gapNats, left } of ties) {
    const honest = leaves(gapNats, noiseNats);
    const altered = leaves(gapNats, alteredFactor * noiseNats);
    const whenLeft = Math.log(altered / honest);
    const whenKept = Math.log((1 - altered) / (1 - honest));
    const step = whenLeft - whenKept;
    const spread = honest * (1 - honest) * step * step;
    excess += ((left ? 1 : 0) - honest) * step;
    variance += spread;
    skew += spread * step * (1 - 2 * honest);
  }
  return { excess, variance, skew };
}

/** Excess that honest servers stay below at `z` standard deviations, their skew allowed for (Cornish-Fisher). */
export function nearTieLimit({ variance, skew }: NearTieSums, z: number): number {
  if (variance === 0) return 0;
  return z * Math.sqrt(variance) + ((z * z - 1) / 6) * (skew / variance);
}

/** Noise of an honest server in nats, at which near-ties are looked at; null where they are not. */
export function honestNoise({
  gate,
  honestNoiseNats,
}: Pick<MeasuringRules, 'gate' | 'honestNoiseNats'>): number | null {
  return honestNoiseNats === null ? null : Math.max(gate.floorNoiseNats, honestNoiseNats);
}

const GRID = { from: 0.001, to: 1, steps: 200 } as const;

/**
 * A class's noise in nats, by the likelihood of its near-ties on a grid from 0.001 to 1 nat; null
 * where it has none (RULES "Calibration: near-ties").
 */
export function likeliestNoise(ties: readonly NearTie[]): number | null {
  if (ties.length === 0) return null;
  const ratio = (GRID.to / GRID.from) ** (1 / GRID.steps);
  const grid = Array.from({ length: GRID.steps + 1 }, (_, i) => GRID.from * ratio ** i);
  const fits = grid.map((noiseNats) =>
    ties.reduce((sum, { gapNats, left }) => {
      const chance = leaves(gapNats, noiseNats);
      return sum + Math.log(left ? chance : 1 - chance);
    }, 0),
  );
  return grid[fits.indexOf(Math.max(...fits))]!;
}
