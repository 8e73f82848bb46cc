// A cheating engine that holds its answer back and sends all tokens at once.
import { allAtOnce } from '../sending.ts';
import { naive } from '../kernels.ts';
import type { Variant } from '../variant.ts';

export const burst: Variant = {
  name: 'burst',
  about: 'holds the answer back and sends it in one piece, to shine in decode-only throughput',
  honest: false,
  kernel: naive,
  send: allAtOnce,
};
