import { CacheonError } from '../core/errors.ts';

/** A measurement that cannot be made or read. What a server did wrong is a verdict, never one of these. */
export class HarnessError extends CacheonError<
  | 'BAD_TRACE'
  | 'BAD_PLAN'
  | 'BAD_TARGET'
  | 'ENGINE_NOT_HEALTHY'
  | 'REFERENCE_FAILED'
  | 'NO_SUCH_IMAGE'
  | 'METER_LOST'
  | 'CLOCK_ERROR'
  | 'DOCKER'
  | 'HOST_BUSY'
  | 'OLD_ENGINE'
  | 'SANDBOX_OPEN'
  | 'REGISTRY'
  | 'GPU_STATE'
> {}
