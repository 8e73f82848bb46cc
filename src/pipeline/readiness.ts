// Whether an arena is complete enough for a round on this hardware.
import { type Arena, ArenaError } from '../schema/arena.ts';

/**
 * Throws `BAD_ARENA` where a round must not be planned: a corpus that is not pinned (RULES "Arena:
 * pinned corpus"), or hardware that the arena does not name (RULES "Arena: hardware tiers").
 */
export function assertReady(
  arena: Pick<Arena, 'name' | 'corpus' | 'hardware'>,
  tier: string,
): void {
  if (arena.corpus !== 'generated' && arena.corpus.manifestSha256 === null)
    throw new ArenaError(
      'BAD_ARENA',
      'usage',
      `the corpus ${arena.corpus.name} of the arena ${arena.name} is not pinned`,
      'set corpus.manifestSha256: a corpus that may change is no rule',
    );
  const tiers = Object.keys(arena.hardware);
  if (tiers.length > 0 && !tiers.includes(tier))
    throw new ArenaError(
      'BAD_ARENA',
      'usage',
      `the tier ${tier} is not in the hardware of the arena ${arena.name}`,
      `set CACHEON_TIER to one of ${tiers.join(', ')}`,
    );
}
