// Inputs of the GitHub action that signs plans and rounds.
import { z } from 'zod';

/** Inputs of `publish`, as action.yml declares them. */
export const inputs = z.strictObject({
  what: z.enum(['plan', 'round']),
  endpoint: z.string(),
  arena: z.string().default('.github/arena.json'),
  block: z.coerce.number().int().nonnegative().optional(),
  branch: z.string().default('ledger'),
  token: z.string().optional(),
  audit: z.string().optional(),
});
