import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Which images on this machine we brought to it, by the digest they were asked for by and their id here. Remembered on disk, so that those of a
 * killed evaluation, or of a former winner, go too. One line each: the id, a space, the digest.
 */
export class Brought {
  readonly #path: string;
  constructor(folder: string) {
    this.#path = join(folder, 'brought.txt');
  }

  #lines(): string[] {
    try {
      return readFileSync(this.#path, 'utf8')
        .split('\n')
        .filter((line) => line !== '');
    } catch {
      return [];
    }
  }

  ids(): string[] {
    return [...new Set(this.#lines().map((line) => line.split(' ')[0]!))];
  }

  /** The id here of what was asked for by this digest; null where that was never brought. */
  idOf(digest: string): string | null {
    return (
      this.#lines()
        .map((line) => line.split(' '))
        .findLast(([, asked]) => asked === digest)?.[0] ?? null
    );
  }

  add(id: string, digest: string): void {
    appendFileSync(this.#path, `${id} ${digest}\n`);
  }

  drop(id: string): void {
    const left = this.#lines().filter((line) => line.split(' ')[0] !== id);
    writeFileSync(this.#path, left.map((line) => `${line}\n`).join(''));
  }
}
