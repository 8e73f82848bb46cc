// Checks over several ledgers: what lies beside them, and whether another clone knows another history.
import { readLedger } from '../../ledger/read.ts';
import type { AnyRecord } from '../../ledger/verify.ts';
import type { Check } from './check.ts';
import type { LedgersSubject } from './subjects.ts';

/** A record's number, with what it says to be, in one copy of a ledger. */
const bySeq = (records: readonly AnyRecord[]): ReadonlyMap<number, AnyRecord> =>
  new Map(records.map((record) => [record.predicate.seq, record]));

/**
 * Two records of one number, both signed by the validator, are two histories: each alone would
 * pass. Any other clone is a witness. Signed records that only the witness has say that the end was
 * cut off here, or that the witness is newer: which of both, its reader knows.
 */
export const WITNESS: Check<LedgersSubject> = {
  name: 'witness',
  needs: 'ledgers',
  rule: 'Two histories',
  run: ({ ledgers, witness }, { fault, unchecked }) => {
    if (!witness) return;
    for (const { validator, records } of ledgers) {
      const files = witness.get(validator);
      if (!files?.size) {
        unchecked(validator, 'the witness has no ledger of this validator: nothing was compared');
        continue;
      }
      const other = readLedger(validator, files);
      const unsigned = new Set(
        other.faults.filter(({ check }) => check === 'signatures').map(({ path }) => path),
      );
      const theirs = bySeq(other.records);
      const end = records.reduce((most, { predicate }) => Math.max(most, predicate.seq), -1);
      const later = other.records.filter(
        ({ path, predicate }) => predicate.seq > end && !unsigned.has(path),
      );
      if (later.length > 0)
        unchecked(
          validator,
          `the witness has ${later.length} later records, from ${later[0]!.path} on: fetch this ledger again, or its end was cut off`,
        );
      for (const record of records) {
        const twin = theirs.get(record.predicate.seq);
        if (!twin || twin.sha256 === record.sha256 || unsigned.has(twin.path)) continue;
        fault(
          'EQUIVOCATION',
          `${validator}/${record.path}`,
          `record ${record.predicate.seq} is ${record.sha256} here, and ${twin.sha256} (${twin.path}) with the witness: both are signed`,
        );
        break;
      }
    }
  },
};

/** Nothing but ledgers lies under `results/` (A14): a ledger in an odd folder would escape. */
export const STRAYS: Check<LedgersSubject> = {
  name: 'folders',
  needs: 'ledgers',
  rule: 'Ledger folder name',
  run: ({ strays }, { fault }) => {
    for (const name of strays) fault('PATH', name, 'no ledger has such a name');
  },
};
