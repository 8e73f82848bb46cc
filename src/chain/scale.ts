// The few SCALE encodings that commitments and weights need.
import { concatBytes } from '../core/bytes.ts';

/** A SCALE compact number below 2^30, which is all that lengths here need. */
export function compact(value: number): Uint8Array {
  const out = Buffer.alloc(4);
  if (value < 1 << 6) return Uint8Array.of(value << 2);
  out.writeUInt32LE(value < 1 << 14 ? (value << 2) | 1 : ((value << 2) | 2) >>> 0);
  return new Uint8Array(out.subarray(0, value < 1 << 14 ? 2 : 4));
}

/** Bytes that a compact number takes, by its low bits; 0 for big ones, which nothing here needs. */
const COMPACT_SIZES = [1, 2, 4, 0] as const;

/**
 * A compact number at the start of bytes with the bytes it takes; null where there is none, or one
 * written longer than it must be.
 */
export function readCompact(bytes: Uint8Array): { value: number; size: number } | null {
  const size = COMPACT_SIZES[(bytes[0] ?? 3) & 3]!;
  if (size === 0 || bytes.length < size) return null;
  const value = Buffer.from(bytes.subarray(0, size)).readUIntLE(0, size) / 4;
  const whole = Math.floor(value);
  return compact(whole).length === size ? { value: whole, size } : null;
}

/** A vector of u16: compact length, then each value little-endian. */
export function vecU16(values: readonly number[]): Uint8Array {
  const out = Buffer.alloc(values.length * 2);
  for (const [index, value] of values.entries()) out.writeUInt16LE(value, index * 2);
  return concatBytes(compact(values.length), out);
}

export function u16le(value: number): Uint8Array {
  const out = Buffer.alloc(2);
  out.writeUInt16LE(value);
  return out;
}

export function u64le(value: number | bigint): Uint8Array {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt(value));
  return out;
}
