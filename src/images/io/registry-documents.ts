// Manifests and configurations straight from a registry, without an engine: what anybody can look at.
import { splitReference } from '../../schema/image-ref.ts';
import { ImageError } from '../errors.ts';
import type { ImageDocuments } from '../image-documents.ts';
import type { Found } from '../image-store.ts';
import { Repository } from './registry.ts';

/** Documents of images, and what their tags stand for. Throws `REGISTRY` where a registry fails. */
export type RegistryDocuments = ImageDocuments & {
  /** The digest that a tag stands for now: `latest` where the reference names none. */
  readonly digestOf: (image: string) => Promise<Found<string>>;
};

/** The tag of a reference without a digest; `latest` where it names none. */
export function tagOf(image: string): string {
  return /:([^/:]+)$/.exec(image)?.[1] ?? 'latest';
}

/** Reads registries directly. `loopback` allows those of this machine, over plain HTTP: for tests. */
export function registryDocuments(loopback: boolean): RegistryDocuments {
  const repositories = new Map<string, Repository>();
  const of = (image: string): Repository => {
    const place = splitReference(image);
    if (!place)
      throw new ImageError(
        'BAD_TARGET',
        'usage',
        `${image} is no image reference`,
        'write it as [registry.host/]path',
      );
    const key = `${place.host}/${place.path}`;
    const found = repositories.get(key) ?? new Repository(place, loopback);
    repositories.set(key, found);
    return found;
  };
  return {
    manifest: ({ image, digest }) => of(image).manifest(digest),
    config: ({ image, digest }) => of(image).text(digest),
    digestOf: (image) => of(image).digestOf(tagOf(image)),
  };
}
