// A cheating engine that guesses its first token, and is wrong at times.
import { naive } from '../kernels.ts';
import type { Variant } from '../variant.ts';

export const guessWrong: Variant = {
  name: 'guess-wrong',
  about: 'guesses the first token, and is wrong in every second answer',
  honest: false,
  altersTokens: true,
  kernel: naive,
  guess: { tokens: 1, wrong: true },
};
