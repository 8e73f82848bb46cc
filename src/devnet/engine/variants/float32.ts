// An honest engine that adds in float32, in blocks of a row: other last bits, the same model.
import type { Kernel } from '../kernels.ts';
import type { Variant } from '../variant.ts';

/**
 * Sums in float32: each block of a row is added up by itself, then the blocks, as a GPU's threads
 * would. Other last bits than binary64 gives.
 */
const float32Blocks =
  (block: number): Kernel =>
  (...matrices) => {
    const [x, w, out, rows, depth, columns] = matrices;
    const dot = (t: number, n: number): number => {
      let sum = 0;
      for (let from = 0; from < depth; from += block) {
        let part = 0;
        for (let k = from; k < Math.min(depth, from + block); k++)
          part = Math.fround(part + Math.fround(x[t * depth + k]! * w[n * depth + k]!));
        sum = Math.fround(sum + part);
      }
      return sum;
    };
    for (let t = 0; t < rows; t++)
      for (let n = 0; n < columns; n++) out[t * columns + n] = dot(t, n);
  };

export const float32: Variant = {
  name: 'float32',
  about: 'sums in float32, in blocks of eight: other last bits, the same model',
  honest: true,
  kernel: float32Blocks(8),
};

export const float32Wide: Variant = {
  name: 'float32-64',
  about: 'sums in float32, in blocks of 64: other last bits, the same model',
  honest: true,
  kernel: float32Blocks(64),
};
