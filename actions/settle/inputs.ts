// Inputs of the GitHub action that sets weights.
import { z } from 'zod';

/** Inputs of `settle`, as action.yml declares them. */
export const inputs = z.strictObject({
  endpoint: z.string(),
  arena: z.string().default('.github/arena.json'),
  branch: z.string().default('ledger'),
  token: z.string().optional(),
  'dry-run': z.enum(['true', 'false']).default('false'),
});
