// A record before it has its place in the chain of records.
import type { Kind, Predicate, Statement } from '../schema/records.ts';

/** A record before its place in the chain is known. */
export type Draft<K extends Kind = Kind> = {
  readonly kind: K;
  readonly path: string;
  readonly subject: Statement['subject'];
  readonly predicate: Omit<Predicate<K>, 'seq' | 'prev'>;
};

/** Subject of a record about images: name and digest, each once. */
export function imageSubjects(
  images: readonly { image: string | null; digest: string | null }[],
): Statement['subject'] {
  const byDigest = new Map(
    images.flatMap(({ image, digest }) =>
      image === null || digest === null ? [] : [[digest, image] as const],
    ),
  );
  return [...byDigest].map(([digest, name]) => ({
    name,
    digest: { sha256: digest.replace(/^sha256:/, '') },
  }));
}
