// Delivery of a signed transaction into a finalized block, safe to repeat after interruptions.
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { BlockRef, ChainReader, ExtrinsicOutcome, SignedTransaction } from './chain.ts';
import type { ChainRefusal } from './dispatch-errors.ts';
import { ChainError } from './errors.ts';

/**
 * How a signed transaction ended: in a finalized block (`outcome` says whether its call succeeded
 * there, null where the node no longer knows), refused by the pool, or over: its era has ended, or
 * another transaction took its nonce, so it can never enter a block.
 */
export type Delivery =
  | {
      readonly state: 'included';
      readonly block: BlockRef;
      readonly outcome: ExtrinsicOutcome | null;
    }
  | { readonly state: 'refused'; readonly refusal: ChainRefusal }
  | { readonly state: 'expired' };

export type DeliverPorts = {
  readonly chain: ChainReader;
  readonly clock: Clock;
  readonly log: Log;
};

/**
 * Pool answers that say "I have it, or something with its nonce": the blocks then tell what became
 * of the transaction.
 */
const WAITING = new Set([
  'Stale',
  'AlreadyImported',
  'PriorityTooLow',
  'Future',
  'PoolFull',
  'TemporarilyBanned',
  'ExhaustsResources',
]);
/**
 * Pool answers to bytes that were good when they were signed: their block may not be final yet, or
 * the runtime changed. The end of their era will tell.
 */
const OUTDATED = new Set(['BadProof', 'AncientBirthBlock']);
const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 6000;
/** A node may lose its pool: the same bytes are handed over again this often. */
const RESEND_NS = 60e9;
/** How often a node may lag behind another's head. */
const LAG_TRIES = 20;
/** Without a new finalized block for this long the chain stands still. */
const STALL_NS = 600e9;

const stale = (what: string): ChainError =>
  new ChainError('STALE', 'infra', what, 'try again: nothing is sent twice');

/** One transaction on its way into a block. */
class DeliveryRun {
  readonly #ports: DeliverPorts;
  readonly #transaction: SignedTransaction;
  /** Whether the bytes may have been sent before. */
  #again: boolean;
  #searched: number;
  #sentAt: number | null = null;
  #lagging = 0;
  #moved: { number: number; at: number };

  constructor(ports: DeliverPorts, transaction: SignedTransaction, again: boolean) {
    this.#ports = ports;
    this.#transaction = transaction;
    this.#again = again;
    this.#searched = transaction.firstBlock - 1;
    this.#moved = { number: -1, at: ports.clock.nowNs() };
  }

  async run(): Promise<Delivery> {
    const { chain, clock } = this.#ports;
    let waitMs = FIRST_WAIT_MS;
    for (;;) {
      const { nonce, head } = await chain.finalizedNonce(this.#transaction.signer);
      const spent = nonce > this.#transaction.nonce;
      const end = spent ? await this.#find(head.number) : await this.#send(head.number);
      if (end) return end;
      await clock.sleep(spent ? LONGEST_WAIT_MS : waitMs);
      if (!spent) waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 1.5);
    }
  }

  /** The nonce is used: by this transaction, or by another. Null where the node lags. */
  async #find(head: number): Promise<Delivery | null> {
    const { chain } = this.#ports;
    const { extrinsic, lastBlock } = this.#transaction;
    const found = await find(chain, extrinsic, this.#searched + 1, Math.min(head, lastBlock));
    if (found === 'unknown') {
      // Another endpoint answers now, and lags behind the endpoint that told the nonce: "not found"
      // would be a lie that pays twice.
      this.#lagging++;
      if (this.#lagging > LAG_TRIES) throw stale(`the node does not know final block ${head}`);
      return null;
    }
    if (found === null) return { state: 'expired' };
    return { state: 'included', block: found.block, outcome: await outcomeOf(chain, found) };
  }

  /** Hands the bytes to the pool where that is due. Null while they may still land. */
  async #send(head: number): Promise<Delivery | null> {
    const { chain, clock, log } = this.#ports;
    const { extrinsic, hash, lastBlock } = this.#transaction;
    if (head > lastBlock) return { state: 'expired' };
    this.#searched = Math.max(this.#searched, head);
    const now = clock.nowNs();
    if (head !== this.#moved.number) this.#moved = { number: head, at: now };
    else if (now - this.#moved.at > STALL_NS)
      throw stale(`no block was finalized after ${head} for ten minutes`);
    if (this.#sentAt !== null && now - this.#sentAt <= RESEND_NS) return null;
    const refusal = await chain.submit(extrinsic);
    const outdated = this.#again && OUTDATED.has(refusal?.name ?? '');
    if (refusal && !outdated && !WAITING.has(refusal.name)) return { state: 'refused', refusal };
    if (this.#sentAt !== null) log.info(`${hash} waits for a block (until ${lastBlock})`);
    this.#again = true;
    this.#sentAt = now;
    return null;
  }
}

/**
 * Brings a signed transaction into a block and waits until that block is final. The caller may
 * repeat it with the same bytes at any later time, after any interruption: this function first
 * looks for the bytes in the blocks, so nothing ever happens twice. `again` says that the bytes may
 * have been sent before.
 */
export async function deliverExtrinsic(
  ports: DeliverPorts,
  transaction: SignedTransaction,
  again = false,
): Promise<Delivery> {
  return await new DeliveryRun(ports, transaction, again).run();
}

/**
 * Looks for the very bytes in the bodies of blocks, oldest first: bodies are kept when states are
 * long gone. `unknown` where the node at hand does not know the last of these blocks.
 */
async function find(
  chain: ChainReader,
  extrinsic: string,
  from: number,
  to: number,
): Promise<{ block: BlockRef; index: number } | 'unknown' | null> {
  for (let number = from; number <= to; number++) {
    const body = await chain.extrinsics(number);
    if (body === null) {
      // A development chain may skip heights; a node that lacks the last one lags.
      if ((await chain.extrinsics(to)) === null) return 'unknown';
      continue;
    }
    const index = body.extrinsics.indexOf(extrinsic);
    if (index >= 0) return { block: body.block, index };
  }
  return null;
}

/**
 * What became of an included call: null where the node no longer keeps the events of its block (an
 * hour or so), and no archive is at hand.
 */
async function outcomeOf(
  chain: ChainReader,
  { block, index }: { block: BlockRef; index: number },
): Promise<ExtrinsicOutcome | null> {
  try {
    return await chain.outcome(block, index);
  } catch (error) {
    if (error instanceof ChainError && error.code === 'STATE_DISCARDED') return null;
    throw error;
  }
}
