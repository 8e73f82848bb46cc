// The text of a reveal, as the SDK wraps it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, toHex, utf8 } from '../core/bytes.ts';
import { readRevealed } from './revealed-payload.ts';
import { compact } from './scale.ts';

const scale = (text: string): Uint8Array => concatBytes(compact(utf8(text).length), utf8(text));

describe('a revealed text', () => {
  it("is read as the SDK seals it, as bare bytes, and by the SDK's own rule", () => {
    const text = (bytes: Uint8Array): [string, string] => {
      const read = readRevealed(bytes);
      return [Buffer.from(read.bytes).toString(), read.how];
    };
    expect(text(scale('hello'))).toEqual(['hello', 'scale']);
    expect(text(scale('x'.repeat(70)))).toEqual(['x'.repeat(70), 'scale']);
    expect(text(scale('é'.repeat(389)))).toEqual(['é'.repeat(389), 'scale']);
    expect(text(utf8('{"image":1}'))).toEqual(['{"image":1}', 'bare']);
    expect(text(Buffer.concat([Uint8Array.of(0x14), utf8('{"a":1} and more')]))).toEqual([
      '{"a":1} and more',
      'lenient',
    ]);
    expect(text(Buffer.concat([Uint8Array.of(0x19, 0x01), utf8('{}')]))).toEqual(['{}', 'lenient']);
    expect(text(new Uint8Array())).toEqual(['', 'bare']);
  });

  it('any bytes are read without an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 800 }), (bytes) => {
        const read = readRevealed(bytes);
        expect(toHex(bytes).endsWith(toHex(read.bytes))).toBe(true);
      }),
    );
  });
});
