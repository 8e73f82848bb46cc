// Errors of a command line: wrong usage, and a person who says no.
import { CacheonError } from '../core/errors.ts';

/** A command used in a way it does not understand. */
export class UsageError extends CacheonError<'USAGE'> {
  constructor(message: string, hint: string) {
    super('USAGE', 'usage', message, hint);
  }
}

/** A person who was asked, and did not say yes: nothing is wrong, and nothing was done. */
export class DeclinedError extends CacheonError<'DECLINED'> {
  constructor(message: string, hint: string) {
    super('DECLINED', 'declined', message, hint);
  }
}
