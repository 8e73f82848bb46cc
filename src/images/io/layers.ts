// Reading of image layers as they arrive: sizes, digests and marks of their files.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { Duplex, type Readable, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { z } from 'zod';
import { writeWhole } from '../../node/atomic-file.ts';
import { FILE_MARK } from '../../schema/content-mark.ts';
import { wrongBytes } from '../errors.ts';
import type { LayerDescriptor, LayerScan, ScanResult } from '../image-store.ts';
import { TarHasher } from '../tar.ts';
import { openCacheFolder } from './old-files.ts';
import { unzstd } from './zstd.ts';

const scanSchema = z.object({
  diffId: z.string(),
  bytes: z.number(),
  special: z.boolean(),
  files: z.array(z.string().regex(FILE_MARK)),
});
/** A fault of the layer itself, however often it is fetched. */
class LayerFault extends Error {}

const passing = (look: (part: Buffer) => void): Transform =>
  new Transform({
    transform: (part: Buffer, _encoding, done) => {
      try {
        look(part);
        done(null, part);
      } catch (error) {
        done(error as Error);
      }
    },
  });

/** Lets through no more than a descriptor says there is: a registry may send for ever. */
function counted({ digest, size }: LayerDescriptor, moved: (bytes: number) => void): Transform {
  let left = size;
  return passing((part) => {
    moved(part.length);
    left -= part.length;
    if (left < 0) throw wrongBytes(digest);
  });
}

/**
 * Hands a blob on to a writer, and says whether its bytes match its digest. Throws where the blob
 * broke off, or is longer than it may be.
 */
export async function relayBlob(
  source: Readable,
  layer: LayerDescriptor,
  to: Writable,
  moved: (bytes: number) => void = () => undefined,
): Promise<boolean> {
  const hash = createHash('sha256');
  await pipeline([source, counted(layer, moved), passing((part) => void hash.update(part)), to]);
  return `sha256:${hash.digest('hex')}` === layer.digest;
}

/**
 * Whether a registry sends the blob of a digest at all: only then the image is at fault for what is
 * wrong with the blob.
 */
export function isBlob(
  source: Readable,
  layer: LayerDescriptor,
  moved?: (bytes: number) => void,
): Promise<boolean> {
  return relayBlob(
    source,
    layer,
    new Writable({ write: (_part, _encoding, done) => done() }),
    moved,
  );
}

/** What unpacks a layer of a media type: nothing where it is a plain tar. */
function unpackers(mediaType: string): Duplex[] {
  if (mediaType.endsWith('gzip')) return [createGunzip()];
  return mediaType.endsWith('zstd') ? [Duplex.from(unzstd)] : [];
}

/**
 * Reads a layer as it arrives and keeps nothing of it but hashes. Nothing is written to disk before
 * its real size is known: a megabyte of gzip may be a gigabyte, and the manifest tells only the
 * megabyte. `maxBytes` limits its unpacked size. Throws where the bytes broke off or are others
 * than the digest's; bytes that do not unpack are the layer's fault, once `isBlob` confirms that
 * they are the layer. `moved` counts progress: bytes that came, and a tenth of their unpacked
 * bytes, because unpacking takes us time too.
 */
export async function scanLayer(
  source: Readable,
  layer: LayerDescriptor,
  maxBytes: number,
  moved: (bytes: number) => void = () => undefined,
): Promise<ScanResult> {
  const packed = createHash('sha256');
  const unpacked = createHash('sha256');
  const tar = new TarHasher();
  let bytes = 0;
  let read = 0;
  const look = (part: Buffer): void => {
    read += part.length;
    packed.update(part);
  };
  const unpack = unpackers(layer.mediaType);
  const sink = new Writable({
    write: (part: Buffer, _encoding, done) => {
      bytes += part.length;
      moved(part.length / 10);
      unpacked.update(part);
      tar.push(part);
      if (bytes > maxBytes)
        done(new LayerFault(`it unpacks to more than ${(maxBytes / 1e9).toFixed(1)} GB`));
      else
        done(
          tar.fault === null
            ? null
            : new LayerFault(`the layer ${layer.digest} is refused: ${tar.fault}`),
        );
    },
  });
  try {
    await pipeline([source, counted(layer, moved), passing(look), ...unpack, sink]);
    tar.end();
    if (tar.fault !== null)
      throw new LayerFault(`the layer ${layer.digest} is refused: ${tar.fault}`);
  } catch (error) {
    if (error instanceof LayerFault) return { ok: false, reason: error.message };
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (!/^Z_|^ERR_ZSTD|^ZSTD|^ERR__ERROR/.test(code)) throw error;
    return {
      ok: false,
      reason: `the layer ${layer.digest} does not unpack: ${message}`.slice(0, 200),
    };
  }
  if (`sha256:${packed.digest('hex')}` !== layer.digest) throw wrongBytes(layer.digest);
  // An engine waits for the bytes that are missing.
  if (read !== layer.size)
    return {
      ok: false,
      reason: `the layer ${layer.digest} has ${read} bytes, its manifest says ${layer.size}`,
    };
  return {
    ok: true,
    scan: {
      diffId: `sha256:${unpacked.digest('hex')}`,
      bytes,
      special: tar.special,
      files: [...tar.files].sort(),
    },
  };
}

/**
 * Remembers scans by the layer's digest: images share layers, and incumbents come back every round.
 */
export class ScanCache {
  readonly #folder: string;
  constructor(folder: string) {
    this.#folder = folder;
    openCacheFolder(folder, '.json');
  }

  // The type decides what is unpacked: a plain and a packed reading of the same bytes are two. A
  // size that another manifest claims was not read.
  #path({ digest, mediaType, size }: LayerDescriptor): string {
    return join(
      this.#folder,
      `${digest.replace('sha256:', '')}.${size}.${mediaType.replace(/[^a-z0-9]+/gi, '-')}.json`,
    );
  }

  get(layer: LayerDescriptor): LayerScan | null {
    const path = this.#path(layer);
    if (!existsSync(path)) return null;
    try {
      const scan = scanSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
      utimesSync(path, new Date(), new Date());
      return scan;
    } catch {
      return null; // cut by a crash, or written by older code: scanned again
    }
  }

  put(layer: LayerDescriptor, scan: LayerScan): void {
    writeWhole(this.#path(layer), JSON.stringify(scan));
  }
}
