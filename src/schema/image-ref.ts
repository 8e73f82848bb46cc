// References of container images: name and digest, read and checked.
import { ArenaError } from './arena.ts';
import { because, type Reasoned } from './reasons.ts';
import type { MinerFault } from './verdicts.ts';

/** An image: its name in a registry, and the digest that alone says which one it is. */
export type ImageRef = { readonly image: string; readonly digest: string };

/** `name@sha256:…`, as people and traces write it. */
export function imageRefText({ image, digest }: ImageRef): string {
  return `${image}@${digest}`;
}

/** Longest reference we read; a registry path is far shorter. */
const MAX_REFERENCE = 255;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
// Lower-case ASCII components: no newline, right-to-left mark, homoglyph or shell text gets
// through.
const PATH =
  /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$/;
const HOST = /^[a-z0-9]+(?:[.-]+[a-z0-9]+)*(?::[0-9]{1,5})?$/;
/** Where a reference without a host is looked up. */
const DEFAULT_HOST = 'docker.io';

/**
 * Splits a reference as Docker does: the first part is a host when it has a dot or a port, or is
 * localhost. Null where it is no reference.
 */
export function splitReference(image: string): null | { host: string; path: string } {
  const slash = image.indexOf('/');
  const first = slash < 0 ? '' : image.slice(0, slash);
  const named = first.includes('.') || first.includes(':') || first === 'localhost';
  const host = named ? first : DEFAULT_HOST;
  const path = named ? image.slice(slash + 1) : image;
  return HOST.test(host) && PATH.test(path) && URL.canParse(`https://${host}/`)
    ? { host, path }
    : null;
}

/** Whether an image reference and digest may be pulled at all; the fault says why not. */
export function checkImage(
  { image, digest }: ImageRef,
  loopback: boolean,
): null | ({ verdict: MinerFault } & Reasoned) {
  const refuse = (
    verdict: MinerFault,
    ...why: Parameters<typeof because>
  ): { verdict: MinerFault } & Reasoned => ({ verdict, ...because(...why) });
  if (!DIGEST.test(digest))
    return refuse('E_REF', 'digest', 'digest is not sha256: and 64 lower-case hex digits');
  if (image.length > MAX_REFERENCE)
    return refuse(
      'E_REF',
      'reference-length',
      `image reference longer than ${MAX_REFERENCE} characters`,
      {
        value: image.length,
        limit: MAX_REFERENCE,
      },
    );
  if (/^[^/]*@/.test(image))
    return refuse('E_REF_HOST', 'user-in-reference', 'user information in the image reference');
  if (/^\[/.test(image))
    return refuse('E_REF_HOST', 'registry-address', 'the registry host is an address');
  const reference = splitReference(image);
  if (reference === null)
    return refuse('E_REF', 'reference', 'image is not [registry.host/]path[:tag]');
  const name = reference.host.replace(/:\d+$/, '');
  const local = name === 'localhost' || /^127(?:\.\d{1,3}){3}$/.test(name);
  if (local && loopback) return null;
  // A last label of digits or 0x-hex makes URL parsers read the whole name as an IPv4 address,
  // however it is written.
  if (local || /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/.test(name))
    return refuse(
      'E_REF_HOST',
      'registry-address',
      `registry host ${name} is an address or a local name`,
    );
  if (
    !name.includes('.') ||
    /\.(?:local|internal|localhost|lan|home|corp|test|invalid|example)$/.test(name)
  ) {
    return refuse('E_REF_HOST', 'registry-local', `registry host ${name} is not a public name`);
  }
  return null;
}

/** Reads `name@sha256:…`; null where a text is no image pinned by digest. */
export function parseImageRef(text: string): ImageRef | null {
  const groups = /^(?<image>[^@]+)@(?<digest>sha256:[0-9a-f]{64})$/.exec(text)?.groups;
  return groups ? { image: groups['image']!, digest: groups['digest']! } : null;
}

/** An image that an arena names. Throws `BAD_ARENA` where it is not pinned. */
export function pinnedImage(reference: string): ImageRef {
  const ref = parseImageRef(reference);
  if (!ref)
    throw new ArenaError(
      'BAD_ARENA',
      'usage',
      `the arena's image ${reference} is not pinned by digest`,
      'write it as name@sha256:…',
    );
  return ref;
}
