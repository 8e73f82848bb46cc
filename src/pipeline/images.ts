import { copyOf, fingerprintSchema, ownFiles, startHash, type Fingerprint } from '../arena/fingerprint.ts';
import { readConfig, type ImageConfig } from '../arena/image-config.ts';
import { imageOf } from '../arena/image-ref.ts';
import { readManifest } from '../arena/manifest.ts';
import type { Arena } from '../arena/schema.ts';
import { utf8 } from '../core/bytes.ts';
import { compactJson } from '../core/canonical.ts';
import type { Log } from '../core/log.ts';
import { parseStrictJson, RECORD_JSON } from '../core/strict-json.ts';
import { HarnessError } from '../harness/errors.ts';
import { recordsOf, type Ledger } from '../results/ledger.ts';
import type { ImageStore, LocalImage } from '../harness/image-store.ts';

/** Layers that can be read: a tar, plain or packed. */
const LAYER_TYPE =
  /^application\/vnd\.(?:oci\.image\.layer\.v1\.tar(?:\+gzip|\+zstd)?|docker\.image\.rootfs\.diff\.tar(?:\.gzip)?)$/;

/** Why an image is not started, as the event of its trace. */
export type Refusal = { readonly name: 'image-policy' | 'image-gone' | 'copy'; readonly detail: string };
/** What an image is made of. */
export type ImageFacts = {
  /** Digest of the manifest of our platform: what is pulled, whatever index it was named by. */
  readonly manifest: string;
  readonly config: ImageConfig;
  readonly files: ReadonlySet<string>;
};
type Examined = { readonly ok: true; readonly facts: ImageFacts } | { readonly ok: false; readonly refusal: Refusal };
type Rules = Pick<Arena, 'maxImageGb' | 'maxUnpackedGb' | 'maxOwnFiles' | 'copyContainment'> & {
  readonly environment: readonly string[];
};

/** The arena's rules for images. */
export function imageRules(arena: Arena): Rules {
  return { ...arena, environment: arena.images.environment };
}

/**
 * Looks at an image in its registry before anything of it is on this machine: manifest, configuration, and every layer's real content. `known`
 * are environment entries that may stand; null for an image of the arena's own, which is trusted. Throws `REGISTRY` for nobody's fault.
 */
export async function examine(
  images: ImageStore,
  rules: Rules,
  image: string,
  digest: string,
  known: ReadonlySet<string> | null,
  log: Log,
): Promise<Examined> {
  const refuse = (name: Refusal['name'], detail: string): Examined => ({ ok: false, refusal: { name, detail } });
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
  if (manifest.kind === 'fault') return refuse('image-policy', manifest.reason);
  const text = await images.config(image, manifest.config.digest);
  if (text.state === 'gone') return refuse('image-gone', text.detail);
  const config = readConfig(text.value, manifest.layers.length, known);
  if (!config.ok) return refuse('image-policy', config.reason);
  const files = new Set<string>();
  let left = rules.maxUnpackedGb * 1e9;
  for (const [index, layer] of manifest.layers.entries()) {
    if (!LAYER_TYPE.test(layer.mediaType)) return refuse('image-policy', `layers of type ${layer.mediaType} are not read`);
    if (layer.size > 1e9)
      log.info(`    reading layer ${index + 1} of ${manifest.layers.length} (${(layer.size / 1e9).toFixed(1)} GB)`);
    const scanned = await images.scan(image, layer, left);
    if (scanned.state === 'gone') return refuse('image-gone', scanned.detail);
    if (!scanned.value.ok) return refuse('image-policy', scanned.value.reason);
    const { scan } = scanned.value;
    if (scan.diffId !== config.config.diffIds[index])
      return refuse('image-policy', `layer ${index + 1} is not the one its configuration names`);
    left -= scan.bytes;
    if (left < 0) return refuse('image-policy', `more than ${rules.maxUnpackedGb} GB unpacked`);
    for (const file of scan.files) files.add(file);
  }
  return { ok: true, facts: { manifest: platform, config: config.config, files } };
}

/** Who entered an image, and which. */
export type Entry = {
  readonly key: string;
  readonly hotkey: string;
  readonly commitBlock: number;
  readonly image: string;
  readonly digest: string;
};

/** What is kept of an image for later rounds and for whoever checks. */
export function fingerprintOf(entry: Entry, facts: ImageFacts, common: Pick<ImageFacts, 'files'>): Fingerprint {
  const { key, hotkey, commitBlock, digest } = entry;
  const files = ownFiles(facts.files, common.files);
  return {
    schema: 1,
    key,
    hotkey,
    commitBlock,
    digest,
    diffIds: [...facts.config.diffIds],
    start: startHash(facts.config),
    files,
  };
}

/** Path of an image's fingerprint under its round. */
export function fingerprintPath(key: string): string {
  return `images/${key.replace(':', '-')}.json.gz`;
}

/** An image that may be started, by its name on this machine: exactly the one that was looked at. */
export type Admitted = { readonly id: string };
/** Admits the images of a round, each once. */
export type Admission = (key: string) => Promise<Admitted | Refusal>;

/**
 * Admits images by policy, then against every earlier image that is known: of this round and of this ledger. An image is looked at only after all
 * that were committed before it, so that the order of measuring never decides who is the copy.
 */
export function openAdmission(
  ports: { readonly images: ImageStore; readonly log: Log; readonly keep: (path: string, content: Uint8Array) => void },
  arena: Arena,
  entries: readonly Entry[],
  known: readonly KnownImage[],
): Admission {
  const { images, log } = ports;
  const rules = imageRules(arena);
  /** What nobody can call his own: the baseline's files, and those of public engines that the arena lists. */
  const readCommon = async (): Promise<ImageFacts> => {
    const files = new Set<string>();
    let baseline: ImageFacts | null = null;
    for (const reference of [arena.images.baseline, ...arena.images.bases]) {
      const { image, digest } = imageOf(reference);
      const examined = await examine(images, { ...rules, maxImageGb: Infinity }, image, digest, null, log);
      if (!examined.ok)
        throw new HarnessError(
          'REGISTRY',
          'infra',
          `the arena's image ${reference}: ${examined.refusal.detail}`,
          'pin one that can be pulled',
        );
      baseline ??= examined.facts;
      for (const file of examined.facts.files) files.add(file);
    }
    return { ...baseline!, files };
  };
  const common = once(() => readCommon());
  const look = once(async (key: string): Promise<{ own: Fingerprint; facts: ImageFacts } | Refusal> => {
    const entry = entries.find((item) => item.key === key)!;
    const shared = await common('');
    const allowed = new Set([...shared.config.env, ...rules.environment]);
    const examined = await examine(images, rules, entry.image, entry.digest, allowed, log);
    if (!examined.ok) return examined.refusal;
    const own = fingerprintOf(entry, examined.facts, shared);
    if (own.files.length > rules.maxOwnFiles)
      return { name: 'image-policy', detail: `${own.files.length} files of its own, ${rules.maxOwnFiles} are the most` };
    // Kept once: a standing winner is looked at in every round.
    if (!known.some(({ print }) => print.key === key)) ports.keep(fingerprintPath(key), utf8(compactJson(own)));
    return { own, facts: examined.facts };
  });
  return once(async (key: string): Promise<Admitted | Refusal> => {
    const entry = entries.find((item) => item.key === key)!;
    const earlier = known.filter(({ claims }) => claims).map(({ print }) => print);
    for (const other of entries.filter(({ commitBlock }) => commitBlock < entry.commitBlock)) {
      const seen = await look(other.key).catch(() => null); // its own failure is said where it is asked for
      if (seen && 'own' in seen) earlier.push(seen.own);
    }
    const seen = await look(key);
    if (!('own' in seen)) return seen;
    const copied = copyOf(seen.own, earlier, rules.copyContainment);
    if (copied) return { name: 'copy', detail: `of ${copied.of}, by ${copied.by}` };
    const pulled = await images.pull(entry.image, seen.facts.manifest, (text) => log.info(`    ${text}`));
    if (pulled.state === 'gone') return { name: 'image-gone', detail: pulled.detail };
    // The engine read the same bytes with another reader; it must have seen the same image.
    const differs = difference(seen.facts.config, pulled.value);
    if (differs !== null) return { name: 'image-policy', detail: `the engine reads another ${differs} in it than we do` };
    return { id: pulled.value.id };
  });
}

/** Remembers what succeeded, for each key; what failed is tried again when it is asked for again. */
function once<T>(work: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const done = new Map<string, Promise<T>>();
  return (key) => {
    const found = done.get(key) ?? work(key);
    done.set(key, found);
    found.catch(() => done.delete(key));
    return found;
  };
}

/** In what an image as we read it differs from what the engine made of it; null where in nothing. */
function difference(config: ImageConfig, local: LocalImage): string | null {
  const same = (a: readonly string[], b: readonly string[]): boolean => compactJson([...a]) === compactJson([...b]);
  if (!same(config.diffIds, local.diffIds)) return 'list of layers';
  if (!same(config.env, local.env)) return 'environment';
  if (local.volumes.length > 0) return 'list of volumes';
  if (local.onBuild.length > 0) return 'list of triggers';
  const { entrypoint, cmd, workingDir } = config.start;
  const { start } = local;
  return same([...entrypoint, '|', ...cmd, workingDir], [...start.entrypoint, '|', ...start.cmd, start.workingDir])
    ? null
    : 'program to start';
}

/** An image that a ledger has seen. Only one that was VALID once has a claim on its content: nobody can reserve what does not even run. */
export type KnownImage = { readonly print: Fingerprint; readonly claims: boolean };

/** Images that the rounds of a ledger have seen, up to a block. Unreadable ones are left out: the audit names them. */
export function knownImages(
  ledger: Pick<Ledger, 'records'>,
  files: ReadonlyMap<string, Uint8Array>,
  unpack: (bytes: Uint8Array) => string | null,
  before = Infinity,
): KnownImage[] {
  const rounds = recordsOf(ledger, 'round').filter(({ predicate }) => predicate.block.number < before);
  const valid = new Set(
    rounds.flatMap(({ predicate }) => predicate.entries.filter(({ verdict }) => verdict === 'VALID').map(({ key }) => key)),
  );
  const blockOf = (path: string): number => Number(/^rounds\/(\d+)\//.exec(path)?.[1] ?? Infinity);
  const past = new Map([...files].filter(([path]) => blockOf(path) < before));
  return readFingerprints(past, unpack).map((print) => ({ print, claims: valid.has(print.key) }));
}

/** Fingerprints among a ledger's files, by the path of their round. Unreadable ones are left out: the audit names them. */
export function readFingerprints(
  files: ReadonlyMap<string, Uint8Array>,
  unpack: (bytes: Uint8Array) => string | null,
): Fingerprint[] {
  return [...files].flatMap(([path, bytes]) => {
    if (!/(?:^|\/)images\/[^/]+\.json\.gz$/.test(path)) return [];
    const text = unpack(bytes);
    if (text === null) return [];
    try {
      return [fingerprintSchema.parse(parseStrictJson(text, RECORD_JSON))];
    } catch {
      return [];
    }
  });
}
