// Matrix multiplication in plain JavaScript: a simple loop, and a faster tiled version.
/**
 * out[t][n] = sum over k of x[t][k] * w[n][k]; x is T x K, w is N x K, out is T x N, all row-major
 * float32. Sums are taken in binary64: V8 does not turn Math.fround chains into float32 arithmetic,
 * and they cost a factor of three (measured).
 */
export type Kernel = (
  x: Float32Array,
  w: Float32Array,
  out: Float32Array,
  rows: number,
  depth: number,
  columns: number,
) => void;

/** The plain triple loop: the baseline's speed, and what the other kernels must equal. */
export const naive: Kernel = (x, w, out, rows, depth, columns) => {
  for (let t = 0; t < rows; t++) {
    for (let n = 0; n < columns; n++) {
      let sum = 0;
      for (let k = 0; k < depth; k++) sum += x[t * depth + k]! * w[n * depth + k]!;
      out[t * columns + n] = sum;
    }
  }
};

/**
 * Four columns of one row: each input is read once for four sums. Same order of additions as the
 * plain loop, so the same bits.
 */
function oneByFour(
  x: Float32Array,
  w: Float32Array,
  out: Float32Array,
  t: number,
  depth: number,
  columns: number,
): void {
  const row = t * depth;
  let n = 0;
  for (; n + 4 <= columns; n += 4) {
    let s0 = 0,
      s1 = 0,
      s2 = 0,
      s3 = 0;
    const w0 = n * depth,
      w1 = w0 + depth,
      w2 = w1 + depth,
      w3 = w2 + depth;
    for (let k = 0; k < depth; k++) {
      const value = x[row + k]!;
      s0 += value * w[w0 + k]!;
      s1 += value * w[w1 + k]!;
      s2 += value * w[w2 + k]!;
      s3 += value * w[w3 + k]!;
    }
    const at = t * columns + n;
    out[at] = s0;
    out[at + 1] = s1;
    out[at + 2] = s2;
    out[at + 3] = s3;
  }
  for (; n < columns; n++) {
    let sum = 0;
    for (let k = 0; k < depth; k++) sum += x[row + k]! * w[n * depth + k]!;
    out[t * columns + n] = sum;
  }
}

/**
 * Tiles of four rows by four columns: sixteen sums for eight reads. Single rows fall back to one by
 * four.
 */
export const tiled: Kernel = (x, w, out, rows, depth, columns) => {
  let t = 0;
  for (; t + 4 <= rows; t += 4) {
    const x0 = t * depth,
      x1 = x0 + depth,
      x2 = x1 + depth,
      x3 = x2 + depth;
    let n = 0;
    for (; n + 4 <= columns; n += 4) {
      const w0 = n * depth,
        w1 = w0 + depth,
        w2 = w1 + depth,
        w3 = w2 + depth;
      let a0 = 0,
        a1 = 0,
        a2 = 0,
        a3 = 0,
        b0 = 0,
        b1 = 0,
        b2 = 0,
        b3 = 0;
      let c0 = 0,
        c1 = 0,
        c2 = 0,
        c3 = 0,
        d0 = 0,
        d1 = 0,
        d2 = 0,
        d3 = 0;
      for (let k = 0; k < depth; k++) {
        const p = x[x0 + k]!,
          q = x[x1 + k]!,
          r = x[x2 + k]!,
          s = x[x3 + k]!;
        const e = w[w0 + k]!,
          f = w[w1 + k]!,
          g = w[w2 + k]!,
          h = w[w3 + k]!;
        a0 += p * e;
        a1 += p * f;
        a2 += p * g;
        a3 += p * h;
        b0 += q * e;
        b1 += q * f;
        b2 += q * g;
        b3 += q * h;
        c0 += r * e;
        c1 += r * f;
        c2 += r * g;
        c3 += r * h;
        d0 += s * e;
        d1 += s * f;
        d2 += s * g;
        d3 += s * h;
      }
      const o0 = t * columns + n,
        o1 = o0 + columns,
        o2 = o1 + columns,
        o3 = o2 + columns;
      out[o0] = a0;
      out[o0 + 1] = a1;
      out[o0 + 2] = a2;
      out[o0 + 3] = a3;
      out[o1] = b0;
      out[o1 + 1] = b1;
      out[o1 + 2] = b2;
      out[o1 + 3] = b3;
      out[o2] = c0;
      out[o2 + 1] = c1;
      out[o2 + 2] = c2;
      out[o2 + 3] = c3;
      out[o3] = d0;
      out[o3 + 1] = d1;
      out[o3 + 2] = d2;
      out[o3 + 3] = d3;
    }
    for (; n < columns; n++) {
      for (let row = t; row < t + 4; row++) {
        let sum = 0;
        for (let k = 0; k < depth; k++) sum += x[row * depth + k]! * w[n * depth + k]!;
        out[row * columns + n] = sum;
      }
    }
  }
  for (; t < rows; t++) oneByFour(x, w, out, t, depth, columns);
};
