// An honest engine whose first decoding steps are slow.
import { slowed } from '../sending.ts';
import { tiled } from '../kernels.ts';
import type { Variant } from '../variant.ts';

export const slowStart: Variant = {
  name: 'slow-start',
  about: 'takes longer for the first eight steps of every answer',
  honest: true,
  kernel: tiled,
  send: slowed(2, 9, 5),
};
