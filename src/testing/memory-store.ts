// A ledger store in memory for tests, with a writer that comes first when it is asked to.
import { type LedgerFiles, UNREAD } from '../ledger/read.ts';
import type { ResultStore } from '../ledger/store.ts';
import { MEASURED_EVIDENCE } from '../schema/paths.ts';

/** One validator's files in memory. */
export type MemoryStore = ResultStore & {
  readonly files: () => LedgerFiles;
  readonly write: (files: LedgerFiles) => void;
  /** Runs once between a commit's reading and its landing. */
  readonly race: (work: () => void) => void;
  /** Titles of all commits. */
  readonly log: readonly string[];
};

/** A store that keeps one validator's ledger, as the real ones do: new bytes at each reading. */
export function memoryStore(validator: string, begin: LedgerFiles = new Map()): MemoryStore {
  let held = begin;
  let race: (() => void) | null = null;
  const log: string[] = [];
  const copy = (what: 'whole' | 'records'): LedgerFiles =>
    new Map(
      [...held].map(([path, bytes]) => [
        path,
        what === 'records' && MEASURED_EVIDENCE.test(path) ? UNREAD : bytes.slice(),
      ]),
    );
  return {
    log,
    files: () => held,
    write: (files) => {
      held = files;
    },
    race: (work) => {
      race = work;
    },
    validators: () => Promise.resolve([validator]),
    strays: () => Promise.resolve([]),
    read: (_validator, what = 'whole') => Promise.resolve(copy(what)),
    commit: (_validator, message, build) => {
      const seen = held;
      let files = build(copy('records'));
      race?.();
      race = null;
      if (seen !== held) files = build(copy('records'));
      if (files !== null && files.size > 0) {
        held = new Map([...held, ...files]);
        log.push(message);
      }
      return Promise.resolve();
    },
  };
}
