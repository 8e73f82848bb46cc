// Documents that the workflow's jobs hand to each other.
import { z } from 'zod';
import { PREDICATES, roundBody, statementSchema } from './records.ts';

/** The plan that `scan` hands to `publish`, before it has a place in the chain of records. */
export const draftSchema = z.strictObject({
  kind: z.literal('plan'),
  path: z.string().regex(/^rounds\/\d+\/plan\.json$/),
  subject: statementSchema.shape.subject,
  predicate: PREDICATES.plan.omit({ seq: true, prev: true }),
});

/** What `judge` hands to `publish`: a round's body, or why it is void. */
export const judgedSchema = z.union([
  z.strictObject({ body: roundBody }),
  z.strictObject({ void: z.string().min(1).max(500) }),
]);

export type Judged = z.infer<typeof judgedSchema>;

/** What jobs hand to each other, by artifact name. */
export const ARTIFACTS = {
  plan: 'plan.json',
  verdicts: 'verdicts.json',
  traces: (shard: number): string => `traces-${shard}.json`,
  tracesPrefix: 'traces-',
} as const;
