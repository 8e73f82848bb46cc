// Checks that no evidence counts twice: in one ledger, or in two.
import { recordsOf } from '../../ledger/records-of.ts';
import type { Ledger } from '../../ledger/read.ts';
import { folderOf } from '../../schema/paths.ts';
import type { Check } from './check.ts';
import type { LedgersSubject, LedgerSubject } from './subjects.ts';

/** Where a trace lies, and its hash as its round lists it. */
type Listed = { readonly validator: string; readonly path: string; readonly sha256: string };

/** Every trace that the rounds of a ledger list. */
function tracesOf(ledger: Ledger): Listed[] {
  return recordsOf(ledger, 'round').flatMap(({ path, predicate }) => {
    const folder = folderOf(path);
    return Object.entries(predicate.files)
      .filter(([name]) => name.startsWith('traces/'))
      .map(([name, sha256]) => ({ validator: ledger.validator, path: `${folder}${name}`, sha256 }));
  });
}

/** Traces that an earlier one equals, byte by byte. */
function* repeated(traces: readonly Listed[]): Generator<readonly [Listed, Listed]> {
  const seen = new Map<string, Listed>();
  for (const trace of traces) {
    const first = seen.get(trace.sha256);
    if (first) yield [trace, first];
    else seen.set(trace.sha256, trace);
  }
}

/** One measurement counts once in a ledger (A8). */
export const ONCE_CHECKS: readonly Check<LedgerSubject>[] = [
  {
    ...{ name: 'evidence-once', needs: 'ledger', rule: 'Evidence hashes' },
    run: ({ ledger }, { fault }) => {
      for (const [trace, first] of repeated(tracesOf(ledger)))
        fault('REPLAY', trace.path, `the same bytes as ${first.path}`);
    },
  },
];

/** A validator that copies the measurements of another measured nothing (A10). */
export const LEDGERS_CHECKS: readonly Check<Pick<LedgersSubject, 'ledgers'>>[] = [
  {
    ...{ name: 'evidence-elsewhere', needs: 'ledgers', rule: 'Evidence hashes' },
    run: ({ ledgers }, { fault }) => {
      for (const [trace, first] of repeated(ledgers.flatMap(tracesOf)))
        if (trace.validator !== first.validator)
          fault(
            'REPLAY',
            `${trace.validator}/${trace.path}`,
            `the same bytes as ${first.validator}/${first.path}`,
          );
    },
  },
];
