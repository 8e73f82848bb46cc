// The part of an arena that says how far tokens may lie from the reference.
import { z } from 'zod';

const count = z.number().int().nonnegative();
const positive = z.number().int().positive();
const share = z.number().min(0).max(1);

/** How far tokens may lie from the reference. */
export const gate = z
  .strictObject({
    clipNats: z.number().positive().default(1),
    meanFactor: z
      .number()
      .positive()
      .default(1.25)
      .describe('mean clipped margin may reach this times the calibrated p99.9'),
    firstTokenNats: z.number().positive().default(0.2),
    firstTokenStrikes: count
      .default(1)
      .describe('answers that may start with a margin above firstTokenNats'),
    bigMarginNats: z.number().positive().default(2),
    bigMargins: positive.default(2).describe('this many tokens above bigMarginNats fail'),
    floorNats: z
      .number()
      .nonnegative()
      .default(0.0001)
      .describe('no limit on a mean margin is below this'),
    nearNats: z
      .number()
      .positive()
      .default(1)
      .describe('positions whose two best tokens are this close are near-ties'),
    alteredFactor: z
      .number()
      .gt(1)
      .default(2)
      .describe('the likelihood ratio is of this many times the honest noise against it'),
    floorNoiseNats: z
      .number()
      .positive()
      .default(0.03)
      .describe('honest noise at near-ties is never taken for less'),
    pooledZ: z
      .number()
      .positive()
      .default(3.7)
      .describe('how far, in standard deviations, the boots of a round may lie'),
    runningZ: z
      .number()
      .positive()
      .default(4.5)
      .describe('the same for all boots of a hotkey or an image'),
    mustCatch: z
      .array(z.string())
      .default(['fp8'])
      .describe('controls that a calibration must catch in 97 % of two boots'),
    lengthTolerance: share
      .default(0.02)
      .describe('without ids: canonical tokens against max_tokens'),
    divergenceNats: z
      .number()
      .positive()
      .default(0.5)
      .describe('first divergence: logprob gap allowed'),
  })
  .prefault({});

/** What stands in for a calibration where a tier has none. */
export const honestLimits = {
  honestP999Nats: z
    .number()
    .positive()
    .describe('stands in for the calibrated p99.9 where a tier has no calibration'),
  honestNoiseNats: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe('stands in for the calibrated noise at near-ties; null: they are not looked at'),
};
