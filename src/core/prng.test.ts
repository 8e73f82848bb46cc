// Draws from a seed and a label.
import { describe, expect, it } from 'vitest';
import { toHex } from './bytes.ts';
import { Prng } from './prng.ts';

const counting = Uint8Array.from({ length: 32 }, (_, i) => i);

describe('the generator of a seed', () => {
  it('gives the published first bytes', () => {
    expect(toHex(new Prng(new Uint8Array(32), 'prompts').bytes(40))).toBe(
      '17b7935be1ec73c88cf5d63056ec396b069cc49bca9e5fd91b9f6c9dce5388664d5f0ae1ab288c4b',
    );
  });
  it('gives the published draws, shuffle and sample', () => {
    const draws = new Prng(counting, 'prompts');
    expect(Array.from({ length: 16 }, () => draws.below(10))).toEqual([
      4, 7, 6, 2, 0, 2, 9, 3, 3, 7, 2, 8, 4, 6, 6, 1,
    ]);
    expect(new Prng(counting, 'order').shuffle([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])).toEqual([
      8, 3, 1, 2, 9, 4, 5, 0, 6, 7,
    ]);
    const last = new Prng(new Uint8Array(32).fill(0xff), '');
    expect(
      last.sample(
        Array.from({ length: 100 }, (_, i) => i),
        5,
      ),
    ).toEqual([57, 13, 11, 99, 4]);
    expect(last.u32()).toBe(3002607644);
  });
  it('draws once for below(1), and takes the whole range of 2^32', () => {
    const one = new Prng(counting, 'x');
    const other = new Prng(counting, 'x');
    expect(one.below(1)).toBe(0);
    other.u32();
    expect(one.below(0x1_0000_0000)).toBe(other.u32());
    expect(() => one.below(0)).toThrow(RangeError);
  });
});
