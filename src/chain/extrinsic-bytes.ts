// Reads signed and bare extrinsics by their bytes, without the chain's metadata.
import { concatBytes, equalBytes, fromHex } from '../core/bytes.ts';
import { readCompact } from './scale.ts';

/** Version byte of a signed extrinsic, format 4, and the kind of an address that is a key. */
const SIGNED = Uint8Array.of(0x84, 0);
const KEY_BYTES = 32;
/** Version bytes of a bare extrinsic, formats 4 and 5. */
const BARE = [0x04, 0x05] as const;
/** Pallet and call of `timestamp.set`, the same in every runtime so far. */
const TIMESTAMP_SET = Uint8Array.of(2, 0);

/** Whether bytes end with these parts. A call's arguments end a signed extrinsic. */
export function endsWith(bytes: Uint8Array, ...parts: readonly Uint8Array[]): boolean {
  const tail = concatBytes(...parts);
  return equalBytes(bytes.subarray(Math.max(0, bytes.length - tail.length)), tail);
}

/** The public key that an extrinsic says has signed it; null where it is bare or names no key. */
export function signerKeyOf(bytes: Uint8Array): Uint8Array | null {
  const at = readCompact(bytes)?.size;
  if (at === undefined || !equalBytes(bytes.subarray(at, at + SIGNED.length), SIGNED)) return null;
  const key = bytes.subarray(at + SIGNED.length, at + SIGNED.length + KEY_BYTES);
  return key.length === KEY_BYTES ? key : null;
}

/** Bytes of a signature with its kind, between the signer's key and the era. */
const SIGNATURE_BYTES = 65;

/**
 * How long a signed extrinsic is valid, and its number among those of its key, as the signature
 * covers them: the first extensions that carry data are era and nonce. Null where it never expires.
 */
export function mortalityOf(
  bytes: Uint8Array,
): { readonly period: number; readonly phase: number; readonly nonce: number } | null {
  const at = (readCompact(bytes)?.size ?? 0) + SIGNED.length + KEY_BYTES + SIGNATURE_BYTES;
  const low = bytes[at] ?? 0;
  const nonce = readCompact(bytes.subarray(at + 2));
  if (low === 0 || !nonce) return null;
  const era = low + 256 * (bytes[at + 1] ?? 0);
  const period = 2 << (era & 15);
  return { period, phase: (era >> 4) * Math.max(1, period >> 12), nonce: nonce.value };
}

/** A SCALE compact number of at most 48 bits at the end of bytes; null where there is none. */
function lastCompact(bytes: Uint8Array): number | null {
  const small = readCompact(bytes);
  if (small) return small.size === bytes.length ? small.value : null;
  const size = bytes.length - 1;
  if (size < 4 || size > 6 || bytes[0] !== (((size - 4) << 2) | 3)) return null;
  return Buffer.from(bytes).readUIntLE(1, size);
}

/**
 * When a block was built, unix ms, by the inherent that sets its time. Nodes keep the bodies of
 * blocks for good, and their states for an hour. Null where no extrinsic sets a time.
 */
export function timestampOf(extrinsics: readonly string[]): number | null {
  for (const hex of extrinsics) {
    const bytes = fromHex(hex);
    const at = bytes && readCompact(bytes)?.size;
    if (!bytes || at === undefined || at === null) continue;
    const bare = BARE.some((version) => version === bytes[at]);
    if (bare && equalBytes(bytes.subarray(at + 1, at + 3), TIMESTAMP_SET))
      return lastCompact(bytes.subarray(at + 3));
  }
  return null;
}
