// Errors of documents: a trace or a plan that cannot be read.
import { CacheonError } from '../core/errors.ts';

/** A document that cannot be read or does not fit the others. It says nothing about a server. */
export class DocumentError extends CacheonError<'BAD_TRACE' | 'BAD_PLAN' | 'BAD_CALIBRATION'> {}
