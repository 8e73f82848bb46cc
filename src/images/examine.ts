// Inspection of an image in its registry: manifest, configuration and the content of every layer.
import { utf8 } from '../core/bytes.ts';
import type { Log } from '../core/log.ts';
import type { Arena } from '../schema/arena.ts';
import type { ImageRef } from '../schema/image-ref.ts';
import { type ImageConfig, readConfig } from './image-config.ts';
import { type ImageDocuments, isText } from './image-documents.ts';
import type { ImageSize, ImageStore, LayerDescriptor, LayerScan } from './image-store.ts';
import { MAX_MANIFEST_BYTES, readManifest } from './manifest.ts';

/** Layers that can be read: a tar, plain or packed. */
const LAYER_TYPE =
  /^application\/vnd\.(?:oci\.image\.layer\.v1\.tar(?:\+gzip|\+zstd)?|docker\.image\.rootfs\.diff\.tar(?:\.gzip|\.zstd)?)$/;
/**
 * Why an image is not started, as the event of its trace. `image-policy` follows from its manifest
 * and configuration alone, which are kept; `image-content` from what only its registry or an engine
 * can show.
 */
export type ImageRefusal = {
  readonly name: 'image-policy' | 'image-content' | 'image-gone' | 'copy' | 'bare-base';
  readonly detail: string;
};
/** What only `readHead` tells beside the refusal: everything else that the configuration breaks. */
type HeadRefused = Refused & { readonly further?: readonly string[] };
/** What an image is made of. */
export type ImageFacts = ImageHead & {
  readonly size: ImageSize;
  readonly files: ReadonlySet<string>;
};
/** What its manifest and configuration say, before any layer is read. */
export type ImageHead = {
  /**
   * Digest of the manifest of our platform: the engine pulls it, whatever index the entry named.
   */
  readonly manifest: string;
  /** Digest of the configuration: engines call an image by it or by the manifest's. */
  readonly configDigest: string;
  readonly layers: readonly LayerDescriptor[];
  readonly config: ImageConfig;
};
type Refused = { readonly ok: false; readonly refusal: ImageRefusal };
export type Examined<T> = { readonly ok: true; readonly facts: T } | Refused;
export type ExamineRules = Pick<Arena, 'maxImageGb' | 'maxUnpackedGb'>;

/** A refusal, as the result of an examination. */
export function refuse(name: ImageRefusal['name'], detail: string): Refused {
  return { ok: false, refusal: { name, detail } };
}
const policy = (detail: string): Refused => refuse('image-policy', detail);
const content = (detail: string): Refused => refuse('image-content', detail);

type Platform = {
  readonly digest: string;
  readonly manifest: Extract<ReturnType<typeof readManifest>, { kind: 'manifest' }>;
};

/** The manifest of our platform, behind an index where the reference names one. */
async function readPlatform(
  images: ImageDocuments,
  rules: ExamineRules,
  ref: ImageRef,
): Promise<{ readonly ok: true; readonly platform: Platform } | Refused> {
  let { digest } = ref;
  let found = await images.manifest(ref);
  if (found.state === 'gone') return refuse('image-gone', found.detail);
  let manifest = readManifest(found.value, rules);
  if (manifest.kind === 'index') {
    digest = manifest.next.digest;
    found = await images.manifest({ ...ref, digest });
    if (found.state === 'gone') return refuse('image-gone', found.detail);
    manifest = readManifest(found.value, rules);
  }
  if (manifest.kind === 'index') return policy('an index inside an index');
  // An engine is given it as we read it.
  if (!isText(found.value, digest)) return content('the manifest is not UTF-8');
  return manifest.kind === 'fault'
    ? policy(manifest.reason)
    : { ok: true, platform: { digest, manifest } };
}

/**
 * Reads an image's manifest and configuration in its registry. `known` are environment entries that
 * may stand; null for an image of the arena's own, which is trusted. Throws `REGISTRY` for an
 * infrastructure fault.
 */
export async function readHead(
  images: ImageDocuments,
  rules: ExamineRules,
  ref: ImageRef,
  known: ReadonlySet<string> | null,
): Promise<{ readonly ok: true; readonly facts: ImageHead } | HeadRefused> {
  const read = await readPlatform(images, rules, ref);
  if (!read.ok) return read;
  const { digest: manifest } = read.platform;
  const { layers, config: descriptor } = read.platform.manifest;
  if (descriptor.size > MAX_MANIFEST_BYTES)
    return policy(`the configuration is larger than ${MAX_MANIFEST_BYTES} bytes`);
  const other = layers.find(({ mediaType }) => !LAYER_TYPE.test(mediaType));
  if (other) return policy(`layers of type ${other.mediaType} are not read`);
  const text = await images.config({ ...ref, digest: descriptor.digest });
  if (text.state === 'gone') return refuse('image-gone', text.detail);
  if (!isText(text.value, descriptor.digest)) return content('the configuration is not UTF-8');
  if (utf8(text.value).length !== descriptor.size)
    return policy('the configuration has another size than the manifest says');
  const config = readConfig(text.value, layers.length, known);
  if (!config.ok) return { ...policy(config.reason), further: config.reasons.slice(1) };
  return {
    ok: true,
    facts: { manifest, configDigest: descriptor.digest, layers, config: config.config },
  };
}

/**
 * What of an image may stand although no miner's may have it: the arena's own variables and layers.
 * Null trusts the whole image.
 */
export type Trusted = { readonly env: ReadonlySet<string>; readonly layers: ReadonlySet<string> };

/** What an image is examined by. */
export type Examination = {
  readonly rules: ExamineRules;
  /** Null for an image of the arena's own. */
  readonly trusted: Trusted | null;
  /** Most different files that an image may have. */
  readonly mostFiles: number;
  /** Layers, by what they unpack to, whose files are nobody's own. */
  readonly shared: ReadonlySet<string>;
};

/** What was read of the layers so far. */
type Contents = { unpackedBytes: number; readonly files: Set<string> };

/** What is wrong with a layer by itself; null where nothing is. */
function layerFault(
  { diffIds }: ImageConfig,
  trusted: Trusted | null,
  { index, layer, scan }: { index: number; layer: LayerDescriptor; scan: LayerScan },
): Refused | null {
  if (scan.diffId !== diffIds[index])
    return content(`layer ${index + 1} is not the one its configuration names`);
  return scan.special && trusted && !trusted.layers.has(layer.digest)
    ? content(`layer ${index + 1} has a device or a pipe in it`)
    : null;
}

/** Adds a layer to what was read; a refusal where that became too much. */
function addLayer(
  contents: Contents,
  scan: LayerScan,
  { rules, mostFiles, shared }: Examination,
): Refused | null {
  contents.unpackedBytes += scan.bytes;
  if (contents.unpackedBytes > rules.maxUnpackedGb * 1e9)
    return content(`more than ${rules.maxUnpackedGb} GB unpacked`);
  if (!shared.has(scan.diffId)) for (const file of scan.files) contents.files.add(file);
  // Checked after each layer, not at the end: layers of ever other files would fill our memory.
  return contents.files.size > mostFiles ? content(`more than ${mostFiles} files`) : null;
}

/**
 * Looks at an image in its registry, every layer's real content included, before this machine takes
 * in any of it. Throws `REGISTRY` for an infrastructure fault.
 */
export async function examine(
  { images, log }: { readonly images: ImageStore; readonly log: Log },
  ref: ImageRef,
  examination: Examination,
): Promise<Examined<ImageFacts>> {
  const { rules, trusted } = examination;
  const pace = images.pace();
  const head = await readHead(images, rules, ref, trusted && trusted.env);
  if (!head.ok) return head;
  const { layers, config } = head.facts;
  const contents: Contents = { unpackedBytes: 0, files: new Set() };
  for (const [index, layer] of layers.entries()) {
    const maxBytes = rules.maxUnpackedGb * 1e9 - contents.unpackedBytes;
    const scanned = await images.scan(ref.image, layer, { maxBytes, pace });
    if (scanned.state === 'gone') return refuse('image-gone', scanned.detail);
    if (!scanned.value.ok) return content(scanned.value.reason);
    const { scan } = scanned.value;
    const fault =
      layerFault(config, trusted, { index, layer, scan }) ?? addLayer(contents, scan, examination);
    if (fault) return fault;
    log.progress({ what: `layers read: ${ref.image}`, done: index + 1, total: layers.length });
  }
  const packedBytes = layers.reduce((sum, { size }) => sum + size, 0);
  const { unpackedBytes, files } = contents;
  return { ok: true, facts: { ...head.facts, size: { packedBytes, unpackedBytes }, files } };
}
