// What an entry's boots, in one shard or in several, come to: one verdict.
import { because, type Reasoned, whyOf } from '../schema/reasons.ts';
import { isMinerFault, type Verdict } from '../schema/verdicts.ts';
import type { BootResult } from './planned-boot.ts';

type Found = Reasoned & { readonly verdict: Verdict };

/** What is said of an entry that no machine measured. */
export const NOT_MEASURED: Found = {
  verdict: 'INFRA_HOST',
  ...because('not-measured', 'not measured'),
};

/**
 * One verdict for an entry of a round, with its reason. A server's own fault counts wherever it
 * happened (an incumbent's was confirmed by a repetition: RULES "Incumbents"). An incumbent that some
 * shard measured is measured; a challenger must have been in all its boots.
 */
export function entryVerdict(
  role: 'challenger' | 'winner' | 'runner-up',
  boots: readonly BootResult[],
): Found {
  const fault = boots.find((boot) => isMinerFault(boot.verdict));
  const unmeasured = boots.find((boot) => boot.verdict !== 'VALID');
  const measured = boots.find((boot) => boot.verdict === 'VALID' && boot.boot === 1);
  const seen = role === 'challenger' ? (unmeasured ?? measured) : (measured ?? unmeasured);
  const { verdict, ...why } = fault ?? seen ?? NOT_MEASURED;
  return { verdict, ...whyOf(why) };
}
