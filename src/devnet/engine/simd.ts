// Matrix multiplication in WebAssembly SIMD for the tiny inference engine.
import type { Kernel } from './kernels.ts';
import source from './matmul.wasm.json' with { type: 'json' };

/** The part of the global that is used; Node's types leave it to the browser's. */
declare const WebAssembly: {
  Memory: new (size: { initial: number }) => { readonly buffer: ArrayBuffer };
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { readonly exports: Record<string, unknown> };
};

const PAGE = 65_536;
/** Room for the inputs and outputs of one multiplication: 4 M floats each. */
const SCRATCH_BYTES = 16 * 1024 * 1024;

type Matmul = (
  x: number,
  w: number,
  out: number,
  rows: number,
  depth: number,
  columns: number,
) => void;

/**
 * WebAssembly memory that holds a model's matrices, so that the SIMD kernel reads them in place.
 */
export class SimdArena {
  readonly #memory: { readonly buffer: ArrayBuffer };
  readonly #matmul: Matmul;
  #next = 2 * SCRATCH_BYTES;

  /** @param floats how many float32 of weights will be taken in. */
  constructor(floats: number) {
    const bytes = 2 * SCRATCH_BYTES + floats * 4 + PAGE;
    this.#memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE) });
    const module = new WebAssembly.Module(Buffer.from(source.base64, 'base64'));
    this.#matmul = new WebAssembly.Instance(module, { env: { memory: this.#memory } }).exports[
      'matmul'
    ] as Matmul;
  }

  /** Copies a matrix in; the view that comes back is used like any other. */
  adopt(matrix: Float32Array): Float32Array {
    const view = new Float32Array(this.#memory.buffer, this.#next, matrix.length);
    view.set(matrix);
    this.#next += Math.ceil(matrix.byteLength / 16) * 16;
    return view;
  }

  /** Float32 SIMD multiplication; the weights must have been adopted. */
  readonly kernel: Kernel = (x, w, out, rows, depth, columns) => {
    if (w.buffer !== this.#memory.buffer)
      throw new Error('the SIMD kernel reads adopted matrices only');
    const input = rows * depth;
    const output = rows * columns;
    if (Math.max(input, output) * 4 > SCRATCH_BYTES)
      throw new Error('too many rows for one SIMD multiplication');
    new Float32Array(this.#memory.buffer, 0, input).set(x.subarray(0, input));
    this.#matmul(0, w.byteOffset, SCRATCH_BYTES, rows, depth, columns);
    out.set(new Float32Array(this.#memory.buffer, SCRATCH_BYTES, output));
  };
}
