// Inputs of the GitHub action that judges a measured round.
import { z } from 'zod';

/** Inputs of `judge`, as action.yml declares them. */
export const inputs = z.strictObject({
  validator: z.string(),
  block: z.coerce.number().int().nonnegative(),
  branch: z.string().default('ledger'),
  token: z.string().optional(),
});
