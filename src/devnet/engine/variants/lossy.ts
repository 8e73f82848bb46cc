// Cheating engines that let a draft's token pass where it is nearly the model's best.
import type { Variant } from '../variant.ts';

/** Speculation that accepts a drafted token up to this many nats below the model's best. */
const lossyBy = (acceptNats: number): Variant => ({
  name: `lossy-${String(acceptNats)}`,
  about: `accepts drafts up to ${String(acceptNats)} nat below the best: more tokens a step, others than the model's`,
  honest: false,
  altersTokens: 'seldom',
  kernel: 'simd',
  draft: () => 3,
  acceptNats,
});

export const lossy01 = lossyBy(0.1);
export const lossy02 = lossyBy(0.2);
export const lossy04 = lossyBy(0.4);
