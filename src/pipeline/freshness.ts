// Refuses a chain node whose head is behind the blocks that the ledger has already recorded.
import type { BlockRef } from '../chain/chain.ts';
import { ChainError } from '../chain/errors.ts';
import { type Ledger, recordsOf } from '../ledger/read.ts';

/** The newest block at which a plan or weights were made. */
export function newestBlock(ledger: Pick<Ledger, 'records'>): number {
  const made = [...recordsOf(ledger, 'plan'), ...recordsOf(ledger, 'weights-intent')];
  return Math.max(0, ...made.map(({ predicate }) => predicate.block.number));
}

/**
 * Throws `STALE` where a node's head is behind the head that the ledger has seen: the node lags,
 * and no stage may build on it.
 */
export function assertNotBehind(ledger: Pick<Ledger, 'records'>, head: BlockRef): void {
  const seen = newestBlock(ledger);
  if (head.number < seen)
    throw new ChainError(
      'STALE',
      'infra',
      `the chain's final head is ${head.number}, the ledger has seen block ${seen}`,
      'the endpoint lags: name another, or try again',
    );
}
