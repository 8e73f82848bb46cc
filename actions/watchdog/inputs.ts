// Inputs of the GitHub action that watches over a validator.
import { z } from 'zod';

/** Inputs of `watchdog`, as action.yml declares them. */
export const inputs = z.strictObject({
  endpoint: z.string(),
  validator: z.string(),
  token: z.string(),
  arena: z.string().default('.github/arena.json'),
  workflow: z.string().default('round.yml'),
  branch: z.string().default('ledger'),
});
