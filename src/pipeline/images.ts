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
import type { ImageStore } from '../harness/image-store.ts';

/** Layers that can be read: a tar, plain or packed. */
const LAYER_TYPE =
  /^application\/vnd\.(?:oci\.image\.layer\.v1\.tar(?:\+gzip|\+zstd)?|docker\.image\.rootfs\.diff\.tar(?:\.gzip)?)$/;

/** Why an image is not started, as the event of its trace. */
export type Refusal = { readonly name: 'image-policy' | 'image-gone' | 'copy'; readonly detail: string };
/** What an image is made of. */
export type ImageFacts = { readonly config: ImageConfig; readonly files: ReadonlySet<string> };
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
  if (manifest.kind === 'index') {
    found = await images.manifest(image, manifest.next.digest);
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
  return { ok: true, facts: { config: config.config, files } };
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
export function fingerprintOf(entry: Entry, facts: ImageFacts, baseline: ImageFacts): Fingerprint {
  const { key, hotkey, commitBlock, digest } = entry;
  const files = ownFiles(facts.files, baseline.files);
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

/** Admits the images of a round, each once; asks in the background, answers when it is needed. */
export type Admission = (key: string) => Promise<Refusal | null>;

/**
 * Admits images by policy, then against every earlier image that is known: of this round and of this ledger. An image is looked at only after all
 * that were committed before it, so that the order of measuring never decides who is the copy.
 */
export function openAdmission(
  ports: { readonly images: ImageStore; readonly log: Log; readonly keep: (path: string, content: Uint8Array) => void },
  arena: Arena,
  entries: readonly Entry[],
  known: readonly Fingerprint[],
): Admission {
  const { images, log } = ports;
  const rules = imageRules(arena);
  const pinned = imageOf(arena.images.baseline);
  let baseline: Promise<ImageFacts> | undefined;
  const readBaseline = async (): Promise<ImageFacts> => {
    const examined = await examine(images, { ...rules, maxImageGb: Infinity }, pinned.image, pinned.digest, null, log);
    if (examined.ok) return examined.facts;
    throw new HarnessError('REGISTRY', 'infra', `the baseline's image: ${examined.refusal.detail}`, 'pin one that can be pulled');
  };
  const looked = new Map<string, Promise<Fingerprint | Refusal>>();
  const look = (entry: Entry): Promise<Fingerprint | Refusal> => {
    const found = looked.get(entry.key) ?? fingerprint(entry);
    looked.set(entry.key, found);
    return found;
  };
  const fingerprint = async (entry: Entry): Promise<Fingerprint | Refusal> => {
    baseline ??= readBaseline();
    const base = await baseline;
    const allowed = new Set([...base.config.env, ...rules.environment]);
    const examined = await examine(images, rules, entry.image, entry.digest, allowed, log);
    if (!examined.ok) return examined.refusal;
    const made = fingerprintOf(entry, examined.facts, base);
    if (made.files.length > rules.maxOwnFiles)
      return { name: 'image-policy', detail: `${made.files.length} files of its own, ${rules.maxOwnFiles} are the most` };
    ports.keep(fingerprintPath(entry.key), utf8(compactJson(made)));
    return made;
  };
  const decide = async (entry: Entry): Promise<Refusal | null> => {
    const earlier: Fingerprint[] = [...known];
    for (const other of entries.filter(({ commitBlock }) => commitBlock < entry.commitBlock)) {
      const seen = await look(other).catch(() => null); // its own failure is said where it is asked for
      if (seen && 'schema' in seen) earlier.push(seen);
    }
    const own = await look(entry);
    if (!('schema' in own)) return own;
    const copied = copyOf(own, earlier, rules.copyContainment);
    if (copied) return { name: 'copy', detail: `of ${copied.of}, by ${copied.by}` };
    const pulled = await images.pull(entry.image, entry.digest, (text) => log.info(`    ${text}`));
    return pulled.state === 'gone' ? { name: 'image-gone', detail: pulled.detail } : null;
  };
  const decided = new Map<string, Promise<Refusal | null>>();
  return (key) => {
    const found = decided.get(key) ?? decide(entries.find((entry) => entry.key === key)!);
    decided.set(key, found);
    return found;
  };
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
