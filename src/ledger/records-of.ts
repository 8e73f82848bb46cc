// The records of one kind in a ledger.
import type { Kind } from '../schema/records.ts';
import type { AnyRecord, LedgerRecord } from './verify.ts';

/** Records in the order of their numbers. */
export type Records = { readonly records: readonly AnyRecord[] };

/** Records of one kind, in order. */
export function recordsOf<K extends Kind>({ records }: Records, kind: K): LedgerRecord<K>[] {
  return records.filter((record) => record.kind === kind) as unknown as LedgerRecord<K>[];
}
