// Public engines that images build on: their files are nobody's own, and bare they are no entry.
import type { Arena } from '../schema/arena.ts';
import { parseImageRef } from '../schema/image-ref.ts';
import { startHash } from './copies.ts';
import {
  type ExamineRules,
  type ImageHead,
  type ImageRefusal,
  readHead,
  type Trusted,
} from './examine.ts';
import type { ImageDocuments } from './image-documents.ts';

/** A public engine, as far as its manifest and configuration tell. */
export type Base = Trusted & {
  readonly reference: string;
  readonly manifest: string;
  readonly configDigest: string;
  readonly diffIds: readonly string[];
  readonly start: string;
};

/** An arena's own images, and public engines, may be as large as they are. */
export const trusting = (arena: Arena): ExamineRules => ({ ...arena, maxImageGb: Infinity });

/** What counts of a public engine. */
export function baseOf(
  reference: string,
  { manifest, configDigest, layers, config }: ImageHead,
): Base {
  return {
    ...{ reference, manifest, configDigest, diffIds: config.diffIds },
    start: startHash(config),
    env: new Set(config.env),
    layers: new Set(layers.map(({ digest }) => digest)),
  };
}

/**
 * Reads the base that a payload names (RULES "Bases"): its manifest and configuration alone. That it
 * is in a repository where no miner can push was checked when the payload was read.
 */
export async function readBase(
  images: ImageDocuments,
  arena: Arena,
  reference: string,
): Promise<Base | ImageRefusal> {
  const ref = parseImageRef(reference)!;
  const head = await readHead(images, trusting(arena), ref, null);
  if (head.ok) return baseOf(reference, head.facts);
  return { name: 'image-content', detail: `its base ${reference}: ${head.refusal.detail}` };
}

/** What may stand in an image that builds on a base, beside what may stand in every image. */
export function trustedWith(common: Trusted, base: Trusted): Trusted {
  return {
    env: new Set([...common.env, ...base.env]),
    layers: new Set([...common.layers, ...base.layers]),
  };
}

/** Whether an image is a public engine as it is: the same layers, started in the same way. */
export function isBare(image: ImageHead, base: Base): boolean {
  if (image.manifest === base.manifest || image.configDigest === base.configDigest) return true;
  const same = image.config.diffIds.join() === base.diffIds.join();
  return same && startHash(image.config) === base.start;
}
