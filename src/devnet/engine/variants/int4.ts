// A cheating engine that serves weights quantised to 4 bits.
import { tiled } from '../kernels.ts';
import { quantise } from '../quantise.ts';
import type { Variant } from '../variant.ts';

export const int4: Variant = {
  name: 'int4',
  about: 'weights rounded to 4 bits: would save memory traffic, changes tokens',
  honest: false,
  altersTokens: true,
  kernel: tiled,
  alter: (weights) => quantise(weights, 7),
};
