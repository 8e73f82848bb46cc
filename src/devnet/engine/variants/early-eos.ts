// A cheating engine that ends every answer after a few tokens.
import { tiled } from '../kernels.ts';
import type { Variant } from '../variant.ts';

export const earlyEos: Variant = {
  name: 'early-eos',
  about: 'ends every answer after a few tokens, to finish sooner',
  honest: false,
  altersTokens: true,
  kernel: tiled,
  stopAfter: 8,
};
