// Adapter for a single Subtensor node: reads, transactions and differences between runtimes.
import type { ApiPromise } from '@polkadot/api';
import type { KeyringPair } from '@polkadot/keyring/types';
import type { DispatchError } from '@polkadot/types/interfaces';
import type { Codec } from '@polkadot/types/types';
import { fromHex, toHex } from '../../core/bytes.ts';
import { messageOf } from '../../core/errors.ts';
import { blake2b256 } from '../../core/hash.ts';
import type {
  BlockRef,
  ChainCommitment,
  ChainIdentity,
  ChainReader,
  ExtrinsicOutcome,
  PaymentClaim,
  PaymentOutcome,
  Snapshot,
  SubnetState,
  ExtrinsicSigner,
  WeightRow,
} from '../chain.ts';
import { dispatchRefusal, poolRefusal, type ChainRefusal } from '../dispatch-errors.ts';
import { ChainError } from '../errors.ts';
import { legacyEpoch } from '../weight-codec.ts';
import { blockTimeMs } from './block-time.ts';
import { type Features, featuresOf } from './calls.ts';
import { dispatchErrorName, eventsOf } from './chain-events.ts';
import { isTransport } from './connect.ts';
import { commitmentOf, standingCommitment } from './decode.ts';
import { extrinsicSigner } from './extrinsic-signer.ts';
import { verifyPayment } from './payment.ts';
import { runtimeAt } from './runtime-at.ts';
import { hasItem, type Item, numberOf, rawSend, readItems, stateError } from './storage-read.ts';
import { readSnapshot } from './snapshot.ts';
import { readSubnet } from './subnet.ts';

/** Calls and storage that every chain we use must have. */
const NEEDED = {
  tx: ['subtensorModule.setWeights', 'commitments.setCommitment', 'utility.batchAll'],
  query: ['subtensorModule.uids', 'subtensorModule.keys', 'commitments.commitmentOf'],
} as const;

/**
 * Reads and writes a Subtensor chain, new or old: where an old runtime lacks a call, this class
 * reads storage instead.
 */
export class SubtensorChain implements ChainReader {
  readonly api: ApiPromise;

  constructor(api: ApiPromise) {
    this.api = api;
    const has = (root: unknown, path: string): boolean =>
      path
        .split('.')
        .reduce<unknown>(
          (at, name) => (at as Record<string, unknown> | undefined)?.[name],
          root,
        ) !== undefined;
    const lacks = (what: string): ChainError =>
      new ChainError(
        'MISSING_FEATURE',
        'infra',
        `the chain has no ${what}`,
        'is this a Subtensor node?',
      );
    for (const path of NEEDED.tx) if (!has(api.tx, path)) throw lacks(`call ${path}`);
    for (const path of NEEDED.query) if (!hasItem(api, path)) throw lacks(`storage ${path}`);
  }

  /**
   * Features of the current runtime: the chain may upgrade it while we are connected, so each call
   * looks them up.
   */
  get features(): Features {
    return featuresOf(this.api);
  }

  async identity(block?: BlockRef): Promise<ChainIdentity> {
    const genesisHash = this.api.genesisHash.toHex();
    if (block) return { genesisHash, ...(await runtimeAt(this.api, block)) };
    const { specName, specVersion } = this.api.runtimeVersion;
    return { genesisHash, specName: specName.toString(), specVersion: specVersion.toNumber() };
  }

  #send<T>(method: string, ...params: unknown[]): Promise<T> {
    return rawSend<T>(this.api, method, ...params);
  }

  /**
   * Items of a block that may be old: throws `STATE_DISCARDED` where the node no longer keeps them.
   */
  async #old<Name extends string>(
    block: BlockRef,
    items: Readonly<Record<Name, Item>>,
  ): Promise<Record<Name, Codec | null | undefined>> {
    try {
      return await readItems(this.api, block.hash, items);
    } catch (error) {
      if (isTransport(error)) throw error;
      throw stateError(error, `the state of block ${block.number}`);
    }
  }

  async finalizedHead(): Promise<BlockRef> {
    const hash = await this.#send<string>('chain_getFinalizedHead');
    return {
      hash,
      number: Number((await this.#send<{ number: string }>('chain_getHeader', hash)).number),
    };
  }

  /** Time of the finalized head by its own clock, unix seconds. */
  async finalizedSeconds(): Promise<number> {
    const hash = await this.#send<string>('chain_getFinalizedHead');
    return numberOf((await readItems(this.api, hash, { now: ['timestamp.now'] })).now) / 1000;
  }

  async blockHash(number: number): Promise<string | null> {
    const hash = await this.#send<string | null>('chain_getBlockHash', number);
    return hash === null || /^0x0+$/.test(hash) ? null : hash;
  }

  /** One endpoint can only agree with itself: see EndpointPool. */
  async confirm(block: BlockRef): Promise<void> {
    const hash = await this.blockHash(block.number);
    if (hash === null)
      throw new ChainError(
        'STALE',
        'infra',
        `the node does not know block ${block.number} yet`,
        'it lags: name another endpoint, or try again',
      );
    if (hash !== block.hash)
      throw new ChainError(
        'DISAGREEMENT',
        'infra',
        `block ${block.number} is not ${block.hash} any more`,
        'try again',
      );
  }

  snapshot(netuid: number, block?: BlockRef): Promise<Snapshot> {
    return readSnapshot(this.api, this.features, netuid, block);
  }

  async lastCommitment(hotkey: string, netuid: number, block: number): Promise<number | null> {
    const hash = await this.blockHash(block);
    if (hash === null) return null;
    try {
      const { last } = await readItems(this.api, hash, {
        last: ['commitments.lastCommitment', netuid, hotkey],
      });
      return last ? numberOf(last) : null;
    } catch (error) {
      throw stateError(error, `the state of block ${block}`);
    }
  }

  async commitment(hotkey: string, netuid: number, block?: BlockRef): Promise<ChainCommitment> {
    const items = {
      standing: ['commitments.commitmentOf', netuid, hotkey],
      last: ['commitments.lastCommitment', netuid, hotkey],
      revealed: ['commitments.revealedCommitments', netuid, hotkey],
    } as const;
    const newest = (): Promise<string> => this.#send<string>('chain_getBlockHash');
    const found = block
      ? await this.#old(block, items)
      : await readItems(this.api, await newest(), items);
    return commitmentOf(
      hotkey,
      found.standing ? standingCommitment(found.standing) : null,
      found.last,
      found.revealed,
    );
  }

  timestampMs(block: BlockRef): Promise<number> {
    const state = async () => numberOf((await this.#old(block, { now: ['timestamp.now'] })).now);
    return blockTimeMs(state, () => this.extrinsics(block.number));
  }

  async pulse(round: number): Promise<string | null> {
    const head = await this.#send<string>('chain_getFinalizedHead');
    const { pulse } = await readItems(this.api, head, { pulse: ['drand.pulses', round] });
    const signature = (pulse as unknown as Map<string, Codec> | null)?.get('signature');
    return signature ? `0x${toHex(signature.toU8a(true))}` : null;
  }

  payment(claim: PaymentClaim): Promise<PaymentOutcome> {
    return verifyPayment(this.api, claim);
  }

  async uidOf(hotkey: string, netuid: number, block: BlockRef): Promise<number | null> {
    const { uid } = await this.#old(block, { uid: ['subtensorModule.uids', netuid, hotkey] });
    return uid ? numberOf(uid) : null;
  }

  async weights(uid: number, netuid: number, block: BlockRef): Promise<WeightRow> {
    const { row } = await this.#old(block, { row: ['subtensorModule.weights', netuid, uid] });
    return (row!.toJSON() as [number, number][])
      .map(([target, weight]) => ({ uid: target, weight }))
      .sort((a, b) => a.uid - b.uid);
  }

  subnet(netuid: number, hotkey: string): Promise<SubnetState> {
    return readSubnet(this.api, netuid, hotkey);
  }

  async epoch(netuid: number, block: BlockRef): Promise<number> {
    const { index, tempo } = await this.#old(block, {
      index: ['subtensorModule.subnetEpochIndex', netuid],
      tempo: ['subtensorModule.tempo', netuid],
    });
    return index ? numberOf(index) : legacyEpoch(block.number, netuid, numberOf(tempo));
  }

  async waitingCommits(netuid: number, hotkey: string, epoch: number): Promise<string[]> {
    const found = await readItems(this.api, await this.#send<string>('chain_getBlockHash'), {
      hashes: ['subtensorModule.weightCommits', netuid, hotkey],
      sealed: ['subtensorModule.timelockedWeightCommits', netuid, epoch],
    });
    const hashes = (found.hashes?.toJSON() ?? []) as [string, ...unknown[]][];
    const sealed = (found.sealed?.toJSON() ?? []) as [string, number, string, number][];
    return [
      ...hashes.map(([hash]) => hash),
      ...sealed
        .filter(([who]) => who === hotkey)
        .map(([, , bytes]) => `0x${toHex(blake2b256(fromHex(bytes)!))}`),
    ];
  }

  async balanceRao(address: string): Promise<bigint> {
    const { account } = await readItems(this.api, await this.#send<string>('chain_getBlockHash'), {
      account: ['system.account', address],
    });
    const data = (account as unknown as Map<string, Map<string, Codec>>).get('data')!;
    return BigInt(data.get('free')!.toString());
  }

  async finalizedNonce(address: string): Promise<{ head: BlockRef; nonce: number }> {
    const hash = await this.#send<string>('chain_getFinalizedHead');
    const { account, number } = await readItems(this.api, hash, {
      account: ['system.account', address],
      number: ['system.number'],
    });
    return {
      head: { number: numberOf(number), hash },
      nonce: numberOf((account as unknown as Map<string, Codec>).get('nonce')),
    };
  }

  async extrinsics(
    number: number,
  ): Promise<{ block: BlockRef; extrinsics: readonly string[] } | null> {
    const hash = await this.blockHash(number);
    if (hash === null) return null;
    const { block } = await this.#send<{ block: { extrinsics: string[] } }>('chain_getBlock', hash);
    return { block: { number, hash }, extrinsics: block.extrinsics };
  }

  async outcome(block: BlockRef, index: number): Promise<ExtrinsicOutcome> {
    const events = await eventsOf(this.api, block, index);
    const failed = events.find(
      (event) => event.section === 'system' && event.method === 'ExtrinsicFailed',
    );
    return failed
      ? {
          ok: false,
          refusal: dispatchRefusal(dispatchErrorName(this.api, failed.data[0] as DispatchError)),
        }
      : { ok: true };
  }

  async submit(extrinsic: string): Promise<ChainRefusal | null> {
    try {
      await this.#send('author_submitExtrinsic', extrinsic);
      return null;
    } catch (error) {
      // A lost connection refuses nothing: the caller asks again.
      if (isTransport(error)) throw error;
      return poolRefusal(rpcText(error));
    }
  }

  /** Signs calls with a key. */
  transactor(pair: KeyringPair): ExtrinsicSigner {
    return extrinsicSigner(() => Promise.resolve({ api: this.api, features: this.features }), pair);
  }

  disconnect(): Promise<void> {
    return this.api.disconnect();
  }
}

/** What an RPC error says, with its code and data. */
function rpcText(error: unknown): string {
  const { code, data } = error as { code?: number; data?: unknown };
  return `${code ?? ''} ${messageOf(error)} ${typeof data === 'string' ? data : ''}`;
}
