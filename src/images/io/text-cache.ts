// Manifests and configurations that were read once, by their digests.
import { existsSync, readFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { sha256Hex } from '../../core/hash.ts';
import { writeWhole } from '../../node/atomic-file.ts';
import { openCacheFolder } from './old-files.ts';

/**
 * Texts on disk by the repository that gave them and the sha256 of their bytes. A digest says
 * everything about its text, so what was read once needs no registry any more: an incumbent cannot
 * hide behind its own (RULES "Hiding"). Not by the digest alone: that a text stands in a repository
 * where no miner can push is what makes it a base (RULES "Bases").
 */
export class TextCache {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    openCacheFolder(folder);
  }

  #path(repository: string, digest: string): string {
    const place = sha256Hex(Buffer.from(repository)).slice(0, 16);
    return join(this.#folder, `${place}-${digest.replace('sha256:', '')}`);
  }

  /** The text of a digest; null where it was never read, or its file is another one by now. */
  get(repository: string, digest: string): string | null {
    const path = this.#path(repository, digest);
    if (!existsSync(path)) return null;
    const bytes = readFileSync(path);
    if (`sha256:${sha256Hex(bytes)}` !== digest) return null;
    utimesSync(path, new Date(), new Date());
    return bytes.toString('utf8');
  }

  put(repository: string, digest: string, text: string): void {
    // A text that is no UTF-8 would be another one here.
    if (`sha256:${sha256Hex(Buffer.from(text))}` === digest)
      writeWhole(this.#path(repository, digest), text);
  }
}
