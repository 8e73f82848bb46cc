// Interface to the place where ledgers are kept.
import type { LedgerFiles } from './read.ts';

/** New files of one commit, by path under the validator's folder. */
export type FileSet = ReadonlyMap<string, Uint8Array>;

/** Where ledgers live. Adapters: a git repository, with or without a remote. */
export interface ResultStore {
  /** Folders of results/ that hold a validator's ledger. */
  validators(): Promise<string[]>;
  /** Names under results/ that are no ledger, and belong beside none. */
  strays(): Promise<string[]>;
  /**
   * Files of one validator's ledger, at the newest head. Of `records` what was measured is left
   * unread (`UNREAD`): it grows without end, and no stage needs it.
   */
  read(validator: string, what?: 'whole' | 'records'): Promise<LedgerFiles>;
  /**
   * Adds files in one commit on the newest head. `build` is called again with fresh files when
   * another writer came first, so a record's seq and prev always follow the head it lands on. It
   * gets the records.
   * Existing files are never changed; returning null commits nothing.
   */
  commit(
    validator: string,
    message: string,
    build: (files: LedgerFiles) => FileSet | null,
  ): Promise<void>;
}
