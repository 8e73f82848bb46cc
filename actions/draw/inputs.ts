// Inputs of the GitHub action that draws the seed of a plan.
import { z } from 'zod';

/** Inputs of `draw`, as action.yml declares them. */
export const inputs = z.strictObject({
  endpoint: z.string().optional(),
  validator: z.string(),
  block: z.coerce.number().int().nonnegative(),
  arena: z.string().default('.github/arena.json'),
  branch: z.string().default('ledger'),
  token: z.string().optional(),
});
