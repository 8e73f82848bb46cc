// Errors of measuring: the measurement could not be made.
import { CacheonError } from '../core/errors.ts';

/**
 * A measurement that could not be made. What a server did wrong is a verdict, never one of these.
 */
export class MeasureError extends CacheonError<
  | 'BAD_TARGET'
  | 'ENGINE_NOT_HEALTHY'
  | 'REFERENCE_FAILED'
  | 'REFERENCE_MEMORY'
  | 'NO_SUCH_IMAGE'
  | 'METER_LOST'
  | 'CLOCK_ERROR'
> {}
