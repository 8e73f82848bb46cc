// The plan of a ledger that has not ended yet.
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
