// What a hardware tier was measured to differ by between two runs of one server, and from the reference.
import { z } from 'zod';

const relativeSd = z.number().nonnegative().max(1);
const count = z.number().int().nonnegative();
const nats = z.number().nonnegative();
const share = z.number().min(0).max(1);

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

/**
 * Mean clipped margins of honest runs, from the noisiest honest class (RULES "Calibration: margins").
 * All in nats.
 */
const marginsSchema = z.strictObject({
  /** The honest class that they are of. */
  noisiest: z.string().min(1),
  runs: count,
  /** Forced tokens of its shortest run. */
  tokens: count,
  muNats: nats,
  sigmaNats: nats,
  /** Tolerance limit of the run means: 99.9 % of them lie below, with 95 % confidence. */
  p999Nats: nats,
});
export type Margins = Readonly<z.infer<typeof marginsSchema>>;

/** Noise of honest servers at near-ties (RULES "Calibration: near-ties"), from the noisiest class. */
const noisyTiesSchema = z.strictObject({
  noisiest: z.string().min(1),
  /** Near-ties of all its runs. */
  ties: count,
  noiseNats: z.number().positive(),
});

/** How often a control was caught in two boots, with the interval of 95 %. */
const detectionSchema = z.strictObject({
  control: z.string().min(1),
  /** Whether the arena wants it caught. */
  must: z.boolean(),
  runs: count,
  twoBoots: share,
  low: share,
  high: share,
});

/** `calibration/<tier>.json` beside an arena file, whose sha256 the arena names. */
export const calibrationSchema = z.strictObject({
  schema: z.literal(1),
  tier: z.string().min(1),
  noise: noiseSchema,
  /** Boots that the noise was taken from. */
  noiseBoots: count,
  margins: marginsSchema,
  /** Null where no honest class has a near-tie. */
  nearTies: noisyTiesSchema.nullable(),
  detection: z.array(detectionSchema),
  /** sha256 of `<tier>.runs.json`: every run that all this was computed from. */
  runsSha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type Calibration = Readonly<z.infer<typeof calibrationSchema>>;

const gaps = z.string().regex(/^(?:\d+(?: \d+)*)?$/);

const runSchema = z.strictObject({
  /** Number of the boot: runs of one boot were asked the same. */
  boot: count,
  tokens: count,
  clippedNats: nats,
  firstTokenStrikes: count,
  bigMargins: count,
  /**
   * Gaps of near-ties, ascending, in units of 0.0001 nat with blanks between: where the best token
   * was kept, and where it was left. Texts, for a list of numbers would take five times the space.
   */
  keptGaps: gaps,
  leftGaps: gaps,
  /** Other reasons of the gate: `eos`, `length`, `bytes`. */
  faults: z.array(z.string()),
  /** Of boot means, where the run was timed. */
  ttftNs: z.number().positive().nullable(),
  tokensPerSecond: z.number().positive().nullable(),
});
export type CalibrationRun = Readonly<z.infer<typeof runSchema>>;

/** A class of servers, and what each of its runs came to. */
const classSchema = z.strictObject({
  name: z.string().min(1),
  kind: z.enum(['honest', 'control']),
  runs: z.array(runSchema),
});
export type CalibrationClass = Readonly<z.infer<typeof classSchema>>;

/** `calibration/<tier>.runs.json`: what was measured, on what, by which code. */
export const calibrationRunsSchema = z.strictObject({
  schema: z.literal(1),
  tier: z.string().min(1),
  model: z.string(),
  seed: z.string(),
  /** Tree hash of the code. */
  tree: z.string(),
  node: z.string(),
  host: z.record(z.string(), z.unknown()),
  /** The first honest class a second time in each boot: what two runs of one server differ by. */
  repeated: z.array(runSchema),
  classes: z.array(classSchema),
});
export type CalibrationRuns = Readonly<z.infer<typeof calibrationRunsSchema>>;
