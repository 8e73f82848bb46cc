// What an entry's boots, in one shard or in several, come to: one verdict.
import { because, type Reasoned, whyOf } from '../schema/reasons.ts';
import { isMinerFault, type Verdict } from '../schema/verdicts.ts';
import { needsConfirming } from './boot.ts';
import type { BootResult } from './planned-boot.ts';

type Found = Reasoned & { readonly verdict: Verdict };

const found = (boot: Found): Found => ({ verdict: boot.verdict, ...whyOf(boot) });

const NOT_MEASURED: Found = {
  verdict: 'INFRA_HOST',
  ...because('not-measured', 'not measured'),
};

/** A challenger's own fault counts wherever it happened; then any boot that said nothing. */
function challengerVerdict(boots: readonly BootResult[]): Found {
  const fault =
    boots.find((boot) => isMinerFault(boot.verdict)) ??
    boots.find((boot) => boot.verdict !== 'VALID');
  return found(fault ?? boots.at(-1) ?? NOT_MEASURED);
}

/**
 * An incumbent's fault must have happened twice, in a repetition or in another place, or nothing must
 * speak for it: one machine's bad day costs no place (RULES "Incumbents").
 */
function incumbentVerdict(boots: readonly BootResult[]): Found {
  const faults = boots.filter((boot) => isMinerFault(boot.verdict));
  const valid = boots.find((boot) => boot.verdict === 'VALID' && boot.boot === 1);
  const confirmed = faults.find(({ verdict }) => needsConfirming(verdict));
  const counts = confirmed ?? (faults.length > 1 || !valid ? faults[0] : undefined);
  return found(counts ?? valid ?? boots.find((boot) => boot.verdict !== 'VALID') ?? NOT_MEASURED);
}

/** One verdict for an entry of a round, with its reason. */
export function entryVerdict(
  role: 'challenger' | 'winner' | 'runner-up',
  boots: readonly BootResult[],
): Found {
  return role === 'challenger' ? challengerVerdict(boots) : incumbentVerdict(boots);
}
