// The embedded chain itself: blocks, transaction pool and instant finality in a single process.
import type { GenericCall, GenericExtrinsic, TypeRegistry } from '@polkadot/types';
import type { Codec } from '@polkadot/types/types';
import { blake2AsU8a } from '@polkadot/util-crypto';
import { compactToU8a } from '@polkadot/util';
import { concatBytes, toHex } from '../../core/bytes.ts';
import { DispatchFailure, type BlockContext, type CallContext } from './pallets/dispatch.ts';
import { storePulse } from './pallets/drand-pallet.ts';
import {
  checkFee,
  checkNonce,
  decodeExtrinsic,
  PoolError,
  SPEC_NAME,
  SPEC_VERSION,
  verifyExtrinsic,
} from './signed-extrinsic.ts';
import { seedGenesis, type Genesis } from './genesis.ts';
import { chainRegistry } from './metadata.ts';
import { account, putAccount } from './pallets/money-pallet.ts';
import { extrinsicFeeRao, HANDLERS, isFree, onFinalize, onInitialize } from './pallets/runtime.ts';
import { State, type Change } from './state.ts';
import { Storage } from './storage.ts';
import { EventEncoder } from './event-encoder.ts';

/** A block: header fields as JSON-RPC shows them, and the encoded extrinsics. */
export type Block = {
  readonly number: number;
  readonly hash: string;
  readonly header: {
    parentHash: string;
    number: string;
    stateRoot: string;
    extrinsicsRoot: string;
    digest: { logs: string[] };
  };
  readonly extrinsics: readonly string[];
};

/** Where a submitted extrinsic stands, as `author_extrinsicUpdate` tells it. */
export type ExtrinsicStatus =
  'ready' | 'future' | { inBlock: string } | { finalized: string } | 'invalid';
type Pooled = {
  bytes: Uint8Array;
  hash: string;
  extrinsic: GenericExtrinsic;
  signer: string;
  nonce: number;
  watch: (status: ExtrinsicStatus) => void;
};

export type NodeSnapshot = {
  genesis: Genesis;
  blocks: Block[];
  state: ReturnType<State['dump']>;
  versions: [from: number, specVersion: number][];
};

const BLOCK_MS = 12_000;

/**
 * A small chain with Subtensor's names, types and rules for what validators and miners of this
 * competition do. One process, one author, blocks on request or by timer, every block final at
 * once. Not a consensus system: the state root is a stand-in.
 */
export class ChainNode {
  readonly genesis: Genesis;
  readonly registry: TypeRegistry;
  readonly storage: Storage;
  readonly blocks: Block[] = [];
  readonly #state = new State();
  readonly #events: EventEncoder;
  readonly #pool: Pooled[] = [];
  readonly #byHash = new Map<string, number>();
  readonly #listeners = new Set<(block: Block, changes: readonly Change[]) => void>();
  #records: Uint8Array[] = [];
  #phase: Uint8Array = Uint8Array.of(2);
  #scheduled = false;
  readonly #forced: number[] = [];
  readonly #versions: [from: number, specVersion: number][] = [];

  constructor(genesis: Genesis, snapshot?: NodeSnapshot) {
    const { registry, metadata } = chainRegistry();
    this.genesis = genesis;
    this.registry = registry;
    this.storage = new Storage(registry, metadata, this.#state);
    this.#events = new EventEncoder(registry, metadata);
    if (snapshot) {
      this.#state.load(snapshot.state);
      this.#versions.push(...snapshot.versions);
      for (const block of snapshot.blocks) this.#append(block);
    } else {
      seedGenesis(this.storage, genesis);
      this.#seal(0, `0x${'00'.repeat(32)}`, []);
    }
  }

  snapshot(): NodeSnapshot {
    return {
      genesis: this.genesis,
      blocks: this.blocks,
      state: this.#state.dump(),
      versions: this.#versions,
    };
  }

  get head(): Block {
    return this.blocks.at(-1)!;
  }

  blockByHash(hash: string): Block | null {
    const number = this.#byHash.get(hash.toLowerCase());
    return number === undefined ? null : this.blocks[number]!;
  }

  rawStorage(key: string, block: number): Uint8Array | null {
    return this.#state.get(key, block);
  }

  rawKeys(prefix: string, block: number): string[] {
    return this.#state.keys(prefix, block);
  }

  /** Calls back after every block. Returns a function that stops it. */
  onBlock(listener: (block: Block, changes: readonly Change[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Next nonce of an account with the pool counted (`system_accountNextIndex`). */
  nextNonce(address: string): number {
    let nonce = account(this.storage, address).nonce;
    while (this.#pool.some((item) => item.signer === address && item.nonce === nonce)) nonce++;
    return nonce;
  }

  /**
   * Takes an extrinsic into the pool, and builds a block soon. Returns its hash; throws {@link
   * PoolError}.
   */
  submit(bytes: Uint8Array, watch: (status: ExtrinsicStatus) => void = () => undefined): string {
    const extrinsic = decodeExtrinsic(this.registry, bytes);
    const hash = extrinsic.hash.toHex();
    if (this.#pool.some((item) => item.hash === hash))
      throw new PoolError(1013, 'Transaction is already imported', hash);
    const signer = extrinsic.signer.toString();
    const nonce = extrinsic.nonce.toNumber();
    verifyExtrinsic(
      this.registry,
      extrinsic,
      this.specVersion(this.head.number + 1),
      this.head.number + 1,
      (block) => this.blocks[block]?.hash ?? null,
    );
    const ready = checkNonce(nonce, account(this.storage, signer).nonce);
    if (this.#pool.some((item) => item.signer === signer && item.nonce === nonce))
      throw new PoolError(
        1014,
        'Priority is too low',
        'a transaction with this nonce waits already',
      );
    checkFee(
      account(this.storage, signer).data.free,
      extrinsicFeeRao(extrinsic.method as unknown as GenericCall, bytes.length),
    );
    this.#pool.push({ bytes, hash, extrinsic, signer, nonce, watch });
    setImmediate(() => watch(ready ? 'ready' : 'future'));
    if (this.genesis.blockMs === null) this.#soon();
    return hash;
  }

  /** Extrinsics that wait. */
  pending(): string[] {
    return this.#pool.map((item) => `0x${toHex(item.bytes)}`);
  }

  #soon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.build();
    });
  }

  /** Builds one block of all that is ready. */
  build(): Block {
    const number = this.head.number + 1;
    const parent = this.head.hash;
    this.#records = [];
    this.#phase = Uint8Array.of(2);
    this.storage.put('system.number', [], number);
    this.storage.put('system.parentHash', [], parent);
    this.storage.put('system.blockHash', [number - 1], parent);
    const context = this.#blockContext(number);
    onInitialize(context, this.genesis.netuid);

    const now = this.#timeOf(number);
    this.storage.put('timestamp.now', [], now);
    const inherent = concatBytes(
      Uint8Array.of(4),
      this.storage.callIndex('timestamp', 'set'),
      compactToU8a(now),
    );
    const included = [concatBytes(compactToU8a(inherent.length), inherent)];
    this.#phase = phase(0);
    this.#emit('System', 'ExtrinsicSuccess', {
      weight: { refTime: 0, proofSize: 0 },
      class: 'Mandatory',
      paysFee: 'No',
    });

    const done: Pooled[] = [];
    for (let progress = true; progress;) {
      progress = false;
      for (const item of this.#pool.filter((candidate) => !done.includes(candidate))) {
        const outcome = this.#apply(item, included.length);
        if (outcome === 'wait') continue;
        done.push(item);
        progress = true;
        if (outcome === 'applied') included.push(item.bytes);
        else item.watch('invalid');
      }
    }
    for (const item of done) this.#pool.splice(this.#pool.indexOf(item), 1);
    this.#phase = Uint8Array.of(1);
    onFinalize(context, this.genesis.netuid, now);
    for (const round of this.#forced.splice(0)) storePulse(context, round);
    const block = this.#seal(number, parent, included);
    for (const item of done) {
      if (!block.extrinsics.includes(`0x${toHex(item.bytes)}`)) continue;
      item.watch({ inBlock: block.hash });
      item.watch({ finalized: block.hash });
    }
    return block;
  }

  /** Publishes a round's pulse in the next block, whatever the time: the chain's own beacon may. */
  forcePulse(round: number): void {
    this.#forced.push(round);
    if (this.genesis.blockMs === null) this.#soon();
  }

  /**
   * Raises the runtime's version: from the next block on, the chain refuses transactions that were
   * signed for the old one.
   */
  upgrade(specVersion: number): void {
    this.#versions.push([this.head.number + 1, specVersion]);
    this.storage.put('system.lastRuntimeUpgrade', [], { specVersion, specName: SPEC_NAME });
    this.build();
  }

  /** Version of the runtime that the state of a block belongs to. */
  specVersion(block: number): number {
    return this.#versions.findLast(([from]) => from <= block)?.[1] ?? SPEC_VERSION;
  }

  #timeOf(number: number): number {
    return this.genesis.seed === null ? Date.now() : this.genesis.startMs + number * BLOCK_MS;
  }

  #blockContext(block: number): BlockContext {
    return {
      storage: this.storage,
      block,
      emit: (pallet, event, ...fields) => this.#emit(pallet, event, ...fields),
    };
  }

  #apply(item: Pooled, index: number): 'applied' | 'wait' | 'invalid' {
    const { extrinsic, signer } = item;
    const call = extrinsic.method as unknown as GenericCall;
    const fee = extrinsicFeeRao(call, item.bytes.length);
    try {
      verifyExtrinsic(
        this.registry,
        extrinsic,
        this.specVersion(this.head.number + 1),
        this.head.number + 1,
        (block) => this.blocks[block]?.hash ?? null,
      );
      if (!checkNonce(item.nonce, account(this.storage, signer).nonce)) return 'wait';
      checkFee(account(this.storage, signer).data.free, fee);
    } catch {
      return 'invalid';
    }
    this.#phase = phase(index);
    const record = account(this.storage, signer);
    record.nonce += 1;
    record.data.free -= fee;
    putAccount(this.storage, signer, record);
    if (fee > 0n) this.#emit('Balances', 'Withdraw', signer, fee);
    const failure = this.#dispatch(call, signer);
    if (!isFree(call)) this.#emit('TransactionPayment', 'TransactionFeePaid', signer, fee, 0);
    const info = {
      weight: { refTime: 100_000_000, proofSize: 3593 },
      class: 'Normal',
      paysFee: isFree(call) ? 'No' : 'Yes',
    };
    if (failure) this.#emit('System', 'ExtrinsicFailed', failure, info);
    else this.#emit('System', 'ExtrinsicSuccess', info);
    return 'applied';
  }

  /** Runs a call on an overlay of its own; on failure neither its writes nor its events stay. */
  #dispatch(call: GenericCall, who: string): DispatchFailure | null {
    const handler = HANDLERS[`${call.section}.${call.method}`];
    const records = this.#records.length;
    let failure: DispatchFailure | null = handler
      ? null
      : new DispatchFailure('System', 'CallFiltered');
    const context: CallContext = {
      ...this.#blockContext(this.head.number + 1),
      who,
      inner: (inner) => this.#dispatch(inner, who),
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

  #emit(pallet: string, event: string, ...fields: unknown[]): void {
    this.#records.push(
      concatBytes(this.#phase, this.#events.encode(pallet, event, fields), Uint8Array.of(0)),
    );
  }

  #seal(number: number, parentHash: string, extrinsics: readonly Uint8Array[]): Block {
    this.#state.set(
      this.storage.key('system.events'),
      concatBytes(compactToU8a(this.#records.length), ...this.#records),
    );
    this.storage.put('system.eventCount', [], this.#records.length);
    const changes = this.#state.commit(number);
    // A seeded chain's hashes follow from seed and number alone: signatures are random, and would
    // make no two runs alike.
    const salt = Buffer.from(this.genesis.seed ?? '', 'hex');
    const root = (parts: readonly Uint8Array[]): string =>
      `0x${toHex(blake2AsU8a(concatBytes(...parts)))}`;
    const stateRoot = root(
      this.genesis.seed === null
        ? changes.flatMap(([key, value]) => [Buffer.from(key, 'hex'), value ?? new Uint8Array()])
        : [salt, Uint8Array.of(1)],
    );
    const extrinsicsRoot = root(this.genesis.seed === null ? extrinsics : [salt, Uint8Array.of(2)]);
    const slot = Buffer.alloc(8);
    slot.writeBigUInt64LE(BigInt(number));
    const logs = number === 0 ? [] : [`0x06${toHex(Buffer.from('aura'))}20${toHex(slot)}`];
    const header = this.registry.createType('Header', {
      parentHash,
      number,
      stateRoot,
      extrinsicsRoot,
      digest: { logs },
    }) as unknown as Codec;
    const block: Block = {
      number,
      hash: `0x${toHex(blake2AsU8a(header.toU8a()))}`,
      header: {
        parentHash,
        number: `0x${number.toString(16)}`,
        stateRoot,
        extrinsicsRoot,
        digest: { logs },
      },
      extrinsics: extrinsics.map((bytes) => `0x${toHex(bytes)}`),
    };
    this.#append(block);
    for (const listener of this.#listeners) listener(block, changes);
    return block;
  }

  #append(block: Block): void {
    this.blocks.push(block);
    this.#byHash.set(block.hash, block.number);
  }
}

function phase(index: number): Uint8Array {
  const out = Buffer.alloc(5);
  out.writeUInt32LE(index, 1);
  return out;
}
