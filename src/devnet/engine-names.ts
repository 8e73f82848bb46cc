// Image names and digests that stand for tiny engines on the development network.
import { sha256Hex } from '../core/hash.ts';
import { VARIANTS } from './engine/variants/index.ts';

/** An image of the devnet: a real one in a registry on loopback, or a name for a local process. */
export type DevnetImage = { readonly image: string; readonly digest: string };

/** Image name of a tiny engine. Short, so that a commitment fits 128 bytes on old runtimes. */
export function engineImage(variant: string): string {
  return `127.0.0.1:5000/${variant}`;
}

/**
 * Digest by which the process runtime knows a variant. A stand-in for a manifest digest: there is
 * no image behind it.
 */
export function engineDigest(variant: string): string {
  return `sha256:${sha256Hex(`cacheon devnet engine ${variant}`)}`;
}

/** What a miner of a process-run engine commits. */
export function namedImage(variant: string): DevnetImage {
  return { image: engineImage(variant), digest: engineDigest(variant) };
}

/** The variant of a digest, or null. */
export function variantOfDigest(digest: string): string | null {
  return [...VARIANTS.keys()].find((variant) => engineDigest(variant) === digest) ?? null;
}
