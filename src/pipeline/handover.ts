import { z } from 'zod';
import { PREDICATES, roundBody, statementSchema } from '../results/schema.ts';

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
