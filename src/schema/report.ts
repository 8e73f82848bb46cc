// The report of one arm beside its baseline, in rounds and in verdict.json of a folder.
import { z } from 'zod';
import { reasonFields } from './reasons.ts';
import { nearTieSumsSchema } from './submission.ts';
import { VERDICTS } from './verdicts.ts';

const count = z.number().int().nonnegative();
const nullable = z.number().nullable();
/** Of the baseline null in later boots, which have none. */
const perSide = <T extends z.ZodType>(value: T) =>
  z.strictObject({ baseline: value.nullable(), challenger: value });

/** What the gate found (RULES "Verdict of the gate"). */
const gateSchema = z.strictObject({
  kind: z.enum(['margin', 'first-divergence']),
  pass: z.boolean(),
  reasons: z.array(z.string()),
  tokens: count,
  meanMarginNats: nullable,
  firstTokenStrikes: count,
  bigMargins: count,
  clippedNats: z.number(),
  nearTies: nearTieSumsSchema.nullable(),
});

/** One arm of a boot (RULES "Report of an arm"). Non-finite numbers are null. */
export const armReportSchema = z.strictObject({
  schema: z.literal(1),
  verdict: z.enum(VERDICTS),
  ...reasonFields,
  score: z.number(),
  ttft: z.strictObject({
    baselineNs: nullable,
    challengerNs: nullable,
    improvement: nullable,
  }),
  throughput: z.strictObject({
    baselineTokensPerSecond: nullable,
    challengerTokensPerSecond: nullable,
    improvement: nullable,
  }),
  gate: gateSchema.nullable(),
  drift: nullable,
  prompts: z.array(
    z.strictObject({
      index: count,
      ttftNs: perSide(nullable),
      tokens: perSide(count),
      tokensPerSecond: perSide(z.number()),
      score: nullable,
    }),
  ),
});
export type ArmReport = z.infer<typeof armReportSchema>;

/** A challenger's try against the winner, boot by boot (RULES "Takeover"). */
export const takeoverSchema = z.strictObject({
  takesOver: z.boolean(),
  /** Whether it was still undecided when its boots ended. */
  goesOn: z.boolean(),
  bar: nullable,
  /** Mean difference over the boots, the margin taken off. */
  mean: nullable,
  boots: z.array(
    z.strictObject({
      boot: count,
      d: nullable,
      sd: nullable,
      z: nullable,
      stop: nullable,
      crown: nullable,
    }),
  ),
  ...reasonFields,
});
export type Takeover = z.infer<typeof takeoverSchema>;

/** `verdict.json`: the challenger's report, and what its incumbent means for it. */
export type Report = ArmReport & { takeover: null | Takeover };
