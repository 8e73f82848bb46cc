// The hash functions in use: SHA-256 and BLAKE2b-256.
import { blake2b } from '@noble/hashes/blake2.js';
import { createHash } from 'node:crypto';

/** SHA-256 of bytes or of a text's UTF-8. */
export function sha256(data: Uint8Array | string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(data).digest());
}

/** SHA-256 in lower-case hex, without a prefix. */
export function sha256Hex(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}

/** blake2b with 32 bytes of output, which Node's own crypto lacks (it has blake2b512 only). */
export function blake2b256(data: Uint8Array): Uint8Array {
  return blake2b(data, { dkLen: 32 });
}
