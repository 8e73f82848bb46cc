// Opening of a ledger, with an error when any record in the ledger is faulty.
import { LedgerError } from './errors.ts';
import { type Ledger, type LedgerFiles, readLedger } from './read.ts';
import { VerifiedFiles } from './verified-files.ts';

/** What this process found about its own ledger's files: one step opens it again and again. */
const KNOWN = new VerifiedFiles();

/**
 * Opens a ledger that must be sound: no stage may build on a broken one. Bytes that were opened
 * before are not verified again.
 */
export function openLedger(validator: string, files: LedgerFiles, known = KNOWN): Ledger {
  const ledger = readLedger(validator, files, { overdueIsFault: false, known });
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
