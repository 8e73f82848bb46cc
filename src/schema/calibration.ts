// What a hardware tier was measured to differ by between two runs of one server.
import { z } from 'zod';

const relativeSd = z.number().nonnegative().max(1);

/**
 * How much two runs of one server in one boot differ: standard deviations and covariance of the
 * relative differences of boot means of TTFT and throughput (RULES "Calibration").
 */
const noiseSchema = z.strictObject({
  ttftSd: relativeSd,
  throughputSd: relativeSd,
  covariance: z.number().nonnegative().max(1),
});
export type Noise = Readonly<z.infer<typeof noiseSchema>>;

/** `calibration/<tier>.json` beside an arena file, whose sha256 the arena names. */
export const calibrationSchema = z.strictObject({
  schema: z.literal(1),
  tier: z.string().min(1),
  noise: noiseSchema,
});
export type Calibration = Readonly<z.infer<typeof calibrationSchema>>;
