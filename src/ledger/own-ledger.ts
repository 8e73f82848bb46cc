// A validator's own ledger: verified once, then grown by signed records and committed.
import { type Addition, signedFiles } from './append.ts';
import { LedgerError } from './errors.ts';
import { openLedger } from './open.ts';
import type { Ledger, LedgerFiles } from './read.ts';
import type { Signer } from './sign.ts';
import type { ResultStore } from './store.ts';

/**
 * A ledger that its validator reads and grows. Whatever other writers add meanwhile is verified
 * when it is first seen, and nothing is verified twice.
 */
export class OwnLedger {
  readonly #store: ResultStore;
  readonly #signer: Signer;
  #held: Ledger | undefined;

  constructor(store: ResultStore, signer: Signer) {
    this.#store = store;
    this.#signer = signer;
  }

  /** Address of the validator whose ledger it is. */
  get validator(): string {
    return this.#signer.address;
  }

  /** The ledger at its newest head. Throws `BROKEN_LEDGER`. */
  async read(): Promise<Ledger> {
    return this.#open(await this.#store.read(this.validator, 'records'));
  }

  /**
   * Signs and commits what `decide` wants to add to the ledger's newest head, and returns the
   * ledger after it. `decide` is asked again where another writer came first; null adds nothing.
   */
  async append(message: string, decide: (ledger: Ledger) => Addition | null): Promise<Ledger> {
    let after: Ledger | undefined;
    await this.#store.commit(this.validator, message, (files) => {
      const ledger = this.#open(files);
      const addition = decide(ledger);
      after = ledger;
      if (!addition || addition.drafts.length === 0) return null;
      const added = signedFiles(ledger, addition, this.#signer);
      for (const path of added.keys()) if (files.has(path)) throw cameFirst(path);
      after = openLedger(this.validator, new Map([...files, ...added]), ledger);
      return added;
    });
    this.#held = after;
    return after ?? this.read();
  }

  #open(files: LedgerFiles): Ledger {
    this.#held = openLedger(this.validator, files, this.#held);
    return this.#held;
  }
}

/** The error of who comes second with a record of the same place, say of one block's weights. */
const cameFirst = (path: string): LedgerError =>
  new LedgerError(
    'STALE',
    'infra',
    `another writer has put ${path} on record meanwhile`,
    'run again: what it left undone is finished then',
  );
