// An honest engine made faster by SIMD and verified speculative decoding.
import type { Variant } from '../variant.ts';

export const speculative: Variant = {
  name: 'speculative',
  about: 'SIMD loops and drafts from the text so far, all verified: several tokens in one event',
  honest: true,
  kernel: 'simd',
  draft: () => 3,
};
