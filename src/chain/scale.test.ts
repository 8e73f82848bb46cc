// SCALE's compact numbers, written and read.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compact, readCompact } from './scale.ts';

describe('compact numbers', () => {
  it('go there and back, in the shortest form only', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 30 - 1), (value) => {
        const bytes = compact(value);
        expect(readCompact(bytes)).toEqual({ value, size: bytes.length });
      }),
    );
    expect(readCompact(Uint8Array.of(0x01, 0x00))).toBeNull(); // 0 in two bytes
    expect(readCompact(new Uint8Array())).toBeNull();
    expect(readCompact(Uint8Array.of(3, 0, 0, 0, 0))).toBeNull();
  });
});
