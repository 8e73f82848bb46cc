// The repositories that a process reads from, each opened once: one has one token, and one pace.
import { splitReference } from '../../schema/image-ref.ts';
import { ImageError } from '../errors.ts';
import { Repository } from './registry.ts';

/** Opens repositories by what people write, and keeps them. */
export class Repositories {
  readonly #open = new Map<string, Repository>();
  readonly #loopback: boolean;

  /** `loopback` allows registries of this machine, over plain HTTP: for tests and demos. */
  constructor(loopback: boolean) {
    this.#loopback = loopback;
  }

  /** The repository of a reference. Throws `BAD_TARGET` for what is none. */
  of(image: string): Repository {
    const place = splitReference(image);
    if (!place)
      throw new ImageError(
        'BAD_TARGET',
        'usage',
        `${image} is no image reference`,
        'write it as [registry.host/]path',
      );
    const key = `${place.host}/${place.path}`;
    const found = this.#open.get(key) ?? new Repository(place, this.#loopback);
    this.#open.set(key, found);
    return found;
  }
}
