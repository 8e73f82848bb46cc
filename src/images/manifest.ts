// Reader of image manifests and indexes, with checks before anything is downloaded.
import { z } from 'zod';
import { messageOf } from '../core/errors.ts';
import { parseStrictJson, RECORD_JSON } from '../core/strict-json.ts';

/** Largest manifest or configuration that is read: registries allow 4 MiB. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;
/** Entries of an index that are looked through: a real one has a handful of platforms. */
const MAX_INDEX_ENTRIES = 64;
/** What overlay2 can stack. */
const MAX_LAYERS = 127;
/** What validators run. */
export const PLATFORM = { os: 'linux', architecture: 'amd64' } as const;
/** Names of the same architecture: an engine takes any of them for it. */
const ARCHITECTURES = ['amd64', 'x86_64', 'x86-64'];

const size = z.number().int().nonnegative();
const sha256Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
// Unknown members are ignored: registries add annotations as they like.
const descriptor = z.object({
  mediaType: z.string().max(200),
  digest: sha256Digest,
  size,
  urls: z.array(z.string()).optional(),
  platform: z.object({ os: z.string(), architecture: z.string() }).optional(),
});
// Manifest types that an engine takes for an image; it would treat another type otherwise (a
// plugin, an artifact), or refuse it.
const MANIFESTS = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];
const CONFIGS = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
];
const manifestSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.enum(MANIFESTS).optional(),
  config: descriptor.extend({ mediaType: z.enum(CONFIGS) }),
  layers: z.array(descriptor).max(10_000),
  manifests: z.never().optional(),
});
const indexSchema = z.object({
  schemaVersion: z.literal(2),
  manifests: z.array(z.unknown()).max(100_000),
});

type Descriptor = z.infer<typeof descriptor>;
/** What an image is made of, or the platform's manifest of an index to read next. */
export type ManifestResult =
  | {
      readonly kind: 'manifest';
      readonly config: Descriptor;
      readonly layers: readonly Descriptor[];
      readonly compressedBytes: number;
    }
  | { readonly kind: 'index'; readonly next: Descriptor }
  | { readonly kind: 'fault'; readonly verdict: 'E_IMAGE_POLICY'; readonly reason: string };

/**
 * Whether a JSON object holds a known member in another spelling, alone or beside the right one.
 * Other readers (Go's, which is the engine's) take names in any case and keep the last one: "Layers"
 * beside "layers" would show us one image and run another.
 */
export function hasAlias(value: unknown, names: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  // Up and down again: Go folds the long s and the Kelvin sign into s and k as well.
  const folded = (name: string): string => name.toUpperCase().toLowerCase();
  const known = new Map(names.map((name) => [folded(name), name]));
  return Object.keys(value).some((key) => (known.get(folded(key)) ?? key) !== key);
}
const DESCRIPTOR = ['mediaType', 'digest', 'size', 'urls', 'platform', 'data', 'artifactType'];

const fault = (reason: string): ManifestResult => ({
  kind: 'fault',
  verdict: 'E_IMAGE_POLICY',
  reason,
});

/**
 * Reads an OCI or Docker manifest or index (RULES "Manifest", RULES "Index"), before anything
 * is downloaded: one platform, no more layers and bytes than allowed, and no layer that is fetched
 * from elsewhere. Never throws: a manifest is the miner's bytes.
 */
export function readManifest(text: string, rules: { maxImageGb: number }): ManifestResult {
  if (text.length > MAX_MANIFEST_BYTES)
    return fault(`the manifest is larger than ${MAX_MANIFEST_BYTES} bytes`);
  let value: unknown;
  try {
    value = parseStrictJson(text, RECORD_JSON);
  } catch (error) {
    return fault(`the manifest is not JSON: ${messageOf(error)}`.slice(0, 300));
  }
  const parts = Object.values(value ?? {}).flatMap((part: unknown) =>
    Array.isArray(part) ? (part as unknown[]) : [part],
  );
  if (
    hasAlias(value, [
      'schemaVersion',
      'mediaType',
      'config',
      'layers',
      'manifests',
      'subject',
      'artifactType',
    ]) ||
    parts.some(
      (part) =>
        hasAlias(part, DESCRIPTOR) ||
        hasAlias((part as { platform?: unknown } | null)?.platform, [
          'os',
          'architecture',
          'variant',
        ]),
    )
  )
    return fault('a member of the manifest in another spelling');
  const index = indexSchema.safeParse(value);
  if (index.success) return fromIndex(index.data.manifests);
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    return fault(
      `the manifest's ${issue.path.join('.') || 'form'}: ${issue.message}`.slice(0, 300),
    );
  }
  const { config, layers } = parsed.data;
  if (layers.length === 0) return fault('the image has no layer');
  if (layers.length > MAX_LAYERS)
    return fault(`${layers.length} layers, ${MAX_LAYERS} are the most`);
  const foreign = [config, ...layers].find(
    ({ mediaType, urls }) => urls !== undefined || /foreign|nondistributable/.test(mediaType),
  );
  if (foreign) return fault(`the layer ${foreign.digest} is fetched from elsewhere`);
  const compressedBytes = layers.reduce((sum, layer) => sum + layer.size, config.size);
  if (compressedBytes > rules.maxImageGb * 1e9)
    return fault(
      `${(compressedBytes / 1e9).toFixed(1)} GB compressed, ${rules.maxImageGb} GB are the most`,
    );
  return { kind: 'manifest', config, layers, compressedBytes };
}

function fromIndex(entries: readonly unknown[]): ManifestResult {
  if (entries.length > MAX_INDEX_ENTRIES)
    return fault(`an index of ${entries.length} entries, ${MAX_INDEX_ENTRIES} are the most`);
  const fitting = entries.flatMap((entry) => {
    const parsed = descriptor.safeParse(entry);
    return parsed.success &&
      parsed.data.platform?.os === PLATFORM.os &&
      ARCHITECTURES.includes(parsed.data.platform.architecture)
      ? [parsed.data]
      : [];
  });
  const [next, ...others] = fitting;
  if (!next) return fault(`no image for ${PLATFORM.os}/${PLATFORM.architecture}`);
  if (others.length > 0)
    return fault(
      `${fitting.length} images for ${PLATFORM.os}/${PLATFORM.architecture}: which one counts?`,
    );
  if (/index|manifest\.list/.test(next.mediaType)) return fault('an index inside an index');
  return { kind: 'index', next };
}
