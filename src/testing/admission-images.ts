// Images and their admission, for tests: a baseline, an entry made from it, and a round of entries
// in one registry.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { fingerprintReader } from '../arena/known-images.ts';
import { ROOT } from '../compose/repository.ts';
import { silentLog } from '../core/log.ts';
import {
  type Image,
  buildImage,
  type ImageLayer,
  layerOf,
} from '../devnet/registry/image-builder.ts';
import { type Registry, startRegistry } from '../devnet/registry/registry-server.ts';
import { type Admission, type Entry, openAdmission } from '../images/admission.ts';
import type { ImageStore, LocalImage } from '../images/image-store.ts';
import { dockerImages } from '../images/io/docker-images.ts';
import type { Patience } from '../images/io/registry-pace.ts';
import type { KnownImage } from '../images/rivals.ts';
import { monotonicClock } from '../node/monotonic-clock.ts';
import { parseArena } from '../schema/arena.ts';

/** No test waits between two tries. */
const clock = { ...monotonicClock, sleep: () => Promise.resolve() };
/** A folder for one file of tests. */
export const folder = mkdtempSync(join(tmpdir(), 'images-'));
const arenaFile = JSON.parse(readFileSync(join(ROOT, 'src/devnet/arena.json'), 'utf8')) as object;
const registries: Registry[] = [];
/** After each test. */
export async function closeRegistries(): Promise<void> {
  for (const registry of registries.splice(0)) await registry.close();
}
/** After the last one. */
export const removeFolder = (): void => rmSync(folder, { recursive: true, force: true });

const file = (content: string | Buffer) => ({ bytes: Buffer.from(content), mode: 0o644 });
export const layer = (files: Record<string, string>, packed = true): Promise<ImageLayer> =>
  layerOf(new Map(Object.entries(files).map(([path, content]) => [path, file(content)])), packed);
export const engineFiles = (tag: string, count = 20): Record<string, string> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`/srv/${tag}/${i}`, `${tag} file ${i}\n`]),
  );
export const base = await layer(engineFiles('base', 50));
export const baselineEnv = [
  'PATH=/usr/bin',
  'NVIDIA_VISIBLE_DEVICES=all',
  'LD_LIBRARY_PATH=/usr/local/nvidia/lib',
];
export const baseline = buildImage([base], { Entrypoint: ['/serve'], Env: baselineEnv });
export const ENTRY = { Entrypoint: ['/mine'] };
export const mine = {
  ...(await layer(engineFiles('mine'))),
  plain: Buffer.from((await layer(engineFiles('mine'), false)).bytes),
};
export const original = buildImage([base, mine], { Entrypoint: ['/mine'], Env: baselineEnv });

/**
 * The admission of images that were entered in this order, from one registry. Pulls count as done:
 * the engine is another test's.
 */
export async function admission(
  entered: Record<string, Image>,
  options: {
    arena?: object;
    first?: Parameters<typeof startRegistry>[1];
    extra?: Record<string, readonly Image[]>;
    engine?: Partial<LocalImage>;
    known?: readonly KnownImage[];
    patience?: Patience;
    bases?: readonly string[];
    environment?: readonly string[];
  } = {},
): Promise<{
  ask: (name: string) => Promise<string>;
  kept: Map<string, Uint8Array>;
  registry: Registry;
  pulled: string[];
  idsOf: Admission['idsOf'];
}> {
  const registry = await startRegistry(
    new Map(
      Object.entries({
        baseline: [baseline],
        ...Object.fromEntries(Object.entries(entered).map(([name, image]) => [name, [image]])),
        ...options.extra,
      }),
    ),
    options.first,
  );
  registries.push(registry);
  const reference = `${registry.host}/baseline@${baseline.manifest.digest}`;
  const arena = parseArena(
    {
      ...arenaFile,
      images: {
        baseline: reference,
        reference,
        bases: (options.bases ?? []).map((base) => `${registry.host}/${base}`),
        environment: options.environment ?? [],
      },
      ...options.arena,
    },
    'test',
  );
  const pulled: string[] = [];
  const real = dockerImages(null as unknown as Docker, {
    loopback: true,
    cacheFolder: mkdtempSync(join(folder, 'layers-')),
    patience: options.patience,
  });
  const images: ImageStore = {
    ...real,
    pull: async (ref) => {
      pulled.push(ref.image);
      const manifest = JSON.parse(((await real.manifest(ref)) as { value: string }).value) as {
        config: { digest: string };
      };
      const config = await real.config({ ...ref, digest: manifest.config.digest });
      const { rootfs, config: settings } = JSON.parse((config as { value: string }).value) as {
        rootfs: { diff_ids: string[] };
        config: Record<string, string[]>;
      };
      const start = {
        entrypoint: settings['Entrypoint'] ?? [],
        cmd: settings['Cmd'] ?? [],
        workingDir: '',
      };
      return {
        state: 'found',
        value: {
          id: ref.digest,
          diffIds: rootfs.diff_ids,
          env: settings['Env'] ?? [],
          volumes: [],
          onBuild: [],
          start,
          ...options.engine,
        },
      };
    },
  };
  const entries = Object.entries(entered).map(([name, image], i): Entry => ({
    key: `${name}:${i + 1}`,
    hotkey: name,
    commitBlock: i + 1,
    image: `${registry.host}/${name}`,
    digest: image.manifest.digest,
  }));
  const kept = new Map<string, Uint8Array>();
  const { admit, idsOf } = openAdmission(
    { images, clock, log: silentLog, keep: (path, content) => void kept.set(path, content) },
    arena,
    { shard: 0, entries, known: options.known ?? [] },
  );
  const ask = async (name: string): Promise<string> => {
    const refusal = await admit(entries.find(({ hotkey }) => hotkey === name)!.key);
    return 'name' in refusal ? `${refusal.name}: ${refusal.detail}` : 'admitted';
  };
  return { ask, kept, registry, pulled, idsOf };
}

export const printsOf = (kept: ReadonlyMap<string, Uint8Array>) =>
  [...kept].map(([path, bytes]) =>
    fingerprintReader((own) => Buffer.from(own).toString())(`rounds/1/${path}`, bytes),
  );
