// Whose rules a plan names: an arena of the repository, in its blocks, or the one of its ledger.
import { firstDifference } from '../../core/difference.ts';
import { recordsOf } from '../../ledger/records-of.ts';
import { parseArena } from '../../schema/arena.ts';
import type { Check } from './check.ts';
import type { PlanSubject } from './subjects.ts';

/** The rules of a public network are the repository's: a validator's own would pay its friends. */
function publicFault({ plan, arena, ports }: PlanSubject): string | null {
  const { arenaSha256, block, network } = plan.predicate;
  const known = ports.arenas.find(({ sha256 }) => sha256 === arenaSha256);
  if (!known) return `its arena (${arenaSha256}) is none of the repository's`;
  const difference = firstDifference(arena, known.arena, 'arena');
  if (difference !== null) return `not the arena that its sha256 names: ${difference}`;
  if (known.network !== arena.network || known.netuid !== network.netuid)
    return `the arena counts on ${known.network} ${known.netuid}, not here`;
  const early = block.number < known.fromBlock;
  const late = known.toBlock !== null && block.number > known.toBlock;
  if (early || late)
    return `the arena counts in blocks ${known.fromBlock} to ${known.toBlock ?? 'now'}, not in ${block.number}`;
  return null;
}

/** A local chain's arena is the given one, else that of all plans of its ledger. */
function localFault({ arena, ledger, ports }: PlanSubject): string | null {
  const first = recordsOf(ledger, 'plan')[0]!;
  const other = ports.localArena ?? parseArena(first.predicate.arena, first.path);
  const difference = firstDifference(arena, other, 'arena');
  if (difference === null) return null;
  const whose = ports.localArena ? 'the given arena' : `that of ${first.path}`;
  return `another arena than ${whose}: ${difference}`;
}

/** A1: the arena in a plan is compared with what the repository says (RULES "Arenas that count"). */
export const ARENA: Check<PlanSubject> = {
  name: 'arena',
  needs: 'ledger',
  rule: 'Arenas that count',
  run: (subject, { fault }) => {
    const { plan, arena, ports } = subject;
    const { genesisHash } = plan.predicate.network;
    // A plan of a public chain cannot call itself local.
    const here = ports.arenas.some((known) => known.arena.genesisHash === genesisHash);
    const local = arena.network === 'local' && !here;
    const wrong = local ? localFault(subject) : publicFault(subject);
    if (wrong !== null) fault('WRONG_CONTEXT', plan.path, wrong);
  },
};
