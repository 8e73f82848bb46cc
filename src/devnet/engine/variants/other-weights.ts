// A cheating engine that serves another model under the same name.
import { tiled } from '../kernels.ts';
import type { Variant } from '../variant.ts';
import { matricesOf, type Weights } from '../model-weights.ts';

/** A model that was trained a little differently: the last layer louder by 30 %. */
function shout({ layers }: Weights): void {
  for (const matrix of matricesOf(layers.at(-1)!))
    for (let i = 0; i < matrix.length; i++) matrix[i]! *= 1.3;
}

export const otherWeights: Variant = {
  name: 'other-weights',
  about: 'serves another model under the same name',
  honest: false,
  altersTokens: true,
  kernel: tiled,
  alter: shout,
};
