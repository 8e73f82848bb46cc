// Limits on mean margins over several boots, from what honest runs were calibrated to.
import type { MeasuringRules } from '../schema/arena.ts';
import type { Calibration, Margins } from '../schema/calibration.ts';

/**
 * Limit on the mean over `boots` honest boots at `z` standard deviations, in nats: run means are
 * skewed like sums of squares, so their cube roots are near normal (Wilson-Hilferty; RULES "Gate:
 * pooled margin").
 */
export function limitNats({ muNats, sigmaNats }: Margins, boots: number, z: number): number {
  if (muNats === 0) return 0;
  if (sigmaNats === 0) return muNats;
  const shape = (boots * muNats * muNats) / (sigmaNats * sigmaNats);
  const x = 1 - 1 / (9 * shape) + z * Math.sqrt(1 / (9 * shape));
  return muNats * x * x * x;
}

type GateLimits = Pick<MeasuringRules, 'gate' | 'honestP999Nats'>;

/** Limit on the mean of one boot, in nats (RULES "Gate: mean margin"). */
export function meanLimitNats({ gate, honestP999Nats }: GateLimits): number {
  return Math.max(gate.floorNats, gate.meanFactor * honestP999Nats);
}

/** Limit on the mean over the boots of one round, in nats. */
export function pooledLimitNats(margins: Margins, boots: number, { gate }: GateLimits): number {
  return Math.max(gate.floorNats, limitNats(margins, boots, gate.pooledZ));
}

/** Limit on the mean over all boots so far, in nats (RULES "Gate: running sum"). */
export function runningLimitNats(margins: Margins, boots: number, { gate }: GateLimits): number {
  const most = Math.max(limitNats(margins, boots, gate.runningZ), gate.meanFactor * margins.muNats);
  return Math.max(gate.floorNats, most);
}

/** An arena whose limits on one boot are the calibrated ones; the arena's own where there are none. */
export function calibrated<A extends GateLimits & Pick<MeasuringRules, 'honestNoiseNats'>>(
  arena: A,
  calibration: Pick<Calibration, 'margins' | 'nearTies'> | null,
): A {
  if (!calibration) return arena;
  const { margins, nearTies } = calibration;
  const honestNoiseNats = nearTies?.noiseNats ?? null;
  return { ...arena, honestP999Nats: margins.p999Nats, honestNoiseNats };
}
