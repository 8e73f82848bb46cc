// Inputs of the GitHub action that measures servers.
import { z } from 'zod';

/** Inputs of `evaluate`, as action.yml declares them. */
export const inputs = z.strictObject({
  validator: z.string(),
  block: z.coerce.number().int().nonnegative(),
  arena: z.string().default('.github/arena.json'),
  shard: z.coerce.number().int().nonnegative().default(0),
  corpus: z.string().optional(),
  'engine-command': z.string().optional(),
  branch: z.string().default('ledger'),
  token: z.string().optional(),
});
