// A calibration as one of a hardware tier looks, for tests.
import type { Calibration } from '../schema/calibration.ts';

/** A calibration whose control `fp8` is caught. */
export const madeCalibration = (tier: string): Calibration => ({
  ...{ schema: 1, tier, noiseBoots: 40, runsSha256: 'f'.repeat(64) },
  noise: { ttftSd: 0.01, throughputSd: 0.01, covariance: 0 },
  margins: {
    ...{ noisiest: 'eager', runs: 25, tokens: 5120 },
    ...{ muNats: 1e-4, sigmaNats: 5e-5, p999Nats: 4e-4 },
  },
  nearTies: { noisiest: 'eager', ties: 9000, noiseNats: 0.05 },
  detection: [{ control: 'fp8', must: true, runs: 25, twoBoots: 0.99, low: 0.8, high: 1 }],
});
