import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { extract } from 'tar-stream';
import { z } from 'zod';
import { messageOf } from '../../core/errors.ts';
import type { LayerScan, ScanResult } from '../image-store.ts';

/** Characters of a file's hash that are kept. */
const HASH_HEX = 16;
/** Entries of one layer: a real one has some ten thousand. */
const MAX_ENTRIES = 2_000_000;

const scanSchema = z.object({ diffId: z.string(), bytes: z.number(), files: z.array(z.string()) });

class LayerFault extends Error {}

/**
 * Reads a layer as it arrives and keeps nothing of it but hashes. Nothing is written to disk before its real size is known: a megabyte of gzip may
 * be a gigabyte, and the manifest tells only the megabyte. `maxBytes` is what it may unpack to. A fault is a value: the layer is the miner's.
 */
export async function scanLayer(source: Readable, mediaType: string, digest: string, maxBytes: number): Promise<ScanResult> {
  const packed = createHash('sha256');
  const unpacked = createHash('sha256');
  const files = new Set<string>();
  let bytes = 0;
  let entries = 0;
  const tar = extract();
  tar.on('entry', (header, stream, next) => {
    if (++entries > MAX_ENTRIES) {
      tar.destroy(new LayerFault(`a layer with more than ${MAX_ENTRIES} entries`));
      return;
    }
    const content = createHash('sha256');
    let size = 0;
    stream.on('data', (data) => {
      const part = data as Buffer;
      size += part.length;
      content.update(part);
    });
    stream.on('end', () => {
      // Empty files are everywhere and tell nothing.
      if (header.type === 'file' && size > 0) files.add(content.digest('hex').slice(0, HASH_HEX));
      next();
    });
    // An entry that is cut off says so a second time; without a listener that would end the whole harness.
    stream.on('error', () => undefined);
    stream.resume();
  });
  const passing = (look: (part: Buffer) => Error | null): Transform =>
    new Transform({ transform: (part: Buffer, _encoding, done) => done(look(part), part) });
  const unpack = /gzip$/.test(mediaType) ? [createGunzip()] : /zstd$/.test(mediaType) ? [createZstdDecompress()] : [];
  try {
    await pipeline([
      source,
      passing((part) => (packed.update(part), null)),
      ...unpack,
      passing((part) => {
        bytes += part.length;
        unpacked.update(part);
        return bytes > maxBytes ? new LayerFault(`it unpacks to more than ${(maxBytes / 1e9).toFixed(1)} GB`) : null;
      }),
      tar,
    ]);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    // A connection that broke is nobody's fault; bytes that do not unpack are the image's.
    if (!(error instanceof LayerFault) && !/^Z_|^ERR_|ZSTD/.test(code) && !/tar|header/i.test(messageOf(error))) throw error;
    return {
      ok: false,
      reason:
        error instanceof LayerFault ? error.message : `the layer ${digest} does not unpack: ${messageOf(error)}`.slice(0, 200),
    };
  }
  if (`sha256:${packed.digest('hex')}` !== digest) throw new Error(`the registry gave other bytes than ${digest}`);
  return { ok: true, scan: { diffId: `sha256:${unpacked.digest('hex')}`, bytes, files: [...files].sort() } };
}

/** Remembers scans by the layer's digest: images share layers, and incumbents come back every round. */
export class ScanCache {
  readonly #folder: string;
  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  #path(digest: string): string {
    return join(this.#folder, `${digest.replace('sha256:', '')}.json`);
  }

  get(digest: string): LayerScan | null {
    const path = this.#path(digest);
    if (!existsSync(path)) return null;
    try {
      return scanSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
    } catch {
      return null; // cut by a crash: scanned again
    }
  }

  put(digest: string, scan: LayerScan): void {
    const path = this.#path(digest);
    writeFileSync(`${path}.${process.pid}.new`, JSON.stringify(scan));
    renameSync(`${path}.${process.pid}.new`, path);
  }
}
