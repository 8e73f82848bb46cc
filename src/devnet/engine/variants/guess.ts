// A cheating engine that guesses its first tokens, always right.
import { naive } from '../kernels.ts';
import type { Variant } from '../variant.ts';

export const guess: Variant = {
  name: 'guess',
  about: 'sends a right guess of the first four tokens at once, then computes like the baseline',
  honest: false,
  kernel: naive,
  guess: { tokens: 4 },
};
