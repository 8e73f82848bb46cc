// Images looked up in registries, and pulled into the local Docker engine.
import { rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { CacheonError, messageOf } from '../../core/errors.ts';
import { dockerError, followed } from '../../node/docker.ts';
import { ImageError, wrongBytes } from '../errors.ts';
import type {
  Found,
  ImageStore,
  LayerDescriptor,
  LocalImage,
  RegistryPace,
  Pulled,
} from '../image-store.ts';
import { isBlob, ScanCache, scanLayer } from './layers.ts';
import { diskFull, openRelay, registryError } from './pull-relay.ts';
import { PulledImages } from './pulled-images.ts';
import { Repository } from './registry.ts';

/** People are told how far a pull is this often. */
const TELL_MS = 2000;
/**
 * How long a registry may take: this much before it counts, and then so many bytes a second. 20 GB
 * are half an hour.
 */
export type Patience = { readonly graceMs: number; readonly bytesPerSecond: number };
const PATIENCE: Patience = { graceMs: 60_000, bytesPerSecond: 10e6 };
/** The engine unpacks to disk at least as fast. */
const UNPACK_BYTES_PER_SECOND = 50e6;
/**
 * What an engine says of a layer that it cannot put on disk (by itself, or by containerd): by the
 * end of its message, since what stands before may be a name in the layer. Anything else (no space,
 * a killed helper, a broken disk) is the machine's.
 */
const UNPACKING = /^failed to (?:register|extract) layer/;
const CANNOT_UNPACK =
  /^failed to (?:register|extract) layer.*(?:not a directory|is a directory|too many levels of symbolic links|file name too long|archive\/tar: [a-z -]+)$/s;

/**
 * The engine's message for a configuration that it cannot read, though we can: it wants a time
 * where a time belongs, as many layers in the history.
 */
const CANNOT_READ = /json: cannot unmarshal|parsing time|in History section|invalid image config/;
const DISK_FULL = /no space left on device|disk quota exceeded/i;

/** The name of an image by its digest alone: a tag beside it says nothing. */
function pinnedName(image: string, digest: string): string {
  return `${image.replace(/:[^/:]*$/, '')}@${digest}`;
}

/**
 * Images from their registries: looked at by our own client, pulled by the engine through it.
 * `split` takes a reference apart.
 */
export function dockerImages(
  docker: Docker,
  split: (image: string) => { host: string; path: string } | null,
  loopback: boolean,
  cacheFolder: string,
  patience = PATIENCE,
): ImageStore {
  const cache = new ScanCache(cacheFolder);
  const brought = new PulledImages(cacheFolder);
  const spool = join(cacheFolder, 'spool');
  // Leftovers of a killed pull. Only one measuring process at a time has this machine.
  rmSync(spool, { recursive: true, force: true });
  const repositories = new Map<string, Repository>();
  const repository = (image: string): Repository => {
    const place = split(image);
    if (!place)
      throw new ImageError(
        'BAD_TARGET',
        'usage',
        `${image} is no image reference`,
        'write it as [registry.host/]path',
      );
    const key = `${place.host}/${place.path}`;
    const found = repositories.get(key) ?? new Repository(place, loopback);
    repositories.set(key, found);
    return found;
  };
  return {
    manifest: (image, digest) => repository(image).manifest(digest),
    config: (image, digest) => repository(image).text(digest),
    pace: () => ({ begunNs: process.hrtime.bigint(), movedBytes: 0 }),
    scan: async (image, layer, maxBytes, pace) => {
      const known = cache.get(layer);
      if (known && known.bytes <= maxBytes)
        return { state: 'found', value: { ok: true, scan: known } };
      const scanned = await withBlob(repository(image), layer, patience, pace, (blob, moved) =>
        scanLayer(blob, layer, maxBytes, moved),
      );
      if (scanned.state === 'gone') return scanned;
      if (scanned.value.ok) {
        cache.put(layer, scanned.value.scan);
        return scanned;
      }
      // A proxy's error page does not unpack either: the image is blamed only for bytes that are
      // its own.
      const own = await withBlob(repository(image), layer, patience, pace, (blob, moved) =>
        isBlob(blob, layer, moved),
      );
      if (own.state === 'gone') return own;
      if (!own.value) throw wrongBytes(layer.digest);
      return scanned;
    },
    pull: async (image, digest, { packedBytes, unpackedBytes }, progress) => {
      const seconds =
        packedBytes / patience.bytesPerSecond + unpackedBytes / UNPACK_BYTES_PER_SECOND;
      // Either the operator pulled the image by hand under its own name, or we brought it here
      // under the name that we noted.
      for (const name of [pinnedName(image, digest), brought.nameOf(digest)]) {
        const here = name === null ? null : await local(docker, name);
        if (here) return { state: 'found', value: here };
      }
      const limitMs = patience.graceMs + Math.ceil(seconds * 1000);
      const wanted = { image, digest, limitMs, spool };
      return await pull(docker, repository(image), wanted, progress, (id, name) =>
        brought.add({ id, name }),
      );
    },
    tidy: async (keep) => {
      const stuck: unknown[] = [];
      for (const line of brought.all().filter(({ id }) => !keep.has(id))) {
        try {
          await forget(docker, line);
          brought.drop(line.name);
        } catch (error) {
          stuck.push(error);
        }
      }
      if (stuck.length > 0) throw dockerError(`${stuck.length} images cannot be removed`, stuck[0]);
    },
  };
}

/**
 * Takes away our name for an image: where another user of this machine has a second name for it,
 * the image stays.
 */
async function forget(
  docker: Docker,
  { id, name }: { readonly id: string; readonly name: string },
): Promise<void> {
  const absent = (error: unknown): void => {
    if ((error as { statusCode?: number }).statusCode !== 404) throw error;
  };
  await docker.getImage(name).remove({ force: true }).catch(absent);
  // An engine takes the name of an image that still runs, and keeps the image without one.
  const left = await docker.getImage(id).inspect().catch(absent);
  if (!left) return;
  const { RepoTags: tags, RepoDigests: digests } = left as {
    RepoTags: string[] | null;
    RepoDigests: string[] | null;
  };
  if ([...(tags ?? []), ...(digests ?? [])].length === 0)
    await docker.getImage(id).remove({ force: true }).catch(absent);
}

/**
 * Reads a blob; a registry that drips, or stands still, is given up as soon as its image is behind
 * what it has time for.
 */
async function withBlob<T>(
  repository: Repository,
  layer: LayerDescriptor,
  { graceMs, bytesPerSecond }: Patience,
  pace: RegistryPace,
  read: (blob: IncomingMessage, moved: (bytes: number) => void) => Promise<T>,
): Promise<Found<T>> {
  const lateMs = (): number =>
    Number(process.hrtime.bigint() - pace.begunNs) / 1e6 -
    graceMs -
    (pace.movedBytes / bytesPerSecond) * 1000;
  const slow = (): Error =>
    new Error(`the registry is slower than ${(bytesPerSecond / 1e6).toFixed(1)} MB/s`);
  if (lateMs() > 0)
    throw new ImageError('REGISTRY', 'infra', slow().message, 'look at the registry');
  const blob = await repository.blob(layer.digest);
  if (blob.state === 'gone') return blob;
  const timer = setInterval(
    () => lateMs() > 0 && blob.value.destroy(slow()),
    Math.min(1000, graceMs),
  );
  try {
    return {
      state: 'found',
      value: await read(blob.value, (bytes) => {
        pace.movedBytes += bytes;
      }),
    };
  } catch (error) {
    if (error instanceof CacheonError) throw error;
    throw new ImageError(
      'REGISTRY',
      'infra',
      `${layer.digest}: ${messageOf(error)}`,
      'try again',
      error,
    );
  } finally {
    clearInterval(timer);
    blob.value.destroy();
  }
}

/** The image as the engine has it; null where it is not here. */
async function local(docker: Docker, name: string): Promise<LocalImage | null> {
  try {
    const { Id, RootFS, Config } = await docker.getImage(name).inspect();
    const list = (value: unknown): string[] => {
      if (Array.isArray(value)) return value as string[];
      return typeof value === 'string' ? [value] : [];
    };
    const names = (value: unknown): string[] =>
      typeof value === 'object' && value !== null ? Object.keys(value) : [];
    return {
      id: Id,
      diffIds: list(RootFS.Layers),
      env: list(Config.Env),
      volumes: names(Config.Volumes),
      onBuild: list(Config.OnBuild),
      start: {
        entrypoint: list(Config.Entrypoint),
        cmd: list(Config.Cmd),
        workingDir: list(Config.WorkingDir)[0] ?? '',
      },
    };
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return null;
    throw dockerError('an image cannot be looked at', error);
  }
}

type Wanted = {
  readonly image: string;
  readonly digest: string;
  readonly limitMs: number;
  readonly spool: string;
};

async function pull(
  docker: Docker,
  repository: Repository,
  { image, digest, limitMs, spool }: Wanted,
  progress: (text: string) => void,
  onBrought: (id: string, name: string) => void,
): Promise<Pulled> {
  const faults: string[] = [];
  const broken = new AbortController();
  // From before the first byte: an engine that dies while it is asked says nothing at all.
  const late = AbortSignal.timeout(limitMs);
  const over = AbortSignal.any([late, broken.signal]);
  const relay = await openRelay(repository, digest, spool, () => broken.abort());
  const telling = setInterval(() => {
    const { bytes, of } = relay.moved();
    const rest = bytes < of ? 'of the layers at hand' : 'fetched, being unpacked';
    progress(
      `pulling ${image}: ${(bytes / 1e9).toFixed(2)} of ${(of / 1e9).toFixed(2)} GB ${rest}`,
    );
  }, TELL_MS);
  try {
    const stream = await docker.pull(relay.name, { abortSignal: over });
    over.addEventListener('abort', () =>
      (stream as unknown as Readable).destroy(new Error('its time is over')),
    );
    await followed(docker, stream, (event) => {
      const { error } = event as { readonly error?: string };
      if (error !== undefined) faults.push(error);
    });
    if (faults.length > 0) throw new Error(faults[0]);
    const pulled = await local(docker, relay.name);
    if (!pulled) throw new Error('it is not there after its pull');
    onBrought(pulled.id, relay.name);
    return { state: 'found', value: pulled };
  } catch (error) {
    const trouble = relay.trouble();
    if (trouble && 'gone' in trouble) return { state: 'gone', detail: trouble.gone };
    if (trouble) throw registryError(trouble.error);
    const text = late.aborted
      ? `not done within ${Math.round(limitMs / 1000)} s`
      : messageOf(error);
    // Every byte of it was what its digest says: the engine's refusal is about what is in it.
    if (CANNOT_UNPACK.test(text) || CANNOT_READ.test(text))
      return { state: 'refused', detail: `the engine cannot read it: ${text}`.slice(0, 250) };
    if (DISK_FULL.test(text)) throw diskFull(text);
    if (UNPACKING.test(text)) throw dockerError('a layer cannot be put on the disk', error);
    if (!relay.reached())
      throw dockerError(
        `the engine does not reach ${relay.name.split('/')[0]!}: it must share this machine's loopback (no other host, no network namespace of its own)`,
        error,
      );
    // Also any other objection of an engine to an image: an infrastructure fault, but of the image
    // alone, so that the miner wins nothing by it.
    throw new ImageError(
      'REGISTRY',
      'infra',
      `${image}@${digest} cannot be pulled: ${text.slice(0, 200)}`,
      'try again; if it stays, look at the registry',
      error,
    );
  } finally {
    clearInterval(telling);
    await relay.close();
  }
}
