// An honest engine whose speculation takes longer drafts as the answer grows.
import type { Variant } from '../variant.ts';

export const draftGrowing: Variant = {
  name: 'draft-growing',
  about: 'drafts one token more after every 30 of the answer',
  honest: true,
  kernel: 'simd',
  draft: (count) => Math.min(4, Math.floor(count / 30)),
};
