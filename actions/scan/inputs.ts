// Inputs of the GitHub action that drafts the plan of a round.
import { z } from 'zod';

/** Inputs of `scan`, as action.yml declares them. */
export const inputs = z.strictObject({
  endpoint: z.string(),
  validator: z.string(),
  arena: z.string().default('.github/arena.json'),
  corpus: z.string().optional(),
  tier: z.string().default('unset'),
  branch: z.string().default('ledger'),
  token: z.string().optional(),
});
