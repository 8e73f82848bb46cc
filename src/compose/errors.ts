// Errors of wrong usage, such as an unknown option or a missing file.
import { CacheonError } from '../core/errors.ts';

/** A command used in a way it does not understand. */
export class UsageError extends CacheonError<'USAGE'> {
  constructor(message: string, hint: string) {
    super('USAGE', 'usage', message, hint);
  }
}
