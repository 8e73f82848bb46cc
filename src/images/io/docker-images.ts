// Images looked up in registries, and pulled into the local Docker engine.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { dockerError } from '../../node/docker.ts';
import { type ImageRef, splitReference } from '../../schema/image-ref.ts';
import { ImageError, wrongBytes } from '../errors.ts';
import type {
  Found,
  ImageSize,
  ImageStore,
  LayerDescriptor,
  LocalImage,
  ScanLimits,
  ScanResult,
} from '../image-store.ts';
import { localImage, pullImage } from './docker-pull.ts';
import { isBlob, ScanCache, scanLayer } from './layers.ts';
import { PulledImages } from './pulled-images.ts';
import { type Patience, withBlob } from './registry-pace.ts';
import { TextCache } from './text-cache.ts';
import type { Repository } from './registry.ts';
import { Repositories } from './repositories.ts';

const PATIENCE: Patience = { graceMs: 60_000, bytesPerSecond: 10e6 };
/** The engine unpacks to disk at least as fast. */
const UNPACK_BYTES_PER_SECOND = 50e6;

/** The name of an image by its digest alone: a tag beside it says nothing. */
function pinnedName({ image, digest }: ImageRef): string {
  return `${image.replace(/:[^/:]*$/, '')}@${digest}`;
}

export type DockerImagesOptions = {
  /** Allows registries of this machine, over plain HTTP: for tests. */
  readonly loopback: boolean;
  /** Where what was read of layers, and brought to this machine, is remembered. */
  readonly cacheFolder: string;
  readonly patience?: Patience | undefined;
  /** `host/path` of a registry that holds copies, asked where an image's own fails; null: none. */
  readonly mirror?: string | null;
};

/** Images from their registries: looked at by our own client, pulled by the engine through it. */
class DockerImages implements ImageStore {
  readonly #docker: Docker;
  readonly #patience: Patience;
  readonly #cache: ScanCache;
  readonly #texts: TextCache;
  readonly #mirror: string | null;
  readonly #brought: PulledImages;
  readonly #spool: string;
  readonly #repositories: Repositories;

  constructor(docker: Docker, options: DockerImagesOptions) {
    const { loopback, cacheFolder, patience = PATIENCE, mirror = null } = options;
    this.#docker = docker;
    this.#repositories = new Repositories(loopback);
    this.#patience = patience;
    this.#cache = new ScanCache(cacheFolder);
    this.#texts = new TextCache(join(cacheFolder, 'texts'));
    this.#mirror = mirror;
    this.#brought = new PulledImages(cacheFolder);
    this.#spool = join(cacheFolder, 'spool');
    // Leftovers of a killed pull. Only one measuring process at a time has this machine.
    rmSync(this.#spool, { recursive: true, force: true });
  }

  readonly manifest = (ref: ImageRef): Promise<Found<string>> =>
    this.#text(ref, (repository) => repository.manifest(ref.digest));

  readonly config = (ref: ImageRef): Promise<Found<string>> =>
    this.#text(ref, (repository) => repository.text(ref.digest));

  readonly pace = (): ReturnType<ImageStore['pace']> => ({
    begunNs: process.hrtime.bigint(),
    movedBytes: 0,
  });

  readonly scan = async (
    image: string,
    layer: LayerDescriptor,
    { maxBytes, pace }: ScanLimits,
  ): Promise<Found<ScanResult>> => {
    const known = this.#cache.get(layer);
    if (known && known.bytes <= maxBytes)
      return { state: 'found', value: { ok: true, scan: known } };
    return this.#anywhere(image, (repository) =>
      this.#scanIn({ repository, patience: this.#patience, pace }, layer, maxBytes),
    );
  };

  async #scanIn(
    reading: Parameters<typeof withBlob>[0],
    layer: LayerDescriptor,
    maxBytes: number,
  ): Promise<Found<ScanResult>> {
    const scanned = await withBlob(reading, layer, (blob, moved) =>
      scanLayer(blob, layer, maxBytes, moved),
    );
    if (scanned.state === 'gone') return scanned;
    if (scanned.value.ok) {
      this.#cache.put(layer, scanned.value.scan);
      return scanned;
    }
    // A proxy's error page does not unpack either: the image is blamed only for bytes that are its
    // own.
    const own = await withBlob(reading, layer, (blob, moved) => isBlob(blob, layer, moved));
    if (own.state === 'gone') return own;
    if (!own.value) throw wrongBytes(layer.digest);
    return scanned;
  }

  readonly pull: ImageStore['pull'] = async (ref, size, progress) => {
    const here = await this.#local(ref);
    if (here) return { state: 'found', value: here };
    const wanted = { ref, limitMs: this.#limitMs(size), spool: this.#spool, progress };
    return this.#anywhere(ref.image, (repository) =>
      pullImage(this.#docker, repository, wanted, (id, name) => this.#brought.add({ id, name })),
    );
  };

  readonly tidy: ImageStore['tidy'] = async (keep, others = []) => {
    const stuck: unknown[] = [];
    const spared = new Set(others.flatMap((ref) => this.#digestsOf(ref)));
    const isKept = ({ id, name }: { id: string; name: string }): boolean =>
      keep.has(id) || spared.has(name.slice(name.lastIndexOf('@') + 1));
    for (const line of this.#brought.all().filter((item) => !isKept(item))) {
      try {
        await forget(this.#docker, line);
        this.#brought.drop(line.name);
      } catch (error) {
        stuck.push(error);
      }
    }
    if (stuck.length > 0) throw dockerError(`${stuck.length} images cannot be removed`, stuck[0]);
  };

  /** A digest, and those that its text names where it was read: an index names its manifests. */
  #digestsOf({ image, digest }: ImageRef): string[] {
    const text = this.#texts.get(image.replace(/:[^/:]*$/, ''), digest) ?? '';
    return [digest, ...(text.match(/sha256:[0-9a-f]{64}/g) ?? [])];
  }

  #limitMs({ packedBytes, unpackedBytes }: ImageSize): number {
    const { graceMs, bytesPerSecond } = this.#patience;
    const seconds = packedBytes / bytesPerSecond + unpackedBytes / UNPACK_BYTES_PER_SECOND;
    return graceMs + Math.ceil(seconds * 1000);
  }

  /**
   * An image that is here: either the operator pulled it by hand under its own name, or we brought
   * it here under the name that we noted.
   */
  async #local(ref: ImageRef): Promise<LocalImage | null> {
    for (const name of [pinnedName(ref), this.#brought.nameOf(ref.digest)]) {
      const here = name === null ? null : await localImage(this.#docker, name);
      if (here) return here;
    }
    return null;
  }

  /** A text by its digest: as it was read before, else from a registry. */
  async #text(
    { image, digest }: ImageRef,
    read: (repository: Repository) => Promise<Found<string>>,
  ): Promise<Found<string>> {
    const repository = image.replace(/:[^/:]*$/, '');
    const known = this.#texts.get(repository, digest);
    if (known !== null) return { state: 'found', value: known };
    const found = await this.#anywhere(image, read);
    if (found.state === 'found') this.#texts.put(repository, digest, found.value);
    return found;
  }

  /** Asks an image's own registry, and the mirror where that has none or fails. */
  async #anywhere<T extends { readonly state: string }>(
    image: string,
    work: (repository: Repository) => Promise<T>,
  ): Promise<T> {
    const own = this.#repositories.of(image);
    const place = splitReference(image)!;
    if (this.#mirror === null) return work(own);
    const mirror = this.#repositories.of(
      `${this.#mirror}/${place.host.replace(':', '-')}/${place.path}`,
    );
    try {
      const found = await work(own);
      if (found.state !== 'gone') return found;
      const copy = await work(mirror);
      return copy.state === 'gone' ? found : copy;
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      const copy = await work(mirror).catch(() => null);
      if (copy === null || copy.state === 'gone') throw error;
      return copy;
    }
  }
}

/** The images of this machine's engine and of the registries that it can reach. */
export function dockerImages(docker: Docker, options: DockerImagesOptions): ImageStore {
  return new DockerImages(docker, options);
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
