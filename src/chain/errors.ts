import { CacheonError } from '../core/errors.ts';

export type ChainErrorCode =
  | 'UNREACHABLE'
  | 'BAD_ENDPOINT'
  | 'WRONG_CHAIN'
  | 'MISSING_FEATURE'
  | 'STATE_DISCARDED'
  | 'REJECTED'
  | 'TIMEOUT'
  | 'NOT_REGISTERED'
  | 'INSUFFICIENT_BALANCE'
  | 'NO_PERMIT';

/** A chain that cannot be reached, is not the expected one, or refuses; never a miner's fault. */
export class ChainError extends CacheonError<ChainErrorCode> {}
