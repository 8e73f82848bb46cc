// Manifests and configurations of images as evidence: kept while they are read, read again offline.
import { utf8 } from '../core/bytes.ts';
import { sha256Hex } from '../core/hash.ts';
import { ImageError } from './errors.ts';
import type { Found, ImageStore } from './image-store.ts';

/** Where an image's manifest, index and configuration are read. */
export type ImageDocuments = Pick<ImageStore, 'manifest' | 'config'>;

/** Whether a text goes back to the bytes of its digest. */
export const isText = (text: string, digest: string): boolean =>
  `sha256:${sha256Hex(utf8(text))}` === digest;

/**
 * The same images, whose manifests, indexes and configurations are kept as they are read, by their
 * digests: anyone can tell later what they said, and whose they were (RULES "Image documents").
 */
export function keepingDocuments(
  images: ImageStore,
  keep: (digest: string, bytes: Uint8Array) => void,
): ImageStore {
  const kept = new Set<string>();
  const noted = (digest: string, found: Found<string>): Found<string> => {
    if (found.state === 'found' && !kept.has(digest) && isText(found.value, digest)) {
      kept.add(digest);
      keep(digest, utf8(found.value));
    }
    return found;
  };
  return {
    ...images,
    manifest: async (ref) => noted(ref.digest, await images.manifest(ref)),
    config: async (ref) => noted(ref.digest, await images.config(ref)),
  };
}

/**
 * Documents that were kept, read by their digests. `read` gives null for one that is not there;
 * then, and where the bytes are others, asking throws `REGISTRY`.
 */
export function keptDocuments(read: (digest: string) => string | null): ImageDocuments {
  const find = ({ digest }: { readonly digest: string }): Promise<Found<string>> => {
    const value = read(digest);
    if (value !== null && isText(value, digest)) return Promise.resolve({ state: 'found', value });
    return Promise.reject(
      new ImageError(
        'REGISTRY',
        'infra',
        `no evidence holds the document ${digest}`,
        'ask a registry that has the image',
      ),
    );
  };
  return { manifest: find, config: find };
}
