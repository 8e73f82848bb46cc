// Tests of the tar reader for image layers, and of the capture of a server's output.
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { pack, type Header } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { LogKeeper, demultiplex } from '../sandbox/io/attach.ts';
import { PassThrough } from 'node:stream';
import { TarHasher } from './tar.ts';

const hashOf = (text: string): string =>
  `${createHash('sha256').update(text).digest('hex').slice(0, 16)}:${text.length}`;
async function tar(
  entries: readonly [Partial<Header> & { name: string }, string?][],
): Promise<Buffer> {
  const packed = pack();
  for (const [header, content] of entries) packed.entry(header, content ?? '');
  packed.finalize();
  const parts: Buffer[] = [];
  for await (const part of packed as unknown as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts);
}
function hashed(bytes: Buffer, step = bytes.length): TarHasher {
  const hasher = new TarHasher();
  for (let at = 0; at < bytes.length; at += step) hasher.push(bytes.subarray(at, at + step));
  hasher.end();
  return hasher;
}
/** One raw entry, with a right checksum. */
function raw(type: string, size: number, data = Buffer.alloc(0), name = 'x'): Buffer {
  const block = Buffer.alloc(512);
  block.write(name, 0);
  block.write('0000644\0', 100);
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  block.write(type, 156);
  block.write('ustar\x0000', 257);
  block.fill(' ', 148, 156);
  block.write(
    `${block
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  );
  return Buffer.concat([block, data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
}
const END = Buffer.alloc(1024);

describe('the files of a layer', () => {
  it('are hashed by content, however the tar arrives', async () => {
    const bytes = await tar([
      [{ name: 'a' }, 'one'],
      [{ name: 'folder', type: 'directory' }],
      [{ name: `${'long/'.repeat(60)}name` }, 'two'],
      [{ name: 'link', type: 'symlink', linkname: 'a' }],
      [{ name: 'empty' }, ''],
    ]);
    for (const step of [1, 7, 511, 513, bytes.length]) {
      const { files, fault } = hashed(bytes, step);
      expect(fault).toBeNull();
      expect([...files].sort()).toEqual([hashOf('one'), hashOf('two')].sort());
    }
  });
  it.each([
    [
      'a global header, which some readers apply and some do not',
      Buffer.concat([raw('g', 14, Buffer.from('14 size=1024\n\n')), END]),
    ],
    ['a sparse file by its type', Buffer.concat([raw('S', 0), END])],
    [
      'a sparse file by its header',
      Buffer.concat([raw('x', 22, Buffer.from('22 GNU.sparse.major=1\n')), END]),
    ],
    ['data behind a link', Buffer.concat([raw('2', 3, Buffer.from('abc')), END])],
    ['an unknown type', Buffer.concat([raw('Z', 0), END])],
    ['an entry after the end', Buffer.concat([Buffer.alloc(512), raw('0', 0), END])],
    ['a wrong checksum', Buffer.concat([Buffer.from(raw('0', 0)).fill('y', 0, 1), END])],
    ['gzip inside', Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0]), Buffer.alloc(1024)])],
    ['a cut', raw('0', 1000, Buffer.alloc(200))],
    ['an entry without a name', Buffer.concat([raw('0', 3, Buffer.from('abc'), ''), END])],
    [
      'a folder with data by an old type',
      Buffer.concat([raw('\0', 3, Buffer.from('abc'), 'folder/'), END]),
    ],
  ])('refuses %s', (_, bytes) => expect(hashed(bytes).fault).not.toBeNull());
  it('takes the second of two extended headers, as Go does', () => {
    const second = Buffer.from('9 path=y\n');
    const bytes = Buffer.concat([
      raw('x', 12, Buffer.from('12 size=512\n')),
      raw('x', second.length, second),
      raw('0', 3, Buffer.from('abc')),
      END,
    ]);
    expect([...hashed(bytes).files]).toEqual([hashOf('abc')]);
  });
  it('never throws, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 4096 }),
        fc.integer({ min: 1, max: 600 }),
        (bytes, step) => {
          hashed(Buffer.concat([raw('0', 3, Buffer.from('abc')), Buffer.from(bytes)]), step);
        },
      ),
      { numRuns: Number(process.env['SOAK_FUZZ'] ?? 300) },
    );
  });
});

describe('what a server prints', () => {
  it('is kept at both ends, in memory of a fixed size, a byte at a time as well', () => {
    const keeper = new LogKeeper();
    const text = Buffer.from(Array.from({ length: 400_000 }, (_, i) => 97 + (i % 26)));
    for (let at = 0; at < text.length; at++) keeper.add(text.subarray(at, at + 1));
    const kept = Buffer.from(keeper.bytes()).toString();
    expect(kept).toMatch(/bytes left out/);
    expect(kept.startsWith(text.subarray(0, 64 * 1024).toString())).toBe(true);
    expect(kept.endsWith(text.subarray(-192 * 1024).toString())).toBe(true);
    const small = new LogKeeper();
    small.add(Buffer.from('hello '));
    small.add(Buffer.from('world'));
    expect(Buffer.from(small.bytes()).toString()).toBe('hello world');
  });
  it('comes in frames, of which a million small ones overflow nothing', async () => {
    const frame = Buffer.from([1, 0, 0, 0, 0, 0, 0, 1, 65]);
    const stream = new PassThrough();
    let bytes = 0;
    demultiplex(stream, (kind, data) => (bytes += kind === 1 ? data.length : 0));
    stream.write(Buffer.concat(Array.from({ length: 200_000 }, () => frame)));
    stream.write(frame.subarray(0, 5));
    stream.end(frame.subarray(5));
    await new Promise((done) => stream.on('end', done));
    expect(bytes).toBe(200_001);
  });
});
