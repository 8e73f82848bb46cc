// A cheating engine that guesses its first token and hides the gap behind it.
import { packedBy } from '../sending.ts';
import { naive } from '../kernels.ts';
import type { Variant } from '../variant.ts';

export const guessPacked: Variant = {
  name: 'guess-packed',
  about: 'guesses the first token, and packs the rest so that gaps look alike',
  honest: false,
  kernel: naive,
  guess: { tokens: 1 },
  send: packedBy(4, 1),
};
