// An image's content, beyond its name: the document that decides verdicts of copying.
import { z } from 'zod';
import { FILE_MARK } from './content-mark.ts';

/**
 * An image's content, beyond its name: the ledger keeps it with the round that measured the image,
 * so that every auditor can check a verdict of copying, and later rounds can compare with it.
 */
export const fingerprintSchema = z.strictObject({
  schema: z.literal(1),
  key: z.string(),
  hotkey: z.string(),
  commitBlock: z.number().int().nonnegative(),
  digest: z.string(),
  diffIds: z.array(z.string()),
  /** sha256 of environment and start: tells images of the same layers apart. */
  start: z.string(),
  /** The public engine that its payload names: files of its layers are nobody's own. */
  base: z.string().nullable(),
  /**
   * Marks of its own files, sorted: every file of its layers that the baseline does not have too.
   */
  files: z.array(z.string().regex(FILE_MARK)),
});

export type Fingerprint = z.infer<typeof fingerprintSchema>;
