// Admission of miners' images: inspection in the registry and search for copies before a pull.
import { utf8 } from '../core/bytes.ts';
import { compactJson } from '../core/canonical.ts';
import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import { sha256Hex } from '../core/hash.ts';
import type { Log } from '../core/log.ts';
import type { Arena } from '../schema/arena.ts';
import type { Fingerprint } from '../schema/fingerprint.ts';
import { pinnedImage } from '../schema/image-ref.ts';
import { fingerprintPath } from '../schema/paths.ts';
import { copyOf, ownFiles, startHash } from './copies.ts';
import { ImageError } from './errors.ts';
import { type ImageConfig, readConfig } from './image-config.ts';
import type { ImageSize, ImageStore, LayerDescriptor, LocalImage } from './image-store.ts';
import { MAX_MANIFEST_BYTES, readManifest } from './manifest.ts';
import { type KnownImage, rivalsOf } from './rivals.ts';

/** Layers that can be read: a tar, plain or packed. */
const LAYER_TYPE =
  /^application\/vnd\.(?:oci\.image\.layer\.v1\.tar(?:\+gzip|\+zstd)?|docker\.image\.rootfs\.diff\.tar(?:\.gzip|\.zstd)?)$/;
/**
 * Admission asks a registry that failed once more after this; a registry that took longer to fail
 * has had its time.
 */
const AGAIN_MS = 5000;
const QUICK_NS = 60e9;
/**
 * Limit on the different files of an image that admission compares with no other: a real image has
 * some hundred thousand.
 */
const MOST_FILES = 4_000_000;

/** Why an image is not started, as the event of its trace. */
export type ImageRefusal = {
  readonly name: 'image-policy' | 'image-gone' | 'copy';
  readonly detail: string;
};
/** What an image is made of. */
type ImageFacts = ImageHead & { readonly size: ImageSize; readonly files: ReadonlySet<string> };
/** What its manifest and configuration say, before any layer is read. */
type ImageHead = {
  /**
   * Digest of the manifest of our platform: the engine pulls it, whatever index the entry named.
   */
  readonly manifest: string;
  /** Digest of the configuration: engines call an image by it or by the manifest's. */
  readonly configDigest: string;
  readonly layers: readonly LayerDescriptor[];
  readonly config: ImageConfig;
};
type Examined<T> =
  { readonly ok: true; readonly facts: T } | { readonly ok: false; readonly refusal: ImageRefusal };
type Rules = Pick<Arena, 'maxImageGb' | 'maxUnpackedGb' | 'maxOwnFiles' | 'copyContainment'>;
type Reference = { readonly image: string; readonly digest: string };
export type ImagePorts = {
  readonly images: ImageStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly keep: (path: string, content: Uint8Array) => void;
};

const refuse = (
  name: ImageRefusal['name'],
  detail: string,
): { ok: false; refusal: ImageRefusal } => ({
  ok: false,
  refusal: { name, detail },
});

/**
 * Reads an image's manifest and configuration in its registry. `known` are environment entries that
 * may stand; null for an image of the arena's own, which is trusted. Throws `REGISTRY` for an
 * infrastructure fault.
 */
async function readHead(
  images: ImageStore,
  rules: Rules,
  { image, digest }: Reference,
  known: ReadonlySet<string> | null,
): Promise<Examined<ImageHead>> {
  let found = await images.manifest(image, digest);
  if (found.state === 'gone') return refuse('image-gone', found.detail);
  let manifest = readManifest(found.value, rules);
  let platform = digest;
  if (manifest.kind === 'index') {
    platform = manifest.next.digest;
    found = await images.manifest(image, platform);
    if (found.state === 'gone') return refuse('image-gone', found.detail);
    manifest = readManifest(found.value, rules);
  }
  if (manifest.kind === 'index') return refuse('image-policy', 'an index inside an index');
  if (!isText(found.value, platform)) return refuse('image-policy', 'the manifest is not UTF-8');
  if (manifest.kind === 'fault') return refuse('image-policy', manifest.reason);
  const { layers, config: descriptor } = manifest;
  if (descriptor.size > MAX_MANIFEST_BYTES)
    return refuse('image-policy', `the configuration is larger than ${MAX_MANIFEST_BYTES} bytes`);
  const other = layers.find(({ mediaType }) => !LAYER_TYPE.test(mediaType));
  if (other) return refuse('image-policy', `layers of type ${other.mediaType} are not read`);
  const text = await images.config(image, descriptor.digest);
  if (text.state === 'gone') return refuse('image-gone', text.detail);
  if (!isText(text.value, descriptor.digest))
    return refuse('image-policy', 'the configuration is not UTF-8');
  if (utf8(text.value).length !== descriptor.size)
    return refuse('image-policy', 'the configuration has another size than the manifest says');
  const config = readConfig(text.value, layers.length, known);
  if (!config.ok) return refuse('image-policy', config.reason);
  return {
    ok: true,
    facts: { manifest: platform, configDigest: descriptor.digest, layers, config: config.config },
  };
}

/** Whether a text goes back to the bytes of its digest: an engine is given it as we read it. */
const isText = (text: string, digest: string): boolean =>
  `sha256:${sha256Hex(utf8(text))}` === digest;

/**
 * What of an image may stand although no miner's may have it: the arena's own variables and layers.
 * Null trusts the whole image.
 */
type Trusted = { readonly env: ReadonlySet<string>; readonly layers: ReadonlySet<string> };

/**
 * Looks at an image in its registry, every layer's real content included, before this machine takes
 * in any of it.
 */
async function examine(
  { images, log }: ImagePorts,
  rules: Rules,
  reference: Reference,
  trusted: Trusted | null,
  mostFiles: number,
): Promise<Examined<ImageFacts>> {
  const pace = images.pace();
  const head = await readHead(images, rules, reference, trusted && trusted.env);
  if (!head.ok) return head;
  const { layers, config } = head.facts;
  const files = new Set<string>();
  const most = rules.maxUnpackedGb * 1e9;
  let unpackedBytes = 0;
  for (const [index, layer] of layers.entries()) {
    if (layer.size > 1e9)
      log.info(
        `    reading layer ${index + 1} of ${layers.length} (${(layer.size / 1e9).toFixed(1)} GB)`,
      );
    const scanned = await images.scan(reference.image, layer, most - unpackedBytes, pace);
    if (scanned.state === 'gone') return refuse('image-gone', scanned.detail);
    if (!scanned.value.ok) return refuse('image-policy', scanned.value.reason);
    const { scan } = scanned.value;
    if (scan.diffId !== config.diffIds[index])
      return refuse('image-policy', `layer ${index + 1} is not the one its configuration names`);
    if (scan.special && trusted && !trusted.layers.has(layer.digest))
      return refuse('image-policy', `layer ${index + 1} has a device or a pipe in it`);
    unpackedBytes += scan.bytes;
    if (unpackedBytes > most)
      return refuse('image-policy', `more than ${rules.maxUnpackedGb} GB unpacked`);
    for (const file of scan.files) files.add(file);
    // Checked after each layer, not at the end: layers of ever other files would fill our memory.
    if (files.size > mostFiles) return refuse('image-policy', `more than ${mostFiles} files`);
  }
  const packedBytes = layers.reduce((sum, { size }) => sum + size, 0);
  return { ok: true, facts: { ...head.facts, size: { packedBytes, unpackedBytes }, files } };
}

/** A miner's entry, and its image. */
export type Entry = Reference & {
  readonly key: string;
  readonly hotkey: string;
  readonly commitBlock: number;
};
/**
 * An image that may be started, by its name on this machine: exactly the image that admission read.
 */
export type Admitted = { readonly id: string };
export type Admission = {
  /**
   * Admits the image of a key, or says why not. Looks once: a failure stays a failure for the
   * round, so that no arm waits for the image twice.
   */
  readonly admit: (key: string) => Promise<Admitted | ImageRefusal>;
  /**
   * Names on this machine of the arena's own images and of those that were admitted for these keys;
   * null where no caller asked for any.
   */
  readonly idsOf: (keys: readonly string[]) => ReadonlySet<string> | null;
};
/**
 * A shard's share of a round: every entry, wherever measured, and the images that the ledger knew
 * before.
 */
export type Field = {
  readonly shard: number;
  readonly entries: readonly Entry[];
  readonly known: readonly KnownImage[];
};

/**
 * Admits images by policy, then against every earlier image that has a claim and those of this
 * round. Admission looks at an image only after all images with an earlier commit, so that the
 * order of measuring never decides which image is the copy.
 */
export function openAdmission(
  ports: ImagePorts,
  arena: Arena,
  { shard, entries, known }: Field,
): Admission {
  const entryOf = (key: string): Entry => entries.find((item) => item.key === key)!;
  let own: ReadonlySet<string> | null = null;
  const common = once(async () => {
    const shared = await readCommon(ports, arena);
    own = shared.ids;
    return shared;
  });
  const seen = new Map<string, Fingerprint>();
  const look = once(async (key: string): Promise<ImageFacts | ImageRefusal> => {
    const entry = entryOf(key);
    const shared = await common('');
    const mostFiles = shared.files.size + arena.maxOwnFiles;
    const examined = await patiently(ports, `the image of ${key}`, () =>
      examine(ports, arena, entry, shared, mostFiles),
    );
    if (!examined.ok) return examined.refusal;
    const { facts } = examined;
    const files = ownFiles(facts.files, shared.files);
    if (files.length > arena.maxOwnFiles)
      return {
        name: 'image-policy',
        detail: `${files.length} files of its own, ${arena.maxOwnFiles} are the most`,
      };
    const { hotkey, commitBlock, digest } = entry;
    const diffIds = [...facts.config.diffIds];
    const print: Fingerprint = {
      schema: 1,
      key,
      hotkey,
      commitBlock,
      digest,
      diffIds,
      start: startHash(facts.config),
      files,
    };
    seen.set(key, print);
    // A standing winner is looked at in every round, and stays what it was: kept once.
    const text = compactJson(print);
    const before = known.find((image) => image.print.key === key);
    if (!before || compactJson(before.print) !== text)
      ports.keep(fingerprintPath(shard, key), utf8(text));
    return facts;
  });
  const ids = new Map<string, string>();
  const admit = once(async (key: string): Promise<Admitted | ImageRefusal> => {
    const entry = entryOf(key);
    // What fails of another is said where it is asked for.
    for (const other of entries)
      if (other.commitBlock < entry.commitBlock) await look(other.key).catch(() => null);
    const facts = await look(key);
    if ('name' in facts) return facts;
    const entered = entries.map((item) => item.key);
    const copied = copyOf(
      seen.get(key)!,
      rivalsOf(key, entered, seen, known),
      arena.copyContainment,
    );
    if (copied) return { name: 'copy', detail: `of ${copied.of}, by ${copied.by}` };
    const admitted = await fetched(ports, entry.image, facts, facts.size);
    if ('id' in admitted) ids.set(key, admitted.id);
    return admitted;
  });
  const idsOf = (keys: readonly string[]): ReadonlySet<string> | null =>
    own && new Set([...own, ...keys.flatMap((key) => ids.get(key) ?? [])]);
  return { admit, idsOf };
}

/**
 * Admits an image by policy alone: for an evaluation of one image, where no other miner has a
 * claim. `bases` are images whose variables may stand.
 */
export async function admitAlone(
  ports: ImagePorts,
  arena: Arena,
  reference: Reference,
  bases: readonly Reference[],
): Promise<Admitted | ImageRefusal> {
  const env = new Set(arena.images.environment);
  const layers = new Set<string>();
  for (const base of bases) {
    const head = await readHead(ports.images, trusting(arena), base, null).catch((error: unknown) =>
      refuse('image-gone', messageOf(error)),
    );
    if (!head.ok) {
      ports.log.warn(
        `${base.image}: ${head.refusal.detail}: its variables are not known, and may not stand in another image`,
      );
      continue;
    }
    for (const entry of head.facts.config.env) env.add(entry);
    for (const { digest } of head.facts.layers) layers.add(digest);
  }
  const examined = await patiently(ports, reference.image, () =>
    examine(ports, arena, reference, { env, layers }, MOST_FILES),
  );
  return examined.ok
    ? await fetched(ports, reference.image, examined.facts, examined.facts.size)
    : examined.refusal;
}

/**
 * Pulls the image that admission read. The engine reads the same bytes with another reader: it must
 * have seen the same image.
 */
async function fetched(
  ports: ImagePorts,
  image: string,
  head: ImageHead,
  size: ImageSize,
): Promise<Admitted | ImageRefusal> {
  const { images, log } = ports;
  const tell = (text: string): void => log.info(`    ${text}`);
  const result = await patiently(ports, image, () => images.pull(image, head.manifest, size, tell));
  if (result.state === 'gone') return { name: 'image-gone', detail: result.detail };
  if (result.state === 'refused') return { name: 'image-policy', detail: result.detail };
  const differs = difference(head.config, result.value);
  if (differs !== null)
    return { name: 'image-policy', detail: `the engine reads another ${differs} in it than we do` };
  return { id: result.value.id };
}

/**
 * Files that no miner can call his own: those of the baseline and of the public engines that the
 * arena lists.
 */
type Common = Trusted & { readonly files: ReadonlySet<string>; readonly ids: ReadonlySet<string> };

/** An arena's own images may be as large as they are. */
const trusting = (arena: Arena): Rules => ({ ...arena, maxImageGb: Infinity });
const notPinned = (reference: string, detail: string): ImageError =>
  new ImageError(
    'REGISTRY',
    'infra',
    `the arena's image ${reference}: ${detail}`,
    'pin one that can be pulled',
  );

async function readCommon(ports: ImagePorts, arena: Arena): Promise<Common> {
  const files = new Set<string>();
  const env = new Set(arena.images.environment);
  const ids = new Set<string>();
  const layers = new Set<string>();
  const { baseline, bases, reference: teacher } = arena.images;
  for (const reference of new Set([baseline, ...bases, teacher])) {
    const work = () => examine(ports, trusting(arena), pinnedImage(reference), null, MOST_FILES);
    const examined = await patiently(ports, reference, work);
    if (!examined.ok) throw notPinned(reference, examined.refusal.detail);
    const { facts } = examined;
    for (const id of [pinnedImage(reference).digest, facts.manifest, facts.configDigest])
      ids.add(id);
    for (const { digest } of facts.layers) layers.add(digest);
    for (const file of facts.files) files.add(file);
    for (const entry of facts.config.env) env.add(entry);
  }
  return { files, env, layers, ids };
}

/**
 * Admission asks a registry that failed quickly once more: one error of a proxy is no reason to
 * send a miner to the next round.
 */
async function patiently<T>(
  { clock, log }: ImagePorts,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  const begun = clock.nowNs();
  try {
    return await work();
  } catch (error) {
    const passing =
      error instanceof ImageError && (error.code === 'REGISTRY' || error.code === 'DIGEST');
    if (!passing || clock.nowNs() - begun >= QUICK_NS) throw error;
    log.warn(`${what}: ${messageOf(error)}: once more`);
    await clock.sleep(AGAIN_MS);
    return await work();
  }
}

/** Does its work once for each key, and remembers a failure like a result. */
function once<T>(work: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const done = new Map<string, Promise<T>>();
  return (key) => {
    const found = done.get(key) ?? work(key);
    done.set(key, found);
    found.catch(() => undefined); // each caller gets the error
    return found;
  };
}

/**
 * In what an image as we read it differs from what the engine made of it; null where in nothing.
 */
function difference(config: ImageConfig, local: LocalImage): string | null {
  const same = (a: readonly string[], b: readonly string[]): boolean =>
    compactJson([...a]) === compactJson([...b]);
  if (!same(config.diffIds, local.diffIds)) return 'list of layers';
  if (!same(config.env, local.env)) return 'environment';
  if (local.volumes.length > 0) return 'list of volumes';
  if (local.onBuild.length > 0) return 'list of triggers';
  const { entrypoint, cmd, workingDir } = config.start;
  const { start } = local;
  return same(
    [...entrypoint, '|', ...cmd, workingDir],
    [...start.entrypoint, '|', ...start.cmd, start.workingDir],
  )
    ? null
    : 'program to start';
}
