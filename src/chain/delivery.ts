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

/**
 * Brings a signed transaction into a block and waits until that block is final. The caller may
 * repeat it with the same bytes at any later time, after any interruption: this function first
 * looks for the bytes in the blocks, so nothing ever happens twice. `again` says that the bytes may
 * have been sent before.
 */
export async function deliverExtrinsic(
  { chain, clock, log }: DeliverPorts,
  transaction: SignedTransaction,
  again = false,
): Promise<Delivery> {
  const { extrinsic, signer, nonce, firstBlock, lastBlock } = transaction;
  let searched = firstBlock - 1;
  let sentAt: number | null = null;
  let waitMs = FIRST_WAIT_MS;
  let lagging = 0;
  let moved = { number: -1, at: clock.nowNs() };
  for (;;) {
    const finalized = await chain.finalizedNonce(signer);
    if (finalized.nonce > nonce) {
      const found = await find(
        chain,
        extrinsic,
        searched + 1,
        Math.min(finalized.head.number, lastBlock),
      );
      if (found === 'unknown') {
        // Another endpoint answers now, and lags behind the endpoint that told the nonce: "not
        // found" would be a lie that pays twice.
        if (++lagging > LAG_TRIES)
          throw new ChainError(
            'STALE',
            'infra',
            `the node does not know final block ${finalized.head.number}`,
            'try again: nothing is sent twice',
          );
        await clock.sleep(LONGEST_WAIT_MS);
        continue;
      }
      return found === null
        ? { state: 'expired' }
        : { state: 'included', block: found.block, outcome: await outcomeOf(chain, found) };
    }
    if (finalized.head.number > lastBlock) return { state: 'expired' };
    searched = Math.max(searched, finalized.head.number);
    const now = clock.nowNs();
    if (finalized.head.number !== moved.number) moved = { number: finalized.head.number, at: now };
    else if (now - moved.at > STALL_NS)
      throw new ChainError(
        'STALE',
        'infra',
        `no block was finalized after ${moved.number} for ten minutes`,
        'try again: nothing is sent twice',
      );
    if (sentAt === null || now - sentAt > RESEND_NS) {
      const refusal = await chain.submit(extrinsic);
      const outdated = (again || sentAt !== null) && OUTDATED.has(refusal?.name ?? '');
      if (refusal && !outdated && !WAITING.has(refusal.name)) return { state: 'refused', refusal };
      if (sentAt !== null) log.info(`${transaction.hash} waits for a block (until ${lastBlock})`);
      sentAt = now;
    }
    await clock.sleep(waitMs);
    waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 1.5);
  }
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
