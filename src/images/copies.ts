// Decision whether an image is a copy of an earlier image, by shared content.
import { compactJson } from '../core/canonical.ts';
import { markWeight } from '../schema/content-mark.ts';
import { sha256Hex } from '../core/hash.ts';
import type { Fingerprint } from '../schema/fingerprint.ts';

/**
 * Files of an image that the baseline does not have: rebuilding, re-tagging, re-compressing and
 * other names leave them the same.
 */
export function ownFiles(files: ReadonlySet<string>, baseline: ReadonlySet<string>): string[] {
  return [...files].filter((mark) => !baseline.has(mark)).sort();
}

/** How an image is started, as one value. */
export function startHash(config: {
  readonly env: readonly string[];
  readonly start: object;
}): string {
  return sha256Hex(compactJson({ env: [...config.env].sort(), start: { ...config.start } }));
}

/**
 * Share of `a` that is in `b`, and of `b` in `a`, by weight; null where either has no file of its
 * own.
 */
export function containment(
  a: readonly string[],
  b: readonly string[],
): null | { aInB: number; bInA: number } {
  if (a.length === 0 || b.length === 0) return null;
  const other = new Set(b);
  const sum = (marks: readonly string[]): number =>
    marks.reduce((total, mark) => total + markWeight(mark), 0);
  const shared = sum(a.filter((mark) => other.has(mark)));
  return { aInB: shared / sum(a), bInA: shared / sum(b) };
}

/**
 * The earlier image of another hotkey that this image copies, and the evidence; null for none
 * (RULES "Copies: same content"). By content an image is a copy where nearly all of it is the
 * earlier one's, and nearly all of the earlier one is in it. One way alone would let a commit of a
 * popular public file bar every miner that uses it. The validator measures a copy that is padded or
 * thinned further, and that copy has to be faster than its original to take over. Of several the
 * earliest has the claim.
 */
export function copyOf(
  image: Fingerprint,
  known: readonly Fingerprint[],
  threshold: number,
): null | { of: string; by: string } {
  const earlier = known
    .filter(({ hotkey, commitBlock }) => hotkey !== image.hotkey && commitBlock < image.commitBlock)
    .sort((a, b) => a.commitBlock - b.commitBlock || (a.hotkey < b.hotkey ? -1 : 1));
  for (const other of earlier) {
    if (other.digest === image.digest) return { of: other.key, by: 'manifest digest' };
    const sameLayers = other.diffIds.join() === image.diffIds.join();
    // Two tunings of the baseline's own image have no file of their own: only the same start makes
    // the later one a copy.
    if (sameLayers && (image.files.length > 0 || other.start === image.start))
      return { of: other.key, by: 'layers' };
    const shares = containment(image.files, other.files);
    if (shares && Math.min(shares.aInB, shares.bInA) >= threshold)
      return {
        of: other.key,
        by: `content (${percent(shares.aInB)} of it, ${percent(shares.bInA)} of the earlier one)`,
      };
  }
  return null;
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
