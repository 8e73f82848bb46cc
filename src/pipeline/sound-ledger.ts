import type { BlockRef } from '../chain/chain.ts';
import { ChainError } from '../chain/errors.ts';
import { LedgerError } from '../results/errors.ts';
import { readLedger, recordsOf, type Ledger, type LedgerFiles } from '../results/ledger.ts';
import type { ResultStore } from '../results/store.ts';
import type { LedgerRecord } from '../results/verify.ts';

/** Opens a ledger that must be sound: nobody may build on a broken one. */
export function soundLedger(validator: string, files: LedgerFiles): Ledger {
  const ledger = readLedger(validator, files, false);
  const fault = ledger.faults[0];
  if (fault)
    throw new LedgerError(
      'BROKEN_LEDGER',
      'infra',
      `the ledger of ${validator} is broken: ${fault.code} ${fault.path}: ${fault.message}`,
      'restore it from git history; cacheon audit lists every fault',
    );
  return ledger;
}

/**
 * Throws `STALE` where a node's head is behind what the ledger has seen: it lags, and nothing may
 * follow from it.
 */
export function assertNotBehind(ledger: Pick<Ledger, 'records'>, head: BlockRef): void {
  const seen = Math.max(
    0,
    ...[...recordsOf(ledger, 'plan'), ...recordsOf(ledger, 'weights-intent')].map(
      ({ predicate }) => predicate.block.number,
    ),
  );
  if (head.number < seen)
    throw new ChainError(
      'STALE',
      'infra',
      `the chain's final head is ${head.number}, the ledger has seen block ${seen}`,
      'the endpoint lags: name another, or try again',
    );
}

/**
 * The signed plan that a runner may work on. Throws `UNSIGNED_PLAN` where the branch has none for
 * that block.
 */
export async function signedPlan(
  store: ResultStore,
  validator: string,
  block: number,
): Promise<LedgerRecord<'plan'>> {
  const ledger = soundLedger(validator, await store.read(validator));
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
