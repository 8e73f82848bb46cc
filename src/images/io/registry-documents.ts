// Manifests and configurations straight from a registry, without an engine: what anybody can look at.
import type { ImageDocuments } from '../image-documents.ts';
import type { Found } from '../image-store.ts';
import { Repositories } from './repositories.ts';

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
  const repositories = new Repositories(loopback);
  return {
    manifest: ({ image, digest }) => repositories.of(image).manifest(digest),
    config: ({ image, digest }) => repositories.of(image).text(digest),
    digestOf: (image) => repositories.of(image).digestOf(tagOf(image)),
  };
}
