// Errors of a ledger that cannot be written or trusted.
import { CacheonError } from '../core/errors.ts';

/**
 * A ledger that cannot be written or trusted. An auditor's findings are a list of faults, never one
 * of these.
 */
export class LedgerError extends CacheonError<
  | 'EMPTY_LEDGER'
  | 'BROKEN_LEDGER'
  | 'UNSIGNED_PLAN'
  | 'NO_KEY'
  | 'GIT_FAILED'
  | 'STALE'
  | 'BAD_DRAW'
  | 'LEDGER_BEHIND'
  | 'LEDGER_REWRITTEN'
  | 'CODE_CHANGED'
> {}
