// Inputs of the GitHub action that audits the ledgers.
import { z } from 'zod';

/** Inputs of `audit`, as action.yml declares them. */
export const inputs = z.strictObject({
  branch: z.string().default('ledger'),
  token: z.string().optional(),
  endpoint: z.string().optional(),
  corpus: z.string().optional(),
});
