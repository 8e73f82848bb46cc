// A submission as a plan lists it: what was committed, and what becomes of it.
import { z } from 'zod';
import { reasonFields } from './reasons.ts';
import { VERDICTS } from './verdicts.ts';

const count = z.number().int().nonnegative();

/**
 * What near-ties say (RULES "Gate: near-ties"): log-likelihood ratio above an honest server's
 * expectation, its variance and third cumulant.
 */
export const nearTieSumsSchema = z.strictObject({
  excess: z.number(),
  variance: z.number().nonnegative(),
  skew: z.number(),
});
export type NearTieSums = Readonly<z.infer<typeof nearTieSumsSchema>>;

/** Margins over earlier boots, added up; `clippedNats` in nats. */
const marginSums = z.strictObject({
  boots: count,
  tokens: count,
  clippedNats: z.number(),
  nearTies: nearTieSumsSchema,
});
export type MarginSums = Readonly<z.infer<typeof marginSums>>;
/** What earlier rounds saw of a hotkey and of an image (RULES "Gate: running sum"). */
const marginHistorySchema = z.strictObject({
  hotkey: marginSums.nullable(),
  image: marginSums.nullable(),
});
export type MarginHistory = Readonly<z.infer<typeof marginHistorySchema>>;

export const roleSchema = z.enum(['challenger', 'winner', 'runner-up']);

/**
 * One line of a plan. Every submission that the chain shows is listed, so that an omission is seen.
 */
export const submissionSchema = z.strictObject({
  key: z.string(),
  hotkey: z.string(),
  coldkey: z.string(),
  uid: count,
  commitBlock: count,
  /** Block of the reveal of a sealed commitment. */
  revealBlock: count.nullable(),
  image: z.string().nullable(),
  digest: z.string().nullable(),
  /** The public engine that its payload names as its base. */
  base: z.string().nullable(),
  paymentTx: z.string().nullable(),
  status: z.enum(['evaluate', 'rejected', 'judged', 'waiting']),
  role: roleSchema.nullable(),
  verdict: z.enum([...VERDICTS, 'SKIP_UNREVEALED']).nullable(),
  ...reasonFields,
  history: marginHistorySchema.nullable(),
  /** Rounds in a row in which its own registry kept it from being measured, and the first of them. */
  shut: z.strictObject({ rounds: count, since: count }).optional(),
  /** Rounds that broke off while it ran: it runs last and alone now. */
  suspect: count.optional(),
});
export type Submission = z.infer<typeof submissionSchema>;
