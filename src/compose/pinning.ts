// What an arena file still leaves open, and what it stands for now: digests, weights, corpus.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256Hex } from '../core/hash.ts';
import type { Log } from '../core/log.ts';
import { Repository } from '../images/io/registry.ts';
import type { Arena } from '../schema/arena.ts';
import { splitReference } from '../schema/image-ref.ts';
import { UsageError } from './errors.ts';
import { weightsManifest } from './weights-hub.ts';

/** One place of an arena, or of a file beside it: what it says, and what it should say. */
export type Pin = {
  readonly name: string;
  readonly now: string | null;
  readonly found: string;
  /** `open`: nothing is pinned yet; `moved`: something else is; `same`. */
  readonly state: 'open' | 'moved' | 'same';
};

/** What pinning looks at; null or undefined parts are left as they are. */
export type PinJob = {
  readonly arena: Arena;
  /** Path of the manifest of weights. */
  readonly manifest: string;
  /** `owner/name` of the model on a hub. */
  readonly weights: string | undefined;
  /** Folder of the corpus, with its manifest. */
  readonly corpus: string | undefined;
  readonly log: Log;
};

/** What pinning came to: every pin, and the weights' manifest as it should be. */
export type Pinned = { readonly pins: readonly Pin[]; readonly weights: string | null };

const pin = (name: string, now: string | null, found: string): Pin => {
  const state = now === null ? 'open' : 'moved';
  return { name, now, found, state: now === found ? 'same' : state };
};

/** An image by its tag, and the digest of that tag now. */
async function imagePin(name: string, text: string, arena: Arena, log: Log): Promise<Pin> {
  const [tagged = '', now = null] = text.split('@');
  const place = splitReference(tagged);
  if (!place) throw new UsageError(`${name}: ${text} is no image`, 'write registry/name:tag');
  const tag = /:([^/:]+)$/.exec(place.path)?.[1];
  // An image by digest alone stands for itself: there is no tag that could move.
  if (tag === undefined && now !== null) return pin(name, now, now);
  log.info(`  asking ${place.host} for ${place.path}`);
  const found = await new Repository(place, arena.loopbackImages).digestOf(tag ?? 'latest');
  if (found.state === 'gone')
    throw new UsageError(`${name}: ${found.detail}`, 'name an image that is public');
  return pin(name, now, found.value);
}

/** Looks up everything that an arena leaves open, or that may have moved. Changes nothing. */
export async function lookUpPins(job: PinJob): Promise<Pinned> {
  const { arena, manifest, weights, corpus, log } = job;
  const pins: Pin[] = [];
  for (const which of ['baseline', 'reference'] as const)
    pins.push(await imagePin(`images.${which}`, arena.images[which], arena, log));
  let text: string | null = null;
  if (weights !== undefined) {
    ({ text } = await weightsManifest(weights, log));
    const now = existsSync(manifest) ? sha256Hex(readFileSync(manifest)) : null;
    pins.push(pin('weights', now, sha256Hex(text)));
  }
  if (corpus !== undefined && arena.corpus !== 'generated') {
    const file = join(corpus, 'manifest.json');
    if (!existsSync(file))
      throw new UsageError(`${file} is not there`, 'make it with scripts/corpus-manifest.ts');
    const found = sha256Hex(readFileSync(file));
    pins.push(pin('corpus.manifestSha256', arena.corpus.manifestSha256, found));
  }
  return { pins, weights: text };
}

/** An arena file's text with its open and moved pins set; everything else stays as it was written. */
export function pinnedText(text: string, { images }: Arena, pins: readonly Pin[]): string {
  let out = text;
  for (const { name, found, state } of pins) {
    if (state === 'same') continue;
    if (name === 'images.baseline' || name === 'images.reference') {
      const field = name.slice('images.'.length) as 'baseline' | 'reference';
      const tagged = images[field].split('@')[0]!;
      const at = new RegExp(`("${field}"\\s*:\\s*)"[^"]*"`);
      out = out.replace(at, (_, key: string) => `${key}"${tagged}@${found}"`);
    } else if (name === 'corpus.manifestSha256')
      out = out.replace(
        /("manifestSha256"\s*:\s*)(?:null|"[0-9a-f]{64}")/,
        (_, key: string) => `${key}"${found}"`,
      );
  }
  return out;
}
