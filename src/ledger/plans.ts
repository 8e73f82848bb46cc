// Plans of a ledger: the one of a block, and the one that has not ended yet.
import { LedgerError } from './errors.ts';
import { type Ledger, recordsOf } from './read.ts';
import type { LedgerRecord } from './verify.ts';

/** The newest plan that ended in nothing yet, or null. */
export function openPlan(ledger: Pick<Ledger, 'records'>): LedgerRecord<'plan'> | null {
  const ended = new Set(
    [...recordsOf(ledger, 'round'), ...recordsOf(ledger, 'void')].map(
      (record) => record.predicate.plan,
    ),
  );
  return recordsOf(ledger, 'plan').findLast((plan) => !ended.has(plan.sha256)) ?? null;
}

/** The signed plan of a block. Throws `UNSIGNED_PLAN` where the ledger has none. */
export function planOf(
  ledger: Pick<Ledger, 'records' | 'validator'>,
  block: number,
): LedgerRecord<'plan'> {
  const plan = recordsOf(ledger, 'plan').find((item) => item.predicate.block.number === block);
  if (!plan)
    throw new LedgerError(
      'UNSIGNED_PLAN',
      'usage',
      `the ledger of ${ledger.validator} has no signed plan for block ${block}`,
      'publish the plan first',
    );
  return plan;
}
