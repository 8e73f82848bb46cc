// What was found about a ledger's files, so that growing a ledger checks only what is new.
import { sha256Hex } from '../core/hash.ts';
import type { checkSignature, readRecord } from './verify.ts';

type RecordResult = ReturnType<typeof readRecord>;
type SignatureResult = ReturnType<typeof checkSignature>;
/** What was found about one file's bytes; they never change in place. */
type Found = {
  sha256?: string;
  record?: { readonly path: string; readonly result: RecordResult };
  signature?: {
    readonly sig: Uint8Array;
    readonly validator: string;
    readonly result: SignatureResult;
  };
};

/** Remembers findings by the bytes themselves, for as long as those live. */
export class VerifiedFiles {
  readonly #found = new WeakMap<Uint8Array, Found>();
  /** Records read, signatures checked and files hashed so far: what opening a ledger costs. */
  checks = 0;

  hash(bytes: Uint8Array): string {
    const found = this.#of(bytes);
    found.sha256 ??= this.#do(() => sha256Hex(bytes));
    return found.sha256;
  }

  record(path: string, bytes: Uint8Array, read: () => RecordResult): RecordResult {
    const found = this.#of(bytes);
    if (found.record?.path !== path) found.record = { path, result: this.#do(read) };
    return found.record.result;
  }

  signature(
    bytes: Uint8Array,
    sig: Uint8Array,
    validator: string,
    check: () => SignatureResult,
  ): SignatureResult {
    const found = this.#of(bytes);
    const before = found.signature;
    if (before?.sig === sig && before.validator === validator) return before.result;
    const result = this.#do(check);
    found.signature = { sig, validator, result };
    return result;
  }

  #of(bytes: Uint8Array): Found {
    const before = this.#found.get(bytes);
    if (before) return before;
    const found: Found = {};
    this.#found.set(bytes, found);
    return found;
  }

  #do<T>(work: () => T): T {
    this.checks++;
    return work();
  }
}
