// A cheating engine that guesses, and holds back what would tell.
import { heldBack } from '../sending.ts';
import { naive } from '../kernels.ts';
import type { Variant } from '../variant.ts';

export const guessHeld: Variant = {
  name: 'guess-held',
  about: 'guesses eight tokens, and holds the next ones back in one late event',
  honest: false,
  kernel: naive,
  guess: { tokens: 8 },
  send: heldBack(9, 40),
};
