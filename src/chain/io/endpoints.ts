// Several chain endpoints used as a single chain, with failover and a second opinion on blocks.
import { setTimeout as sleep } from 'node:timers/promises';
import type { KeyringPair } from '@polkadot/keyring/types';
import { messageOf } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { because } from '../../schema/reasons.ts';
import type {
  BlockRef,
  ChainReader,
  ExtrinsicSigner,
  PaymentClaim,
  PaymentOutcome,
} from '../chain.ts';
import { ChainError } from '../errors.ts';
import { EndpointLinks } from './endpoint-links.ts';
import { extrinsicSigner } from './extrinsic-signer.ts';
import type { SubtensorChain } from './subtensor.ts';

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

/** A witness may be a few blocks behind: the pool asks it this often. */
const WITNESS_TRIES = 10;
const WITNESS_WAIT_MS = 2000;

/** The hash that a witness knows a block by; null where it stays behind. */
async function witnessed(chain: SubtensorChain, number: number): Promise<string | null> {
  let hash = await chain.blockHash(number);
  for (let i = 1; hash === null && i < WITNESS_TRIES; i++) {
    await sleep(WITNESS_WAIT_MS);
    hash = await chain.blockHash(number);
  }
  return hash;
}

/**
 * Several endpoints as one chain: the pool asks the first healthy endpoint, and the next one where
 * its connection fails. Before a plan or weights follow from a block, a second endpoint must know
 * it under the same hash: that exposes an endpoint that lies, hangs or is on another chain.
 */
export class EndpointPool implements ChainReader {
  readonly #links: EndpointLinks;
  readonly #witness: boolean;

  private constructor(links: EndpointLinks, witness: boolean) {
    this.#links = links;
    this.#witness = witness;
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
    const { genesisHash, log } = options;
    const witness = options.witness === 'if-any' ? distinct.length > 1 : options.witness;
    const links = new EndpointLinks(distinct, { genesisHash, log, fresh: witness });
    await links.use(() => Promise.resolve(), 1);
    return new EndpointPool(links, witness);
  }

  async confirm(block: BlockRef): Promise<void> {
    await this.#links.use((chain) => chain.confirm(block));
    if (!this.#witness) return;
    let reason = `only ${this.#links.endpoint} is named`;
    for await (const other of this.#links.others((chain) => witnessed(chain, block.number))) {
      if ('error' in other) reason = `${other.endpoint}: ${messageOf(other.error)}`;
      else if (other.value === block.hash) return;
      else if (other.value === null)
        reason = `${other.endpoint} does not know block ${block.number}`;
      else
        throw new ChainError(
          'DISAGREEMENT',
          'infra',
          `block ${block.number} is ${block.hash} at ${this.#links.endpoint}, and ${other.value} at ${other.endpoint}`,
          'one of the endpoints lies or is on a fork: nothing is decided until two agree',
        );
    }
    throw new ChainError(
      'UNREACHABLE',
      'infra',
      `no second endpoint confirms block ${block.number}: ${reason}`,
      'two endpoints must agree before anything is planned or sent: name two with --endpoint wss://one,wss://other (in Actions CACHEON_ENDPOINT)',
    );
  }

  /**
   * A payment as two endpoints see it, where there are two: an endpoint that lags or lies decides
   * about no miner's money.
   */
  async payment(claim: PaymentClaim): Promise<PaymentOutcome> {
    const ask = (chain: SubtensorChain): Promise<PaymentOutcome> => chain.payment(claim);
    const first = await this.#links.useOld(ask, ({ state }) => state === 'unknown');
    if (!this.#witness || first.state === 'unknown') return first;
    for await (const other of this.#links.others(ask)) {
      if ('error' in other || other.value.state === 'unknown') continue; // it cannot tell
      return other.value.state === first.state
        ? first
        : {
            state: 'unknown',
            ...because('endpoints-differ', 'the endpoints do not agree on this payment'),
          };
    }
    return first;
  }

  identity(block?: BlockRef) {
    return block
      ? this.#links.useOld((chain) => chain.identity(block))
      : this.#links.use((chain) => chain.identity());
  }
  finalizedHead() {
    return this.#links.use((chain) => chain.finalizedHead());
  }
  blockHash(number: number) {
    return this.#links.use((chain) => chain.blockHash(number));
  }
  snapshot(netuid: number, block?: BlockRef) {
    return this.#links.use((chain) => chain.snapshot(netuid, block));
  }
  lastCommitment(hotkey: string, netuid: number, block: number) {
    return this.#links.useOld((chain) => chain.lastCommitment(hotkey, netuid, block));
  }
  commitment(hotkey: string, netuid: number, block?: BlockRef) {
    return block
      ? this.#links.useOld((chain) => chain.commitment(hotkey, netuid, block))
      : this.#links.use((chain) => chain.commitment(hotkey, netuid));
  }
  timestampMs(block: BlockRef) {
    return this.#links.useOld((chain) => chain.timestampMs(block));
  }
  pulse(round: number) {
    return this.#links.use((chain) => chain.pulse(round));
  }
  uidOf(hotkey: string, netuid: number, block: BlockRef) {
    return this.#links.useOld((chain) => chain.uidOf(hotkey, netuid, block));
  }
  weights(uid: number, netuid: number, block: BlockRef) {
    return this.#links.useOld((chain) => chain.weights(uid, netuid, block));
  }
  epoch(netuid: number, block: BlockRef) {
    return this.#links.useOld((chain) => chain.epoch(netuid, block));
  }
  subnet(netuid: number, hotkey: string) {
    return this.#links.use((chain) => chain.subnet(netuid, hotkey));
  }
  waitingCommits(netuid: number, hotkey: string, epoch: number) {
    return this.#links.use((chain) => chain.waitingCommits(netuid, hotkey, epoch));
  }
  balanceRao(address: string) {
    return this.#links.use((chain) => chain.balanceRao(address));
  }
  finalizedNonce(address: string) {
    return this.#links.use((chain) => chain.finalizedNonce(address));
  }
  extrinsics(block: number) {
    return this.#links.use((chain) => chain.extrinsics(block));
  }
  outcome(block: BlockRef, index: number) {
    return this.#links.useOld((chain) => chain.outcome(block, index));
  }
  submit(extrinsic: string) {
    return this.#links.use((chain) => chain.submit(extrinsic));
  }

  /** Signs calls with a key, by the current endpoint's metadata. */
  transactor(pair: KeyringPair): ExtrinsicSigner {
    return extrinsicSigner(
      () =>
        this.#links.use((chain) => Promise.resolve({ api: chain.api, features: chain.features })),
      pair,
    );
  }

  async disconnect(): Promise<void> {
    await this.#links.disconnect();
  }
}

/** An endpoint's address as any spelling of it gives it. */
function normalized(endpoint: string): string {
  if (!URL.canParse(endpoint)) return endpoint;
  const { protocol, hostname, port, pathname } = new URL(endpoint);
  return `${protocol}//${hostname}:${port || (protocol === 'wss:' ? '443' : '80')}${pathname.replace(/\/+$/, '')}`;
}
