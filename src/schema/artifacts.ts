// Documents that the workflow's jobs hand to each other.
import { z } from 'zod';
import { PREDICATES, pulseSchema, roundBody, statementSchema } from './records.ts';

/** The plan that `scan` hands to `publish`, before it has a place in the chain of records. */
export const draftSchema = z.strictObject({
  kind: z.literal('plan'),
  path: z.string().regex(/^rounds\/\d+\/plan\.json$/),
  subject: statementSchema.shape.subject,
  predicate: PREDICATES.plan.omit({ seq: true, prev: true }),
});

/** The seed of a plan, and what it was drawn from: what `draw` hands to all that follow. */
export const drawSchema = z.strictObject({
  schema: z.literal(1),
  /** sha256 of the signed plan. */
  plan: z.string().regex(/^[0-9a-f]{64}$/),
  seed: z.string().regex(/^0x[0-9a-f]{64}$/),
  pulse: pulseSchema,
});
export type Draw = z.infer<typeof drawSchema>;

/** What `judge` hands to `publish`: a round's body, or why it is void. */
export const judgedSchema = z.union([
  z.strictObject({ body: roundBody }),
  z.strictObject({ void: z.string().min(1).max(500) }),
]);

export type Judged = z.infer<typeof judgedSchema>;

/** What jobs hand to each other, by artifact name. */
export const ARTIFACTS = {
  plan: 'plan.json',
  draw: 'draw.json',
  verdicts: 'verdicts.json',
  /** What one arm of a boot left; `n` counts them. A later one replaces a path of an earlier one. */
  traces: (shard: number, boot: number, n: number): string => `traces-${shard}-${boot}-${n}`,
  tracesPrefix: 'traces-',
} as const;
