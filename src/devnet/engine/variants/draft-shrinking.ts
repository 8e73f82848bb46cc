// An honest engine whose speculation takes shorter drafts as the answer grows.
import type { Variant } from '../variant.ts';

export const draftShrinking: Variant = {
  name: 'draft-shrinking',
  about: 'drafts four tokens at first, and one less after every 20 of the answer',
  honest: true,
  kernel: 'simd',
  draft: (count) => Math.max(0, 4 - Math.floor(count / 20)),
};
