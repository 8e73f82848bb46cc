// Opening of a ledger, with an error when any record in the ledger is faulty.
import { LedgerError } from './errors.ts';
import { type Ledger, type LedgerFiles, readLedger } from './read.ts';
import type { ResultStore } from './store.ts';

/**
 * Opens a ledger that must be sound: no stage may build on a broken one. Of a ledger that grew from
 * `before` only what is new is verified. Throws `BROKEN_LEDGER`.
 */
export function openLedger(validator: string, files: LedgerFiles, before?: Ledger): Ledger {
  const ledger = readLedger(validator, files, {
    overdueIsFault: false,
    ...(before && { before }),
  });
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

/** Opens the records of a validator's ledger at the newest head of its store. */
export async function openStored(store: ResultStore, validator: string): Promise<Ledger> {
  return openLedger(validator, await store.read(validator, 'records'));
}
