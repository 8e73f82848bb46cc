// The baseline engine: plain loops, honest and slow.
import { naive } from '../kernels.ts';
import type { Variant } from '../variant.ts';

export const plain: Variant = {
  name: 'plain',
  about: 'straightforward loops: the baseline and the reference',
  honest: true,
  kernel: naive,
};
