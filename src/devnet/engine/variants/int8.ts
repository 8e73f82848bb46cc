// A cheating engine that serves weights quantised to 8 bits.
import { tiled } from '../kernels.ts';
import { quantise } from '../quantise.ts';
import type { Variant } from '../variant.ts';

export const int8: Variant = {
  name: 'int8',
  about: 'weights rounded to 8 bits: would save memory traffic, changes few tokens',
  honest: false,
  altersTokens: 'seldom',
  kernel: tiled,
  alter: (weights) => quantise(weights, 127),
};
