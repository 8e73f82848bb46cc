// Strict tar reader that hashes the files of an image layer as a stream.
import { createHash, type Hash } from 'node:crypto';
import { fileMark } from '../schema/content-mark.ts';

const BLOCK = 512;
/** Names and extended headers: a real one has some hundred bytes. */
const MAX_META = 1024 * 1024;
/** What the headers that describe the next entry are kept as; others of that kind hold nothing. */
const META_HEADERS: Readonly<Record<string, 'pax' | 'name'>> = { x: 'pax', L: 'name' };
/** Entries of one layer: a real one has some ten thousand. */
const MAX_ENTRIES = 2_000_000;
/**
 * Compressed bytes in a layer that claims to be plain: an engine would unpack them without a limit,
 * whatever the label says.
 */
const MAGIC = [
  [0x1f, 0x8b],
  [0x28, 0xb5, 0x2f, 0xfd],
  [0x42, 0x5a, 0x68],
  [0xfd, 0x37, 0x7a, 0x58, 0x5a],
];

type Entry = {
  readonly kind: 'file' | 'pax' | 'name' | 'nothing';
  readonly bytes: number;
  left: number;
  padding: number;
  hash: Hash | null;
  meta: Buffer[];
};

/**
 * Hashes the files of a tar as it arrives: `files` holds a mark of each content. Stricter than any
 * unpacker: a form that two readers could understand differently (global and sparse headers, data
 * behind links, unknown types) is refused, because files hidden from the fingerprint are how a copy
 * would pass for new.
 */
export class TarHasher {
  readonly files = new Set<string>();
  /**
   * Whether the tar holds a device or a pipe: an engine that opens one as a file of users would
   * hang, or make the device act on the host.
   */
  special = false;
  /** Why this is no tar that we read; nothing is read after it. */
  fault: string | null = null;
  #block = Buffer.alloc(0);
  #entry: Entry | null = null;
  #paxSize: number | null = null;
  #renamed = false;
  #zeros = 0;
  #entries = 0;
  #begun = false;

  push(part: Buffer): void {
    let at = 0;
    while (at < part.length && this.fault === null) {
      if (this.#zeros === 2) return; // the end; what follows is padding
      const entry = this.#entry;
      if (!entry) {
        const take = Math.min(BLOCK - this.#block.length, part.length - at);
        this.#block = Buffer.concat([this.#block, part.subarray(at, at + take)]);
        at += take;
        if (this.#block.length < BLOCK) return;
        const block = this.#block;
        this.#block = Buffer.alloc(0);
        this.#header(block);
        continue;
      }
      const data = Math.min(entry.left, part.length - at);
      if (data > 0) {
        const bytes = part.subarray(at, at + data);
        entry.hash?.update(bytes);
        if (entry.kind === 'pax') entry.meta.push(Buffer.from(bytes));
        entry.left -= data;
        at += data;
      }
      const skip = entry.left === 0 ? Math.min(entry.padding, part.length - at) : 0;
      entry.padding -= skip;
      at += skip;
      if (entry.left === 0 && entry.padding === 0) this.#end(entry);
    }
  }

  /** No more comes. */
  end(): void {
    if (this.#zeros < 2 && (this.#entry !== null || this.#block.length > 0))
      this.fault ??= 'the tar is cut';
  }

  #refuse(fault: string): void {
    this.fault ??= fault;
  }

  #header(block: Buffer): void {
    const fault = this.#frameFault(block);
    if (fault !== null) {
      this.#refuse(fault);
      return;
    }
    if (this.#zeros > 0) return;
    const type = String.fromCharCode(block[156]!);
    const isMeta = type === 'x' || type === 'L' || type === 'K';
    const own = sizeOf(block.subarray(124, 136));
    const size = isMeta ? own : (this.#paxSize ?? own);
    if (size === null || !Number.isSafeInteger(size) || size < 0) {
      this.#refuse('a tar entry of no size');
      return;
    }
    if (isMeta) this.#meta(type, size);
    else this.#item(block, type, size);
  }

  /** What is wrong with a block as the next header of a tar; null where nothing is. */
  #frameFault(block: Buffer): string | null {
    if (!this.#begun && MAGIC.some((magic) => magic.every((byte, i) => block[i] === byte)))
      return 'compressed once more than its type says';
    this.#begun = true;
    if (block.every((byte) => byte === 0)) {
      this.#zeros++;
      return null;
    }
    if (this.#zeros > 0) return 'an entry after the end of the tar';
    this.#entries++;
    if (this.#entries > MAX_ENTRIES) return `more than ${MAX_ENTRIES} entries`;
    const sum = block.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
    return sum === octal(block.subarray(148, 156)) ? null : 'a tar header with a wrong checksum';
  }

  /** A header that says something of the entry after it. */
  #meta(type: string, size: number): void {
    // Of two extended headers in a row the second one counts alone, as Go has it.
    if (type === 'x') this.#paxSize = null;
    if (size > MAX_META) this.#refuse('an extended tar header larger than a megabyte');
    else this.#begin(META_HEADERS[type] ?? 'nothing', size);
  }

  /** A file, a folder, a link or a device. */
  #item(block: Buffer, type: string, size: number): void {
    const renamed = this.#renamed;
    if (!renamed && block[0] === 0) {
      this.#refuse('a tar entry without a name');
      return;
    }
    this.#paxSize = null;
    this.#renamed = false;
    const name = block.subarray(0, 100).toString('latin1').split('\0')[0]!;
    const isFolder = type === '\0' && (renamed || name.endsWith('/'));
    if (type === '0' || type === '7' || (type === '\0' && !isFolder)) this.#begin('file', size);
    else if ((isFolder || /^[1-6]$/.test(type)) && size === 0) {
      this.special ||= /^[346]$/.test(type);
      this.#begin('nothing', size);
    } else
      this.#refuse(`a tar entry of type ${JSON.stringify(type)}${size > 0 ? ' with data' : ''}`);
  }

  #begin(kind: Entry['kind'], size: number): void {
    const entry: Entry = {
      kind,
      bytes: size,
      left: size,
      padding: (BLOCK - (size % BLOCK)) % BLOCK,
      hash: kind === 'file' ? createHash('sha256') : null,
      meta: [],
    };
    this.#entry = entry;
    if (size === 0) this.#end(entry);
  }

  #end(entry: Entry): void {
    this.#entry = null;
    // Empty files are everywhere and tell nothing.
    if (entry.hash && entry.kind === 'file') {
      const hex = entry.hash.digest('hex');
      if (hex !== EMPTY) this.files.add(fileMark(hex, entry.bytes));
    }
    if (entry.kind === 'name') this.#renamed = true;
    if (entry.kind === 'pax') this.#pax(Buffer.concat(entry.meta));
  }

  /** Records "<length> <key>=<value>\n" of an extended header. */
  #pax(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      const space = bytes.indexOf(0x20, at);
      const length = Number(bytes.subarray(at, space < 0 ? at : space).toString('latin1'));
      if (space < 0 || !Number.isSafeInteger(length) || length < 5 || at + length > bytes.length) {
        this.#refuse('a malformed extended tar header');
        return;
      }
      const record = bytes.subarray(space + 1, at + length - 1).toString('latin1');
      at += length;
      const key = record.slice(0, record.indexOf('='));
      const value = record.slice(key.length + 1);
      if (key === 'path') this.#renamed = true;
      if (key.startsWith('GNU.sparse')) this.#refuse('a sparse file');
      if (key !== 'size') continue;
      if (!/^\d{1,15}$/.test(value)) this.#refuse('an extended tar header of no size');
      this.#paxSize = Number(value);
    }
  }
}

const EMPTY = createHash('sha256').digest('hex');

function octal(field: Buffer): number | null {
  const text = field.toString('latin1').replace(/^[ \0]+|[ \0]+$/g, '');
  if (text === '') return 0;
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : null;
}

/** A size: octal, or for large ones big-endian with the first bit set. */
function sizeOf(field: Buffer): number | null {
  if ((field[0]! & 0x80) === 0) return octal(field);
  let value = field[0]! & 0x7f;
  for (const byte of field.subarray(1)) value = value * 256 + byte;
  return value;
}
