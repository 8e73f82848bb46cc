// A cheating engine that serves weights quantised to 4 bits.
import { tiled } from '../kernels.ts';
import type { Variant } from '../variant.ts';
import { matricesOf, type Weights } from '../model-weights.ts';

/**
 * Symmetric 4-bit per output channel, then back to float32: the error of the weights without the
 * speed of real kernels.
 */
function quantise({ layers, config }: Weights): void {
  for (const layer of layers) {
    for (const matrix of matricesOf(layer)) {
      const depth = matrix === layer.down ? config.mlp : config.hidden;
      for (let row = 0; row < matrix.length; row += depth) {
        const values = matrix.subarray(row, row + depth);
        const scale = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) / 7;
        for (let i = 0; i < depth; i++) values[i] = Math.round(values[i]! / scale) * scale;
      }
    }
  }
}

export const int4: Variant = {
  name: 'int4',
  about: 'weights rounded to 4 bits: would save memory traffic, changes tokens',
  honest: false,
  altersTokens: true,
  kernel: tiled,
  alter: quantise,
};
