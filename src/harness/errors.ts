import { CacheonError } from '../core/errors.ts';

/**
 * A measurement that cannot be made or read. What a server did wrong is a verdict, never one of
 * these.
 */
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
  | 'DIGEST'
  | 'DISK'
> {}

/** A registry gave something else than was asked for by its digest. */
export function wrongBytes(digest: string): HarnessError {
  return new HarnessError(
    'DIGEST',
    'infra',
    `the registry gave other bytes than ${digest}`,
    'try again; if it stays, ask who runs it',
  );
}
