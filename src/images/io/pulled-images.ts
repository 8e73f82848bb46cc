// List on disk of the images that this program pulled, so that old images can be removed.
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

type Line = { readonly id: string; readonly name: string };

/**
 * Which images on this machine we brought to it, and what they are called here since then.
 * Remembered on disk, so that those of a killed evaluation, or of a former winner, go too. One line
 * each: the image's id, a space, the name it was pulled by (which ends in its digest).
 */
export class PulledImages {
  readonly #path: string;
  constructor(folder: string) {
    this.#path = join(folder, 'brought.txt');
  }

  all(): Line[] {
    try {
      return readFileSync(this.#path, 'utf8')
        .split('\n')
        .flatMap((line) => {
          const [id, name] = line.split(' ');
          return id && name ? [{ id, name }] : [];
        });
    } catch {
      return [];
    }
  }

  /** What the image of this digest is called here; null where it was never brought. */
  nameOf(digest: string): string | null {
    return this.all().findLast(({ name }) => name.endsWith(`@${digest}`))?.name ?? null;
  }

  add(line: Line): void {
    appendFileSync(this.#path, `${line.id} ${line.name}\n`);
  }

  drop(name: string): void {
    const left = this.all().filter((line) => line.name !== name);
    writeFileSync(this.#path, left.map((line) => `${line.id} ${line.name}\n`).join(''));
  }
}
