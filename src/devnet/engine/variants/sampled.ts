// A cheating engine that samples its tokens at random instead of decoding greedily.
import { tiled } from '../kernels.ts';
import type { Variant } from '../variant.ts';

/** One draw from the softmax at temperature 1. */
function sample(logits: Float32Array, draw: () => number): number {
  const top = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const weights = Float64Array.from(logits, (logit) => Math.exp(logit - top));
  let left = draw() * weights.reduce((a, b) => a + b, 0);
  for (const [id, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return id;
  }
  return weights.length - 1;
}

export const sampled: Variant = {
  name: 'sampled',
  about: 'ignores temperature 0: what unverified drafts look like',
  honest: false,
  altersTokens: true,
  kernel: tiled,
  choose: sample,
};
