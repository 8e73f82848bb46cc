// Errors of the chain: unreachable, not the expected chain, or refusing a request.
import { CacheonError } from '../core/errors.ts';

export type ChainErrorCode =
  | 'UNREACHABLE'
  | 'BAD_ENDPOINT'
  | 'WRONG_CHAIN'
  | 'STALE'
  | 'DISAGREEMENT'
  | 'UNREADABLE'
  | 'MISSING_FEATURE'
  | 'STATE_DISCARDED'
  | 'REJECTED'
  | 'EXPIRED'
  | 'NOT_REGISTERED'
  | 'SLOT_TAKEN'
  | 'TOO_MANY_ANCHORS'
  | 'INSUFFICIENT_BALANCE'
  | 'NO_PERMIT'
  | 'BAD_PAYLOAD'
  | 'BAD_ROUND'
  | 'BAD_SIGNATURE'
  | 'BAD_CIPHERTEXT'
  | 'WRONG_ROUND';

/** A chain that cannot be reached, is not the expected one, or refuses; never a miner's fault. */
export class ChainError extends CacheonError<ChainErrorCode> {}
