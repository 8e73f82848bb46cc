// Errors of images: a registry, its bytes, or the disk they go to.
import { CacheonError } from '../core/errors.ts';

/** An image that could not be had. A fault of the image itself is a verdict, never one of these. */
export class ImageError extends CacheonError<
  'BAD_IMAGE' | 'BAD_TARGET' | 'REGISTRY' | 'REGISTRY_BUSY' | 'DIGEST' | 'DISK'
> {}

/** A registry gave something else than was asked for by its digest. */
export function wrongBytes(digest: string): ImageError {
  return new ImageError(
    'DIGEST',
    'infra',
    `the registry gave other bytes than ${digest}`,
    'try again; if it stays, ask the operator of the registry',
  );
}
