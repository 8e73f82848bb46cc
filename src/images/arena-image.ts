// Fetching an image of the arena's own: baseline and reference, which the operator has chosen.
import type { Progress } from '../core/log.ts';
import { type ImageRef, imageRefText } from '../schema/image-ref.ts';
import { ImageError } from './errors.ts';
import type { ImageStore } from './image-store.ts';

/** Size that an image of the arena's own is given time for. */
const ARENA_IMAGE = { packedBytes: 40e9, unpackedBytes: 80e9 };

/** The name on this machine of an image of the arena. Throws `REGISTRY` where it cannot be had. */
export async function fetchArenaImage(
  images: ImageStore,
  ref: ImageRef,
  report: (step: Progress) => void,
): Promise<string> {
  const pulled = await images.pull(ref, ARENA_IMAGE, report);
  if (pulled.state !== 'found')
    throw new ImageError(
      'REGISTRY',
      'infra',
      `${imageRefText(ref)} cannot be had: ${pulled.detail}`,
      'is it public, and still there?',
    );
  return pulled.value.id;
}
