// Images and their admission, for tests: a baseline, an entry made from it, and a round of entries
// in one registry.
import type { ImageRef } from '../schema/image-ref.ts';
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
import { type Arena, parseArena } from '../schema/arena.ts';

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

type AdmissionOptions = {
  arena?: object;
  first?: Parameters<typeof startRegistry>[1];
  extra?: Record<string, readonly Image[]>;
  engine?: Partial<LocalImage>;
  known?: readonly KnownImage[];
  patience?: Patience;
  bases?: readonly string[];
  environment?: readonly string[];
  /** By the name of an entry: the base that its payload names, in the same registry. */
  builtOn?: Readonly<Record<string, string>>;
};

/** A registry with the baseline, the images that were entered, and others. */
async function registryOf(
  entered: Record<string, Image>,
  { extra, first }: AdmissionOptions,
): Promise<Registry> {
  const own = Object.entries(entered).map(([name, image]) => [name, [image]] as const);
  const served = { baseline: [baseline], ...Object.fromEntries(own), ...extra };
  const registry = await startRegistry(new Map(Object.entries(served)), first);
  registries.push(registry);
  return registry;
}

function arenaOf({ host }: Registry, { bases, environment, arena }: AdmissionOptions): Arena {
  const reference = `${host}/baseline@${baseline.manifest.digest}`;
  const images = {
    baseline: reference,
    reference,
    bases: (bases ?? []).map((base) => `${host}/${base}`),
    environment: environment ?? [],
  };
  return parseArena({ ...arenaFile, images, ...arena }, 'test');
}

/** What an engine would make of an image: what its configuration says. */
async function localOf(images: ImageStore, ref: ImageRef): Promise<LocalImage> {
  const text = async (found: ReturnType<ImageStore['config']>): Promise<string> =>
    ((await found) as { value: string }).value;
  const manifest = JSON.parse(await text(images.manifest(ref))) as { config: { digest: string } };
  const digest = manifest.config.digest;
  const { rootfs, config } = JSON.parse(await text(images.config({ ...ref, digest }))) as {
    rootfs: { diff_ids: string[] };
    config: Record<string, string[]>;
  };
  return {
    id: ref.digest,
    diffIds: rootfs.diff_ids,
    env: config['Env'] ?? [],
    volumes: [],
    onBuild: [],
    start: { entrypoint: config['Entrypoint'] ?? [], cmd: config['Cmd'] ?? [], workingDir: '' },
  };
}

/** The registry's images, whose pulls count as done: the engine is another test's. */
function imagesOf(options: AdmissionOptions): { images: ImageStore; pulled: string[] } {
  const real = dockerImages(null as unknown as Docker, {
    loopback: true,
    cacheFolder: mkdtempSync(join(folder, 'layers-')),
    patience: options.patience,
  });
  const pulled: string[] = [];
  const pull: ImageStore['pull'] = async (ref) => {
    pulled.push(ref.image);
    return { state: 'found', value: { ...(await localOf(real, ref)), ...options.engine } };
  };
  return { images: { ...real, pull }, pulled };
}

const baseIn = ({ host }: Registry, name: string | undefined): string | null =>
  name === undefined ? null : `${host}/${name}`;

/** The admission of images that were entered in this order, from one registry. */
export async function admission(
  entered: Record<string, Image>,
  options: AdmissionOptions = {},
): Promise<{
  ask: (name: string) => Promise<string>;
  kept: Map<string, Uint8Array>;
  registry: Registry;
  pulled: string[];
  idsOf: Admission['idsOf'];
  arena: Arena;
  entries: readonly Entry[];
}> {
  const registry = await registryOf(entered, options);
  const { images, pulled } = imagesOf(options);
  const entries = Object.entries(entered).map(([name, image], i): Entry => ({
    key: `${name}:${i + 1}`,
    hotkey: name,
    commitBlock: i + 1,
    image: `${registry.host}/${name}`,
    base: baseIn(registry, options.builtOn?.[name]),
    digest: image.manifest.digest,
  }));
  const kept = new Map<string, Uint8Array>();
  const arena = arenaOf(registry, options);
  const { admit, idsOf } = openAdmission(
    { images, clock, log: silentLog, keep: (path, content) => void kept.set(path, content) },
    arena,
    { shard: 0, entries, known: options.known ?? [] },
  );
  const ask = async (name: string): Promise<string> => {
    const refusal = await admit(entries.find(({ hotkey }) => hotkey === name)!.key);
    return 'name' in refusal ? `${refusal.name}: ${refusal.detail}` : 'admitted';
  };
  return { ask, kept, registry, pulled, idsOf, arena, entries };
}

export const printsOf = (kept: ReadonlyMap<string, Uint8Array>) =>
  [...kept]
    .filter(([path]) => path.startsWith('images/'))
    .map(([path, bytes]) =>
      fingerprintReader((own) => Buffer.from(own).toString())(`rounds/1/${path}`, bytes),
    );
