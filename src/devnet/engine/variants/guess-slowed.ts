// A cheating engine that guesses, and makes the rest of its answer slower.
import { slowed } from '../sending.ts';
import { naive } from '../kernels.ts';
import type { Variant } from '../variant.ts';

export const guessSlowed: Variant = {
  name: 'guess-slowed',
  about: 'guesses eight tokens, and slows down after the window that tells the TTFT',
  honest: false,
  kernel: naive,
  guess: { tokens: 8 },
  send: slowed(25, Infinity, 2),
};
