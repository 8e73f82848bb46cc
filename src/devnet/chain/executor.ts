// Runs calls on the embedded chain's state, and keeps the events of the block under way.
import type { GenericCall } from '@polkadot/types';
import { compactToU8a } from '@polkadot/util';
import { concatBytes } from '../../core/bytes.ts';
import type { EventEncoder } from './event-encoder.ts';
import { type BlockContext, type CallContext, DispatchFailure } from './pallets/dispatch.ts';
import { HANDLERS } from './pallets/runtime.ts';
import type { State } from './state.ts';
import type { Storage } from './storage.ts';

const INITIALIZATION = Uint8Array.of(2);
const FINALIZATION = Uint8Array.of(1);

/** The phase of an extrinsic of a block, as its events name it. */
function extrinsicPhase(index: number): Uint8Array {
  const out = Buffer.alloc(5);
  out.writeUInt32LE(index, 1);
  return out;
}

/** State, and the events of one block after another. */
export class Executor {
  readonly #storage: Storage;
  readonly #state: State;
  readonly #encoder: EventEncoder;
  #records: Uint8Array[] = [];
  #phase: Uint8Array = INITIALIZATION;
  #block = 0;

  constructor(storage: Storage, state: State, encoder: EventEncoder) {
    this.#storage = storage;
    this.#state = state;
    this.#encoder = encoder;
  }

  /** Begins a block. */
  begin(block: number): BlockContext {
    this.#records = [];
    this.#phase = INITIALIZATION;
    this.#block = block;
    return this.#context();
  }

  /** Events from here on are of this extrinsic of the block, or of its end. */
  enter(at: number | 'end'): void {
    this.#phase = at === 'end' ? FINALIZATION : extrinsicPhase(at);
  }

  emit(pallet: string, event: string, ...fields: unknown[]): void {
    const encoded = this.#encoder.encode(pallet, event, fields);
    this.#records.push(concatBytes(this.#phase, encoded, Uint8Array.of(0)));
  }

  /** Runs a call on an overlay of its own; on failure neither its writes nor its events stay. */
  dispatch(call: GenericCall, who: string): DispatchFailure | null {
    const handler = HANDLERS[`${call.section}.${call.method}`];
    const records = this.#records.length;
    let failure: DispatchFailure | null = handler
      ? null
      : new DispatchFailure('System', 'CallFiltered');
    const context: CallContext = {
      ...this.#context(),
      who,
      inner: (inner) => this.dispatch(inner, who),
    };
    this.#state.attempt(() => {
      try {
        handler?.(context, call);
      } catch (error) {
        if (!(error instanceof DispatchFailure)) throw error;
        failure = error;
      }
      return failure === null;
    });
    if (failure) this.#records.length = records;
    return failure;
  }

  /** Writes the block's events to its state. */
  storeEvents(): void {
    const count = this.#records.length;
    const key = this.#storage.key('system.events');
    this.#state.set(key, concatBytes(compactToU8a(count), ...this.#records));
    this.#storage.put('system.eventCount', [], count);
  }

  #context(): BlockContext {
    return {
      storage: this.#storage,
      block: this.#block,
      emit: (pallet, event, ...fields) => this.emit(pallet, event, ...fields),
    };
  }
}
