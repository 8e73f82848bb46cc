// Several chain endpoints used as a single chain, with failover and a second opinion on blocks.
import { because } from '../../schema/reasons.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KeyringPair } from '@polkadot/keyring/types';
import { messageOf } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type {
  BlockRef,
  ChainReader,
  PaymentClaim,
  PaymentOutcome,
  ExtrinsicSigner,
} from '../chain.ts';
import { ChainError } from '../errors.ts';
import { connect, isTransport } from './connect.ts';
import { extrinsicSigner } from './extrinsic-signer.ts';
import { assertChain, SubtensorChain } from './subtensor.ts';

export type EndpointOptions = {
  /** Genesis hash that an endpoint must have; null for local chains. */
  readonly genesisHash: string | null;
  /**
   * Whether a second endpoint must agree on a block before anything follows from it: everywhere but
   * on local chains. `if-any`: where one is named.
   */
  readonly witness: boolean | 'if-any';
  readonly log: Log;
};

/** A head older than this is no head: the endpoint hangs. */
const STALE_SECONDS = 300;
/** How often every endpoint is tried before a request fails, and the first wait in between. */
const ROUNDS = 3;
const FIRST_WAIT_MS = 500;
/** A witness may be a few blocks behind: the pool asks it this often. */
const WITNESS_TRIES = 10;
const WITNESS_WAIT_MS = 2000;

type Link = { readonly endpoint: string; chain: SubtensorChain | null };

/**
 * Several endpoints as one chain: the pool asks the first healthy endpoint, and the next one where
 * its connection fails. Before a plan or weights follow from a block, a second endpoint must know
 * it under the same hash: that exposes an endpoint that lies, hangs or is on another chain.
 */
export class EndpointPool implements ChainReader {
  readonly #links: Link[];
  readonly #options: EndpointOptions;
  #current = 0;

  private constructor(endpoints: readonly string[], options: EndpointOptions) {
    this.#links = endpoints.map((endpoint) => ({ endpoint, chain: null }));
    this.#options = options;
  }

  /**
   * Connects to the first healthy endpoint. Where none is healthy, throws the error of the last
   * one.
   */
  static async open(endpoints: readonly string[], options: EndpointOptions): Promise<EndpointPool> {
    // One node under two spellings is no second opinion.
    const distinct = [
      ...new Map(endpoints.map((endpoint) => [normalized(endpoint), endpoint])).values(),
    ];
    const pool = new EndpointPool(distinct, {
      ...options,
      witness: options.witness === 'if-any' ? distinct.length > 1 : options.witness,
    });
    await pool.#use(() => Promise.resolve(), 1);
    return pool;
  }

  /** A link's chain, connected and checked. Throws `UNREACHABLE`, `WRONG_CHAIN` or `STALE`. */
  async #chainOf(link: Link): Promise<SubtensorChain> {
    if (link.chain?.api.isConnected) return link.chain;
    const chain = new SubtensorChain(await connect(link.endpoint));
    try {
      await assertChain(chain, this.#options.genesisHash);
      if (this.#options.witness) await assertFresh(chain, link.endpoint);
    } catch (error) {
      await chain.disconnect();
      throw error;
    }
    link.chain = chain;
    return chain;
  }

  /**
   * Runs a request on the first endpoint that can answer. Only a failed connection makes the pool
   * move on to the next.
   */
  async #use<T>(request: (chain: SubtensorChain) => Promise<T>, rounds = ROUNDS): Promise<T> {
    let last: unknown;
    for (let attempt = 0; attempt < rounds * this.#links.length; attempt++) {
      if (attempt > 0 && attempt % this.#links.length === 0)
        await sleep(FIRST_WAIT_MS * 2 ** (attempt / this.#links.length - 1));
      const link = this.#links[this.#current]!;
      try {
        return await request(await this.#chainOf(link));
      } catch (error) {
        const unhealthy =
          error instanceof ChainError && (error.code === 'WRONG_CHAIN' || error.code === 'STALE');
        if (!unhealthy && !isTransport(error)) throw error;
        last = error;
        if (this.#links.length > 1 || attempt + 1 < rounds)
          this.#options.log.warn(messageOf(error));
        await link.chain?.disconnect().catch(() => undefined);
        link.chain = null;
        this.#current = (this.#current + 1) % this.#links.length;
        // Asking again does not make a wrong chain the right one.
        if (unhealthy && attempt + 1 >= this.#links.length) break;
      }
    }
    if (last instanceof ChainError) throw last;
    throw new ChainError(
      'UNREACHABLE',
      'infra',
      `no endpoint answers: ${messageOf(last)}`,
      'check the endpoints, or name others with --endpoint',
    ).causedBy(last);
  }

  /**
   * Like `#use`, and where that node no longer keeps the state, asks every other endpoint: one of
   * them may be an archive.
   */
  async #useOld<T>(
    request: (chain: SubtensorChain) => Promise<T>,
    gone: (value: T) => boolean,
  ): Promise<T> {
    let first: { value: T } | { error: unknown };
    try {
      const value = await this.#use(request);
      if (!gone(value)) return value;
      first = { value };
    } catch (error) {
      if (!(error instanceof ChainError) || error.code !== 'STATE_DISCARDED') throw error;
      first = { error };
    }
    for (const [index, link] of this.#links.entries()) {
      if (index === this.#current) continue;
      try {
        const value = await request(await this.#chainOf(link));
        if (!gone(value)) return value;
      } catch {
        // This one cannot help either.
      }
    }
    if ('error' in first) throw first.error;
    return first.value;
  }

  async confirm(block: BlockRef): Promise<void> {
    await this.#use((chain) => chain.confirm(block));
    if (!this.#options.witness) return;
    let reason = `only ${this.#links[0]!.endpoint} is named`;
    for (const [index, link] of this.#links.entries()) {
      if (index === this.#current) continue;
      try {
        const chain = await this.#chainOf(link);
        let hash = await chain.blockHash(block.number);
        for (let i = 1; hash === null && i < WITNESS_TRIES; i++) {
          await sleep(WITNESS_WAIT_MS);
          hash = await chain.blockHash(block.number);
        }
        if (hash === block.hash) return;
        if (hash !== null)
          throw new ChainError(
            'DISAGREEMENT',
            'infra',
            `block ${block.number} is ${block.hash} at ${this.#links[this.#current]!.endpoint}, and ${hash} at ${link.endpoint}`,
            'one of the endpoints lies or is on a fork: nothing is decided until two agree',
          );
        reason = `${link.endpoint} does not know block ${block.number}`;
      } catch (error) {
        if (error instanceof ChainError && error.code === 'DISAGREEMENT') throw error;
        reason = `${link.endpoint}: ${messageOf(error)}`;
      }
    }
    throw new ChainError(
      'UNREACHABLE',
      'infra',
      `no second endpoint confirms block ${block.number}: ${reason}`,
      'two endpoints must agree before anything is planned or sent: name two with --endpoint wss://one,wss://other (in Actions CACHEON_ENDPOINT)',
    );
  }

  identity() {
    return this.#use((chain) => chain.identity());
  }
  finalizedHead() {
    return this.#use((chain) => chain.finalizedHead());
  }
  blockHash(number: number) {
    return this.#use((chain) => chain.blockHash(number));
  }
  snapshot(netuid: number, block?: BlockRef) {
    return this.#use((chain) => chain.snapshot(netuid, block));
  }
  lastCommitment(hotkey: string, netuid: number, block: number) {
    return this.#useOld(
      (chain) => chain.lastCommitment(hotkey, netuid, block),
      () => false,
    );
  }
  commitment(hotkey: string, netuid: number) {
    return this.#use((chain) => chain.commitment(hotkey, netuid));
  }
  /**
   * A payment as two endpoints see it, where there are two: an endpoint that lags or lies decides
   * about no miner's money.
   */
  async payment(claim: PaymentClaim): Promise<PaymentOutcome> {
    const first = await this.#useOld(
      (chain) => chain.payment(claim),
      ({ state }) => state === 'unknown',
    );
    if (!this.#options.witness || first.state === 'unknown') return first;
    for (const [index, link] of this.#links.entries()) {
      if (index === this.#current) continue;
      try {
        const second = await (await this.#chainOf(link)).payment(claim);
        if (second.state === 'unknown') continue;
        return second.state === first.state
          ? first
          : {
              state: 'unknown',
              ...because('endpoints-differ', 'the endpoints do not agree on this payment'),
            };
      } catch {
        // This one cannot tell.
      }
    }
    return first;
  }
  uidOf(hotkey: string, netuid: number, block: BlockRef) {
    return this.#useOld(
      (chain) => chain.uidOf(hotkey, netuid, block),
      () => false,
    );
  }
  weights(uid: number, netuid: number, block: BlockRef) {
    return this.#useOld(
      (chain) => chain.weights(uid, netuid, block),
      () => false,
    );
  }
  epoch(netuid: number, block: BlockRef) {
    return this.#useOld(
      (chain) => chain.epoch(netuid, block),
      () => false,
    );
  }
  subnet(netuid: number, hotkey: string) {
    return this.#use((chain) => chain.subnet(netuid, hotkey));
  }
  waitingCommits(netuid: number, hotkey: string, epoch: number) {
    return this.#use((chain) => chain.waitingCommits(netuid, hotkey, epoch));
  }
  balanceRao(address: string) {
    return this.#use((chain) => chain.balanceRao(address));
  }
  finalizedNonce(address: string) {
    return this.#use((chain) => chain.finalizedNonce(address));
  }
  extrinsics(block: number) {
    return this.#use((chain) => chain.extrinsics(block));
  }
  outcome(block: BlockRef, index: number) {
    return this.#useOld(
      (chain) => chain.outcome(block, index),
      () => false,
    );
  }
  submit(extrinsic: string) {
    return this.#use((chain) => chain.submit(extrinsic));
  }

  /** Signs calls with a key, by the current endpoint's metadata. */
  transactor(pair: KeyringPair): ExtrinsicSigner {
    return extrinsicSigner(
      () => this.#use((chain) => Promise.resolve({ api: chain.api, features: chain.features })),
      pair,
    );
  }

  async disconnect(): Promise<void> {
    await Promise.all(this.#links.map(async (link) => link.chain?.disconnect()));
  }
}

/** An endpoint's address as any spelling of it gives it. */
function normalized(endpoint: string): string {
  if (!URL.canParse(endpoint)) return endpoint;
  const { protocol, hostname, port, pathname } = new URL(endpoint);
  return `${protocol}//${hostname}:${port || (protocol === 'wss:' ? '443' : '80')}${pathname.replace(/\/+$/, '')}`;
}

/** Throws `STALE` where the newest finalized block is minutes old. */
async function assertFresh(chain: SubtensorChain, endpoint: string): Promise<void> {
  const ageSeconds = Date.now() / 1000 - (await chain.finalizedSeconds());
  if (ageSeconds > STALE_SECONDS)
    throw new ChainError(
      'STALE',
      'infra',
      `${endpoint} hangs: its newest final block is ${Math.round(ageSeconds)} s old`,
      'name another endpoint',
    );
}
