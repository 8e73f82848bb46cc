// Builds small container images from files, reproducibly and without Docker.
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { sha256Hex } from '../../core/hash.ts';
import type { ImageFile } from '../../sandbox/io/tools-image.ts';

type Blob = { readonly digest: string; readonly bytes: Uint8Array };
/** A layer: its blob, and the digest of the tar in it. */
export type ImageLayer = Blob & { readonly diffId: string; readonly mediaType: string };
/** An image as a registry holds it. */
export type Image = { readonly manifest: Blob; readonly blobs: readonly Blob[] };

const digestOf = (bytes: Uint8Array): string => `sha256:${sha256Hex(bytes)}`;

/**
 * Files as a layer, the same bytes for the same files. Plain for large ones: packing them costs
 * more than it saves on loopback.
 */
export async function layerOf(
  files: ReadonlyMap<string, ImageFile>,
  packed: boolean,
): Promise<ImageLayer> {
  const tar = pack();
  for (const [path, { bytes, mode }] of [...files].sort(([a], [b]) => (a < b ? -1 : 1)))
    tar.entry({ name: path.replace(/^\//, ''), mode, mtime: new Date(0) }, Buffer.from(bytes));
  tar.finalize();
  const parts: Buffer[] = [];
  for await (const part of tar as unknown as AsyncIterable<Buffer>) parts.push(part);
  const plain = Buffer.concat(parts);
  const bytes = packed ? gzipSync(plain) : plain;
  const mediaType = `application/vnd.oci.image.layer.v1.tar${packed ? '+gzip' : ''}`;
  return { digest: digestOf(bytes), bytes, diffId: digestOf(plain), mediaType };
}

/**
 * An image of layers. `config` is what a Dockerfile would say: Entrypoint, Env, Volumes and so on.
 */
export function buildImage(
  layers: readonly ImageLayer[],
  config: Readonly<Record<string, unknown>>,
  extra: Readonly<Record<string, unknown>> = {},
): Image {
  const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
  const settings = json({
    architecture: 'amd64',
    os: 'linux',
    config,
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(() => ({ created_by: 'cacheon devnet' })),
    ...extra,
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: digestOf(settings),
      size: settings.length,
    },
    layers: layers.map(({ mediaType, digest, bytes }) => ({
      mediaType,
      digest,
      size: bytes.length,
    })),
  });
  return {
    manifest: { digest: digestOf(manifest), bytes: manifest },
    blobs: [{ digest: digestOf(settings), bytes: settings }, ...layers],
  };
}
