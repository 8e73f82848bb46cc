// Deterministic random generator seeded by a block hash, so that any reader can redo its draws.
import { concatBytes, u64be, utf8 } from './bytes.ts';
import { sha256 } from './hash.ts';

const TWO_32 = 0x1_0000_0000;

/**
 * The generator (RULES "Random numbers"): everything random in a round comes from the plan block's
 * hash through it. One stream per purpose (`label`), no floating point, so an auditor can rewrite
 * it in ten lines of another language.
 */
export class Prng {
  readonly #key: Uint8Array;
  #counter = 0;
  #block: Uint8Array = new Uint8Array(0);
  #used = 0;

  /** @param seed 32 bytes, the block hash. @param label ASCII name of the purpose. */
  constructor(seed: Uint8Array, label: string) {
    if (seed.length !== 32) throw new RangeError(`a seed has 32 bytes, not ${seed.length}`);
    this.#key = sha256(concatBytes(utf8('cacheon/prng/v1\0'), seed, utf8(label)));
  }

  /** The next `length` bytes of the stream. */
  bytes(length: number): Uint8Array {
    const out = new Uint8Array(length);
    for (let i = 0; i < length; i++) {
      if (this.#used === this.#block.length) {
        this.#block = sha256(concatBytes(this.#key, u64be(this.#counter++)));
        this.#used = 0;
      }
      out[i] = this.#block[this.#used++]!;
    }
    return out;
  }

  /** The next 4 bytes, big-endian. */
  u32(): number {
    return new DataView(this.bytes(4).buffer).getUint32(0);
  }

  /** A uniform integer of 0..n-1, 1 <= n <= 2^32, by rejection. */
  below(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > TWO_32)
      throw new RangeError(`below(n) wants 1 <= n <= 2^32, not ${n}`);
    const limit = Math.floor(TWO_32 / n) * n;
    let x = this.u32();
    while (x >= limit) x = this.u32();
    return x % n;
  }

  /** A shuffled copy (Fisher-Yates from the end). */
  shuffle<T>(list: readonly T[]): T[] {
    const out = [...list];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [out[i], out[j]] = [out[j]!, out[i]!];
    }
    return out;
  }

  /** The first `count` of a shuffled copy. */
  sample<T>(list: readonly T[], count: number): T[] {
    return this.shuffle(list).slice(0, count);
  }

  /** The index that a walk over positive integer weights ends at. */
  weighted(weights: readonly number[]): number {
    let left = this.below(weights.reduce((sum, weight) => sum + weight, 0));
    for (const [index, weight] of weights.entries()) {
      if (left < weight) return index;
      left -= weight;
    }
    throw new RangeError('weights must be positive integers');
  }
}
