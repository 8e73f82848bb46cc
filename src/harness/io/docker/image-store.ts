import type Docker from 'dockerode';
import { messageOf } from '../../../core/errors.ts';
import { HarnessError } from '../../errors.ts';
import type { Found, ImageStore } from '../../image-store.ts';
import { ScanCache, scanLayer } from '../layers.ts';
import { Repository } from '../registry.ts';
import { dockerError } from './host.ts';
import { followed } from './tools-image.ts';

/** People are told how far a pull is this often. */
const TELL_MS = 2000;

type Progress = {
  readonly id?: string;
  readonly error?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
};

/** The name of an image by its digest alone: a tag beside it says nothing. */
export function pinnedName(image: string, digest: string): string {
  return `${image.replace(/:[^/:]*$/, '')}@${digest}`;
}

/** Images from their registries: looked at by our own client, pulled by the engine. `split` takes a reference apart. */
export function dockerImages(
  docker: Docker,
  split: (image: string) => { host: string; path: string } | null,
  loopback: boolean,
  cacheFolder: string,
): ImageStore {
  const cache = new ScanCache(cacheFolder);
  const repositories = new Map<string, Repository>();
  const repository = (image: string): Repository => {
    const place = split(image);
    if (!place)
      throw new HarnessError('BAD_TARGET', 'usage', `${image} is no image reference`, 'write it as [registry.host/]path');
    const key = `${place.host}/${place.path}`;
    const found = repositories.get(key) ?? new Repository(place, loopback);
    repositories.set(key, found);
    return found;
  };
  return {
    manifest: (image, digest) => repository(image).manifest(digest),
    config: (image, digest) => repository(image).text(digest),
    scan: async (image, layer, maxBytes) => {
      const known = cache.get(layer.digest);
      if (known && known.bytes <= maxBytes) return { state: 'found', value: { ok: true, scan: known } };
      const blob = await repository(image).blob(layer.digest);
      if (blob.state === 'gone') return blob;
      try {
        const value = await scanLayer(blob.value, layer.mediaType, layer.digest, maxBytes);
        if (value.ok) cache.put(layer.digest, value.scan);
        return { state: 'found', value };
      } catch (error) {
        throw new HarnessError('REGISTRY', 'infra', `${layer.digest}: ${messageOf(error)}`, 'try again', error);
      } finally {
        blob.value.destroy();
      }
    },
    pull: async (image, digest, progress) => await pull(docker, pinnedName(image, digest), progress),
  };
}

async function pull(docker: Docker, name: string, progress: (text: string) => void): Promise<Found<null>> {
  try {
    await docker.getImage(name).inspect();
    return { state: 'found', value: null };
  } catch {
    // Not here yet.
  }
  const layers = new Map<string, { current: number; total: number }>();
  let told = process.hrtime.bigint();
  const faults: string[] = [];
  try {
    const stream = await docker.pull(name);
    await followed(docker, stream, (event) => {
      const { id, error, progressDetail } = event as Progress;
      if (error !== undefined) faults.push(error);
      if (id !== undefined && progressDetail?.total !== undefined)
        layers.set(id, { current: progressDetail.current ?? 0, total: progressDetail.total });
      if (Number(process.hrtime.bigint() - told) < TELL_MS * 1e6) return;
      told = process.hrtime.bigint();
      const sum = (field: 'current' | 'total'): number => [...layers.values()].reduce((all, layer) => all + layer[field], 0);
      progress(
        `pulling ${name.split('@')[0]!}: ${(sum('current') / 1e9).toFixed(2)} of ${(sum('total') / 1e9).toFixed(2)} GB of the layers at hand`,
      );
    });
    if (faults.length > 0) throw new Error(faults[0]);
    return { state: 'found', value: null };
  } catch (error) {
    const text = messageOf(error);
    if (/manifest unknown|not found|unauthorized|denied|name unknown/i.test(text))
      return { state: 'gone', detail: text.slice(0, 200) };
    if (/no space left/i.test(text)) throw dockerError('the disk is full', error);
    throw new HarnessError(
      'REGISTRY',
      'infra',
      `${name} cannot be pulled: ${text.slice(0, 200)}`,
      'try again; if it stays, look at the registry',
      error,
    );
  }
}
