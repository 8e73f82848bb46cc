// Rounding of a model's weights to few bits and back: what quantised kernels do to tokens.
import { matricesOf, type Weights } from './model-weights.ts';

/**
 * Symmetric per output channel, with this many steps to a side, then back to float32: the error of
 * the weights without the speed of real kernels.
 */
export function quantise({ layers, config }: Weights, steps: number): void {
  for (const layer of layers) {
    for (const matrix of matricesOf(layer)) {
      const depth = matrix === layer.down ? config.mlp : config.hidden;
      for (let row = 0; row < matrix.length; row += depth) {
        const values = matrix.subarray(row, row + depth);
        const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        const scale = largest / steps;
        for (let i = 0; i < depth; i++) values[i] = Math.round(values[i]! / scale) * scale;
      }
    }
  }
}
