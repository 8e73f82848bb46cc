// The signed plan that a measuring machine may work on.
import { LedgerError } from './errors.ts';
import { openLedger } from './open.ts';
import { recordsOf } from './read.ts';
import type { ResultStore } from './store.ts';
import type { LedgerRecord } from './verify.ts';

/**
 * The signed plan that a runner may work on. Throws `UNSIGNED_PLAN` where the branch has none for
 * that block.
 */
export async function signedPlan(
  store: ResultStore,
  validator: string,
  block: number,
): Promise<LedgerRecord<'plan'>> {
  const ledger = openLedger(validator, await store.read(validator));
  const plan = recordsOf(ledger, 'plan').find((item) => item.predicate.block.number === block);
  if (!plan)
    throw new LedgerError(
      'UNSIGNED_PLAN',
      'usage',
      `the ledger of ${validator} has no signed plan for block ${block}`,
      'publish the plan first',
    );
  return plan;
}
