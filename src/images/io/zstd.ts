// Decompression of zstd streams with any number of frames.
import { pipeline } from 'node:stream/promises';
import { createZstdDecompress } from 'node:zlib';

/**
 * Frames of RFC 8878: one of data, and those with other things (tables of contents), which a reader
 * skips.
 */
const FRAME = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;

class FrameFault extends Error {
  readonly code = 'ZSTD_FRAME';
}

/**
 * Unpacks zstd of any number of frames, as the tools of containers write it. Node's own stops after
 * the first one, and would see less of a layer than the engine that unpacks it.
 */
export async function* unzstd(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const input = new Input(source);
  while (await input.has(1)) {
    const magic = (await input.take(4)).readUInt32LE();
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) {
      const size = (await input.take(4)).readUInt32LE();
      await input.skip(size);
      continue;
    }
    if (magic !== FRAME) throw new FrameFault('bytes that are no zstd frame');
    const unpack = createZstdDecompress();
    const fed = pipeline(frame(input), unpack);
    fed.catch(() => undefined); // its fault ends the loop below
    yield* unpack as AsyncIterable<Buffer>;
    await fed;
  }
}

/** The bytes of one frame, from its magic on, found by the sizes of its blocks. */
async function* frame(input: Input): AsyncGenerator<Buffer> {
  const magic = Buffer.alloc(4);
  magic.writeUInt32LE(FRAME);
  yield magic;
  const descriptor = await input.take(1);
  yield descriptor;
  const flags = descriptor[0]!;
  const single = (flags & 0x20) !== 0;
  const sizeBytes = [single ? 1 : 0, 2, 4, 8][flags >> 6]!;
  const rest = (single ? 0 : 1) + [0, 1, 2, 4][flags & 3]! + sizeBytes;
  if (rest > 0) yield await input.take(rest);
  for (;;) {
    const header = await input.take(3);
    yield header;
    const bits = header.readUIntLE(0, 3);
    const runLength = ((bits >> 1) & 3) === 1;
    yield* input.pass(runLength ? 1 : bits >> 3);
    if ((bits & 1) === 1) break;
  }
  if ((flags & 4) !== 0) yield await input.take(4);
}

/** Bytes that are taken in pieces of their reader's choice. */
class Input {
  readonly #source: AsyncIterator<Buffer, undefined>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
  }

  async has(bytes: number): Promise<boolean> {
    while (this.#rest.length < bytes) {
      const next = await this.#source.next();
      if (next.done === true) return false;
      this.#rest = this.#rest.length === 0 ? next.value : Buffer.concat([this.#rest, next.value]);
    }
    return true;
  }

  async take(bytes: number): Promise<Buffer> {
    if (!(await this.has(bytes))) throw new FrameFault('a zstd frame is cut');
    const taken = this.#rest.subarray(0, bytes);
    this.#rest = this.#rest.subarray(bytes);
    return taken;
  }

  /** So many bytes, as they come. */
  async *pass(bytes: number): AsyncGenerator<Buffer> {
    for (let left = bytes; left > 0;) {
      if (!(await this.has(1))) throw new FrameFault('a zstd frame is cut');
      const part = await this.take(Math.min(left, this.#rest.length));
      left -= part.length;
      yield part;
    }
  }
  async skip(bytes: number): Promise<void> {
    const passed = this.pass(bytes);
    while ((await passed.next()).done !== true);
  }
}
