// Reading of blobs at a pace: a registry that drips is given up once its image is behind.
import type { IncomingMessage } from 'node:http';
import { CacheonError, messageOf } from '../../core/errors.ts';
import { ImageError } from '../errors.ts';
import type { Found, LayerDescriptor, RegistryPace } from '../image-store.ts';
import type { Repository } from './registry.ts';

/**
 * How long a registry may take: this much before it counts, and then so many bytes a second. 20 GB
 * are half an hour.
 */
export type Patience = { readonly graceMs: number; readonly bytesPerSecond: number };

/** One image's reading, with the patience that it is read with. */
export type PacedReading = {
  readonly repository: Repository;
  readonly patience: Patience;
  readonly pace: RegistryPace;
};

/** How far an image is behind what its registry has time for. */
function lateMs({ patience, pace }: PacedReading): number {
  const spentMs = Number(process.hrtime.bigint() - pace.begunNs) / 1e6;
  return spentMs - patience.graceMs - (pace.movedBytes / patience.bytesPerSecond) * 1000;
}

const slow = ({ bytesPerSecond }: Patience): Error =>
  new Error(`the registry is slower than ${(bytesPerSecond / 1e6).toFixed(1)} MB/s`);

/**
 * Reads a blob; a registry that drips, or stands still, is given up as soon as its image is behind
 * what it has time for. Throws `REGISTRY`.
 */
export async function withBlob<T>(
  reading: PacedReading,
  layer: LayerDescriptor,
  read: (blob: IncomingMessage, moved: (bytes: number) => void) => Promise<T>,
): Promise<Found<T>> {
  const { repository, patience, pace } = reading;
  if (lateMs(reading) > 0)
    throw new ImageError('REGISTRY', 'infra', slow(patience).message, 'look at the registry');
  const blob = await repository.blob(layer.digest);
  if (blob.state === 'gone') return blob;
  const timer = setInterval(
    () => lateMs(reading) > 0 && blob.value.destroy(slow(patience)),
    Math.min(1000, patience.graceMs),
  );
  const moved = (bytes: number): void => {
    pace.movedBytes += bytes;
  };
  try {
    return { state: 'found', value: await read(blob.value, moved) };
  } catch (error) {
    if (error instanceof CacheonError) throw error;
    const message = `${layer.digest}: ${messageOf(error)}`;
    throw new ImageError('REGISTRY', 'infra', message, 'try again').causedBy(error);
  } finally {
    clearInterval(timer);
    blob.value.destroy();
  }
}
