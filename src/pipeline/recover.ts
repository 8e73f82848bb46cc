// Brings a lost ledger back from any copy of it, proven by what its validator anchored on chain.
import { counted } from '../core/counted.ts';
import type { ChainReader } from '../chain/chain.ts';
import { equalBytes } from '../core/bytes.ts';
import type { Log } from '../core/log.ts';
import { LedgerError } from '../ledger/errors.ts';
import { openLedger } from '../ledger/open.ts';
import { type LedgerFiles, UNREAD } from '../ledger/read.ts';
import type { FileSet, ResultStore } from '../ledger/store.ts';
import { anchorOf } from './anchor/anchor-text.ts';
import { assertHoldsAnchor } from './anchor/own-anchor.ts';

export type RecoverPorts = {
  readonly chain: Pick<ChainReader, 'commitment'>;
  readonly store: ResultStore;
  readonly log: Log;
};

/** What `recover --json` prints. */
export type RecoverReport = {
  readonly validator: string;
  /** Records of the ledger afterwards. */
  readonly records: number;
  /** Files that were brought back. */
  readonly files: number;
  /** Number of the record that the chain anchors; null where it anchors none. */
  readonly anchored: number | null;
};

/**
 * The files that a ledger lacks of a copy. Throws `LEDGER_REWRITTEN` where it has something that
 * the copy has not: then there are two histories, and neither is thrown away.
 */
function missingFiles(own: LedgerFiles, copy: LedgerFiles): FileSet {
  for (const [path, bytes] of own) {
    const other = copy.get(path);
    // What is left unread here is compared once, before anything is committed.
    if (other && (bytes === UNREAD || equalBytes(other, bytes))) continue;
    throw new LedgerError(
      'LEDGER_REWRITTEN',
      'infra',
      `${path} is here, and ${other ? 'differs' : 'is not'} in the copy`,
      'two histories of one validator: find out which one the chain anchors before signing anything',
    );
  }
  return new Map([...copy].filter(([path]) => !own.has(path)));
}

/**
 * Takes a validator's ledger from a copy and commits what the own one lacks (RULES "Recovery").
 * Nothing is signed: every record of the copy is verified, and the record that the chain anchors
 * must be among them. Throws `BROKEN_LEDGER`, `LEDGER_BEHIND` and `LEDGER_REWRITTEN`.
 */
export async function recover(
  { chain, store, log }: RecoverPorts,
  { validator, netuid }: { readonly validator: string; readonly netuid: number },
  copy: LedgerFiles,
  dryRun: boolean,
): Promise<RecoverReport> {
  const ledger = openLedger(validator, copy);
  if (ledger.records.length === 0)
    throw new LedgerError(
      'EMPTY_LEDGER',
      'usage',
      `the copy holds no record of ${validator}`,
      'name a clone of the repository, or a results folder, with --from',
    );
  const commitment = await chain.commitment(validator, netuid);
  assertHoldsAnchor(ledger, commitment);
  const anchored = anchorOf(commitment)?.seq ?? null;
  if (anchored === null) log.warn('the chain anchors no record: signatures alone prove this copy');
  let files = missingFiles(await store.read(validator), copy).size;
  if (!dryRun)
    await store.commit(validator, `Recover ${counted(ledger.records.length, 'record')}`, (own) => {
      const missing = missingFiles(own, copy);
      files = missing.size;
      return missing;
    });
  return { validator, records: ledger.records.length, files, anchored };
}
