// An honest engine made faster by tiled matrix multiplication.
import { tiled } from '../kernels.ts';
import type { Variant } from '../variant.ts';

export const fast: Variant = {
  name: 'fast',
  about: 'tiled loops, the same tokens',
  honest: true,
  kernel: tiled,
};
