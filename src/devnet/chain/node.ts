// The embedded chain itself: blocks, transaction pool and instant finality in a single process.
import type { GenericCall, TypeRegistry } from '@polkadot/types';
import { toHex } from '../../core/bytes.ts';
import { type Block, sealBlock, timestampInherent } from './block.ts';
import { storePulse } from './pallets/drand-pallet.ts';
import { PulseWatch } from './pulse-watch.ts';
import {
  type ChainAhead,
  checkFee,
  checkNonce,
  decodeExtrinsic,
  PoolError,
  SPEC_NAME,
  SPEC_VERSION,
  verifyExtrinsic,
} from './signed-extrinsic.ts';
import type { ExtrinsicStatus, Pooled } from './pooled-extrinsic.ts';
import { seedGenesis, type Genesis } from './genesis.ts';
import { chainRegistry } from './metadata.ts';
import { account, putAccount } from './pallets/money-pallet.ts';
import { extrinsicFeeRao, isFree, onFinalize, onInitialize } from './pallets/runtime.ts';
import { State, type Change } from './state.ts';
import { Storage } from './storage.ts';
import { EventEncoder } from './event-encoder.ts';
import { Executor } from './executor.ts';

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
  readonly #executor: Executor;
  readonly #pool: Pooled[] = [];
  readonly #byHash = new Map<string, number>();
  readonly #listeners = new Set<(block: Block, changes: readonly Change[]) => void>();
  #scheduled = false;
  readonly #forced: number[] = [];
  readonly #pulses: PulseWatch;
  readonly #versions: [from: number, specVersion: number][] = [];

  constructor(genesis: Genesis, snapshot?: NodeSnapshot) {
    const { registry, metadata } = chainRegistry();
    this.genesis = genesis;
    this.registry = registry;
    this.storage = new Storage(registry, metadata, this.#state);
    const encoder = new EventEncoder(registry, metadata);
    this.#executor = new Executor(this.storage, this.#state, encoder);
    this.#pulses = new PulseWatch(this.storage.prefix('drand.pulses'), {
      nextMs: () => this.#timeOf(this.head.number + 1),
      build: () => void this.build(),
      onRequest: genesis.blockMs === null,
      virtual: genesis.seed !== null,
    });
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
    const value = this.#state.get(key, block);
    if (value === null) this.#pulses.missing(key);
    return value;
  }

  /** Ends what the chain does on its own. */
  stop(): void {
    this.#pulses.stop();
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
    verifyExtrinsic(this.registry, extrinsic, this.#ahead());
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
    const context = this.#executor.begin(number);
    this.storage.put('system.number', [], number);
    this.storage.put('system.parentHash', [], parent);
    this.storage.put('system.blockHash', [number - 1], parent);
    onInitialize(context, this.genesis.netuid);

    const now = this.#timeOf(number);
    const included = [this.#inherent(now)];
    const done = this.#applyReady(included);
    this.#executor.enter('end');
    onFinalize(context, this.genesis.netuid, now);
    const pulses = [...this.#forced.splice(0), ...this.#pulses.due(now)];
    for (const round of pulses) storePulse(context, round);
    const block = this.#seal(number, parent, included);
    for (const item of done) {
      if (!block.extrinsics.includes(`0x${toHex(item.bytes)}`)) continue;
      item.watch({ inBlock: block.hash });
      item.watch({ finalized: block.hash });
    }
    return block;
  }

  /** The block's own extrinsic: it sets the time. */
  #inherent(now: number): Uint8Array {
    this.storage.put('timestamp.now', [], now);
    this.#executor.enter(0);
    this.#executor.emit('System', 'ExtrinsicSuccess', {
      weight: { refTime: 0, proofSize: 0 },
      class: 'Mandatory',
      paysFee: 'No',
    });
    return timestampInherent(this.storage.callIndex('timestamp', 'set'), now);
  }

  /** Applies all that is ready, and gives what leaves the pool; what was applied is included. */
  #applyReady(included: Uint8Array[]): Pooled[] {
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
    return done;
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

  /** The chain as the next block finds it. */
  #ahead(): ChainAhead {
    const next = this.head.number + 1;
    return {
      next,
      specVersion: this.specVersion(next),
      hashOf: (block) => this.blocks[block]?.hash ?? null,
    };
  }

  #timeOf(number: number): number {
    return this.genesis.seed === null ? Date.now() : this.genesis.startMs + number * BLOCK_MS;
  }

  #apply(item: Pooled, index: number): 'applied' | 'wait' | 'invalid' {
    const { extrinsic, signer } = item;
    const call = extrinsic.method as unknown as GenericCall;
    const fee = extrinsicFeeRao(call, item.bytes.length);
    try {
      verifyExtrinsic(this.registry, extrinsic, this.#ahead());
      if (!checkNonce(item.nonce, account(this.storage, signer).nonce)) return 'wait';
      checkFee(account(this.storage, signer).data.free, fee);
    } catch {
      return 'invalid';
    }
    this.#executor.enter(index);
    const record = account(this.storage, signer);
    record.nonce += 1;
    record.data.free -= fee;
    putAccount(this.storage, signer, record);
    if (fee > 0n) this.#executor.emit('Balances', 'Withdraw', signer, fee);
    const failure = this.#executor.dispatch(call, signer);
    if (!isFree(call))
      this.#executor.emit('TransactionPayment', 'TransactionFeePaid', signer, fee, 0);
    const paysFee = isFree(call) ? 'No' : 'Yes';
    const info = { weight: { refTime: 100_000_000, proofSize: 3593 }, class: 'Normal', paysFee };
    if (failure) this.#executor.emit('System', 'ExtrinsicFailed', failure, info);
    else this.#executor.emit('System', 'ExtrinsicSuccess', info);
    return 'applied';
  }

  #seal(number: number, parentHash: string, extrinsics: readonly Uint8Array[]): Block {
    this.#executor.storeEvents();
    const changes = this.#state.commit(number);
    const { seed } = this.genesis;
    const block = sealBlock(this.registry, { number, parentHash, extrinsics, changes, seed });
    this.#append(block);
    for (const listener of this.#listeners) listener(block, changes);
    return block;
  }

  #append(block: Block): void {
    this.blocks.push(block);
    this.#byHash.set(block.hash, block.number);
  }
}
