// The checks of reading a ledger, which come before all others: each fault names one of them.
import type { CheckName } from './check.ts';
import type { ReadCheck } from '../../ledger/verify.ts';

type Named = CheckName & { readonly name: ReadCheck };

/** Checks of `readLedger`, in the order in which it makes them. */
export const READ_CHECKS: readonly Named[] = [
  { name: 'paths', needs: 'record', rule: 'Record paths' },
  { name: 'records', needs: 'record', rule: 'Record format' },
  { name: 'signatures', needs: 'record', rule: 'Signature' },
  { name: 'chain-of-records', needs: 'ledger', rule: 'Chain of records' },
  { name: 'time-order', needs: 'ledger', rule: 'Time order' },
  { name: 'one-end', needs: 'ledger', rule: 'One end for each plan' },
  { name: 'evidence-hashes', needs: 'ledger', rule: 'Evidence hashes' },
];
