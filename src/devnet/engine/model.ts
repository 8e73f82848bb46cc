// Forward pass of a Qwen2 language model in float32, with its key-value cache.
import type { Kernel } from './kernels.ts';
import type { ModelLayer, Weights } from './model-weights.ts';

/** Keys and values of one sequence so far. */
export type Cache = {
  length: number;
  readonly keys: Float32Array[];
  readonly values: Float32Array[];
};

/**
 * A Qwen2 decoder in float32: RMS norm, rotary positions in halves, grouped-query attention,
 * SwiGLU, tied head.
 */
export class Model {
  readonly weights: Weights;
  readonly #frequencies: Float64Array;

  constructor(weights: Weights) {
    this.weights = weights;
    const half = weights.config.headSize / 2;
    this.#frequencies = Float64Array.from(
      { length: half },
      (_, i) => weights.config.ropeTheta ** (-i / half),
    );
  }

  /** An empty sequence with room for `capacity` tokens. */
  newCache(capacity: number): Cache {
    const { layers, kvHeads, headSize } = this.weights.config;
    const arrays = (): Float32Array[] =>
      Array.from({ length: layers }, () => new Float32Array(capacity * kvHeads * headSize));
    return { length: 0, keys: arrays(), values: arrays() };
  }

  /**
   * Runs `ids` after what the cache holds. Returns logits, vocabulary-wide, for the last token or
   * for all of them.
   */
  forward(
    kernel: Kernel,
    cache: Cache,
    ids: readonly number[],
    want: 'last' | 'all',
  ): Float32Array {
    const { config, embedding, norm, layers } = this.weights;
    const { hidden, vocab } = config;
    const rows = ids.length;
    const x = new Float32Array(rows * hidden);
    for (const [t, id] of ids.entries())
      x.set(embedding.subarray(id * hidden, (id + 1) * hidden), t * hidden);
    for (const [index, layer] of layers.entries())
      this.#layer(kernel, layer, cache, index, x, rows);
    cache.length += rows;
    const kept = want === 'last' ? 1 : rows;
    const tail = x.subarray((rows - kept) * hidden);
    const normed = new Float32Array(kept * hidden);
    rmsNorm(tail, norm, normed, kept, config.eps);
    const logits = new Float32Array(kept * vocab);
    kernel(normed, embedding, logits, kept, hidden, vocab);
    return logits;
  }

  #layer(
    kernel: Kernel,
    layer: ModelLayer,
    cache: Cache,
    index: number,
    x: Float32Array,
    rows: number,
  ): void {
    const { hidden, kvHeads, headSize, mlp, eps } = this.weights.config;
    const kvSize = kvHeads * headSize;
    const normed = new Float32Array(rows * hidden);
    rmsNorm(x, layer.inputNorm, normed, rows, eps);
    const q = new Float32Array(rows * hidden);
    kernel(normed, layer.q, q, rows, hidden, hidden);
    addBias(q, layer.qBias, rows);
    const start = cache.length * kvSize;
    const keys = cache.keys[index]!;
    const values = cache.values[index]!;
    const k = keys.subarray(start, start + rows * kvSize);
    const v = values.subarray(start, start + rows * kvSize);
    kernel(normed, layer.k, k, rows, hidden, kvSize);
    addBias(k, layer.kBias, rows);
    kernel(normed, layer.v, v, rows, hidden, kvSize);
    addBias(v, layer.vBias, rows);
    this.#rotate(q, rows, hidden, cache.length);
    this.#rotate(k, rows, kvSize, cache.length);
    const attended = new Float32Array(rows * hidden);
    this.#attend(q, keys, values, attended, rows, cache.length);
    const out = new Float32Array(rows * hidden);
    kernel(attended, layer.o, out, rows, hidden, hidden);
    for (let i = 0; i < out.length; i++) x[i]! += out[i]!;

    rmsNorm(x, layer.postNorm, normed, rows, eps);
    const gate = new Float32Array(rows * mlp);
    const up = new Float32Array(rows * mlp);
    kernel(normed, layer.gate, gate, rows, hidden, mlp);
    kernel(normed, layer.up, up, rows, hidden, mlp);
    for (let i = 0; i < gate.length; i++) gate[i] = (gate[i]! / (1 + Math.exp(-gate[i]!))) * up[i]!;
    kernel(gate, layer.down, out, rows, mlp, hidden);
    for (let i = 0; i < out.length; i++) x[i]! += out[i]!;
  }

  #rotate(x: Float32Array, rows: number, width: number, position: number): void {
    const { headSize } = this.weights.config;
    const half = headSize / 2;
    for (let t = 0; t < rows; t++) {
      for (let i = 0; i < half; i++) {
        const angle = (position + t) * this.#frequencies[i]!;
        const cos = Math.cos(angle);
        const sin = Math.sin(angle);
        for (let head = t * width; head < (t + 1) * width; head += headSize) {
          const a = x[head + i]!;
          const b = x[head + half + i]!;
          x[head + i] = a * cos - b * sin;
          x[head + half + i] = b * cos + a * sin;
        }
      }
    }
  }

  #attend(
    q: Float32Array,
    keys: Float32Array,
    values: Float32Array,
    out: Float32Array,
    rows: number,
    before: number,
  ): void {
    const { hidden, heads, kvHeads, headSize } = this.weights.config;
    const kvSize = kvHeads * headSize;
    const scale = 1 / Math.sqrt(headSize);
    const scores = new Float64Array(before + rows);
    for (let t = 0; t < rows; t++) {
      const length = before + t + 1;
      for (let head = 0; head < heads; head++) {
        const query = t * hidden + head * headSize;
        const group = Math.floor((head * kvHeads) / heads) * headSize;
        let top = -Infinity;
        for (let j = 0; j < length; j++) {
          let sum = 0;
          const key = j * kvSize + group;
          for (let i = 0; i < headSize; i++) sum += q[query + i]! * keys[key + i]!;
          scores[j] = sum * scale;
          if (scores[j]! > top) top = scores[j]!;
        }
        let total = 0;
        for (let j = 0; j < length; j++) {
          scores[j] = Math.exp(scores[j]! - top);
          total += scores[j]!;
        }
        for (let i = 0; i < headSize; i++) {
          let sum = 0;
          for (let j = 0; j < length; j++) sum += scores[j]! * values[j * kvSize + group + i]!;
          out[query + i] = sum / total;
        }
      }
    }
  }
}

function rmsNorm(
  x: Float32Array,
  weight: Float32Array,
  out: Float32Array,
  rows: number,
  eps: number,
): void {
  const width = weight.length;
  for (let t = 0; t < rows; t++) {
    let squares = 0;
    for (let i = 0; i < width; i++) squares += x[t * width + i]! * x[t * width + i]!;
    const scale = 1 / Math.sqrt(squares / width + eps);
    for (let i = 0; i < width; i++) out[t * width + i] = x[t * width + i]! * scale * weight[i]!;
  }
}

function addBias(x: Float32Array, bias: Float32Array, rows: number): void {
  for (let t = 0; t < rows; t++)
    for (let i = 0; i < bias.length; i++) x[t * bias.length + i]! += bias[i]!;
}

/** Index of the largest logit; of equals the smallest id. */
export function argmax(logits: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i;
  return best;
}

/** What to subtract from a logit for its log-probability in nats. */
export function logNormaliser(logits: Float32Array): number {
  const top = logits[argmax(logits)]!;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - top);
  return top + Math.log(sum);
}

/** The `count` largest logits, best first. */
export function topIds(logits: Float32Array, count: number): number[] {
  return Array.from(logits.keys())
    .sort((a, b) => logits[b]! - logits[a]! || a - b)
    .slice(0, count);
}
