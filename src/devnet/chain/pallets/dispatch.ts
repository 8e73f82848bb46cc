// What handlers of calls on the embedded chain share: context, arguments and failures.
import type { GenericCall } from '@polkadot/types';
import type { Storage } from '../storage.ts';

/**
 * A call that failed in its block: the chain's own error name, or one of the runtime's
 * (`Token.FundsUnavailable`, `BadOrigin`).
 */
export class DispatchFailure extends Error {
  readonly pallet: string;
  readonly error: string;
  constructor(pallet: string, error: string) {
    super(`${pallet}.${error}`);
    this.pallet = pallet;
    this.error = error;
  }
}

/** Throws a pallet's error. */
export function fail(pallet: string, error: string): never {
  throw new DispatchFailure(pallet, error);
}

/** What runs at a block's start works with. */
export type BlockContext = {
  readonly storage: Storage;
  readonly block: number;
  emit(pallet: string, event: string, ...fields: unknown[]): void;
};

/** The context of a call handler. `who` is the signer's address. */
export type CallContext = BlockContext & {
  readonly who: string;
  /** Runs an inner call of a batch on its own overlay; the failure where it failed. */
  inner(call: GenericCall): DispatchFailure | null;
};

/** One call's handler; arguments are codecs in the order of the metadata. */
export type Handler = (context: CallContext, call: GenericCall) => void;

/** Arguments of a call as text, by position: enough for numbers and addresses. */
export function argument(call: GenericCall, index: number): string {
  return call.args[index]!.toString();
}
