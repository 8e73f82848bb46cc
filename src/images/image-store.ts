// Interface to registries and the local engine: reading, pulling and removing images.
import type { Progress } from '../core/log.ts';
import type { ImageRef } from '../schema/image-ref.ts';

/** Something of a registry, or that it says there is no such thing (for us). */
export type Found<T> =
  | { readonly state: 'found'; readonly value: T }
  | { readonly state: 'gone'; readonly detail: string };

/**
 * What is in a layer: its uncompressed size and digest, whether it has devices or pipes, and marks
 * of its files' contents.
 */
export type LayerScan = {
  readonly diffId: string;
  readonly bytes: number;
  readonly special: boolean;
  readonly files: readonly string[];
};
/** A layer that was read, or why it is none: the layer is the miner's, so its fault is a value. */
export type ScanResult =
  { readonly ok: true; readonly scan: LayerScan } | { readonly ok: false; readonly reason: string };
export type LayerDescriptor = {
  readonly digest: string;
  readonly mediaType: string;
  readonly size: number;
};
/** Bytes of an image's layers: as a registry has them, and unpacked. */
export type ImageSize = { readonly packedBytes: number; readonly unpackedBytes: number };
/**
 * How far the reading of one image is: a registry has so much time for all its layers, not for
 * each.
 */
export type RegistryPace = { readonly begunNs: bigint; movedBytes: number };
/** What a layer may unpack to, and the reading that it belongs to. */
export type ScanLimits = { readonly maxBytes: number; readonly pace: RegistryPace };
/** What became of a pull: the engine may also be unable to unpack what we could read. */
export type Pulled = Found<LocalImage> | { readonly state: 'refused'; readonly detail: string };
/**
 * An image on this machine, as its engine understands it: the engine's reader is another than ours,
 * and the engine runs the image.
 */
export type LocalImage = {
  readonly id: string;
  readonly diffIds: readonly string[];
  readonly env: readonly string[];
  readonly volumes: readonly string[];
  readonly onBuild: readonly string[];
  readonly start: {
    readonly entrypoint: readonly string[];
    readonly cmd: readonly string[];
    readonly workingDir: string;
  };
};

/**
 * Reads and fetches images. Throws `REGISTRY` where a registry or the network fails: that is an
 * infrastructure fault.
 */
export interface ImageStore {
  /** Text of a manifest or index, checked against its digest. */
  manifest(ref: ImageRef): Promise<Found<string>>;
  /** Text of the configuration with this digest, checked against it. */
  config(ref: ImageRef): Promise<Found<string>>;
  /** The beginning of reading an image. */
  pace(): RegistryPace;
  /**
   * Reads a layer without keeping it. Throws `REGISTRY` also where the whole image falls behind its
   * pace.
   */
  scan(image: string, layer: LayerDescriptor, limits: ScanLimits): Promise<Found<ScanResult>>;
  /**
   * Makes an image be on this machine, within the time that its size allows; tells how far it is.
   * `refused` is the image's own fault.
   */
  pull(ref: ImageRef, size: ImageSize, progress: (step: Progress) => void): Promise<Pulled>;
  /**
   * Removes every image from this machine that `pull` ever brought to it, but those of these ids, and
   * those that are still somebody's: `others`.
   */
  tidy(keep: ReadonlySet<string>, others?: readonly ImageRef[]): Promise<void>;
}
