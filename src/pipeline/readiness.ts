// Whether an arena is complete enough for a round on this hardware.
import { type Arena, ArenaError } from '../schema/arena.ts';
import { CODE_VERSION } from '../schema/code-version.ts';

/** Whether a version, three numbers with dots between, is at least another one. */
function isAtLeast(version: string, least: string): boolean {
  const [have, want] = [version, least].map((text) => text.split('.').map(Number));
  const at = want!.findIndex((number, i) => number !== have![i]);
  return at < 0 || have![at]! > want![at]!;
}

/**
 * Throws `BAD_ARENA` where a round must not be planned: a corpus that is not pinned (RULES "Arena:
 * pinned corpus"), code that is older than it allows (RULES "Arena: least version"), or hardware that the arena does not name (RULES "Arena: hardware tiers").
 */
export function assertReady(
  arena: Pick<Arena, 'name' | 'corpus' | 'hardware' | 'leastVersion'>,
  tier: string,
  version: string = CODE_VERSION,
): void {
  if (!isAtLeast(version, arena.leastVersion))
    throw new ArenaError(
      'BAD_ARENA',
      'usage',
      `the arena ${arena.name} needs version ${arena.leastVersion} of this code, this is ${version}`,
      'update your clone or sync your fork: git pull',
    );
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
