// Index of the arenas that ever counted: which file, on which chain, in which blocks.
import { z } from 'zod';
import type { Arena } from './arena.ts';

const count = z.number().int().nonnegative();

/**
 * `.github/arenas/index.json` (RULES "Arenas that count"): each arena stays as its own file, never
 * edited; the last block is null while it is in use.
 */
export const arenaIndexSchema = z.array(
  z.strictObject({
    file: z.string().regex(/^[a-z0-9.-]+\.json$/),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    network: z.enum(['finney', 'test', 'local']),
    netuid: count.max(65_535),
    fromBlock: count,
    toBlock: count.nullable(),
  }),
);

/** An arena of the repository's index, with its file read. */
export type KnownArena = Omit<z.infer<typeof arenaIndexSchema>[number], 'file'> & {
  readonly arena: Arena;
};
