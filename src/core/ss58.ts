// SS58 addresses of Subtensor accounts, to and from public keys.
import { createHash } from 'node:crypto';
import { base58 } from '@scure/base';
import { concatBytes, equalBytes, utf8 } from './bytes.ts';

/** Subtensor's address prefix: addresses start with 5. */
const PREFIX = 42;

function checksum(body: Uint8Array): Uint8Array {
  return new Uint8Array(
    createHash('blake2b512').update(utf8('SS58PRE')).update(body).digest().subarray(0, 2),
  );
}

/**
 * The 32-byte public key of an address, or null where it is not an SS58 address of prefix 42.
 * Compare keys as bytes, never as text.
 */
export function decodeSs58(address: string): Uint8Array | null {
  if (address.length > 64) return null;
  let raw: Uint8Array;
  try {
    raw = base58.decode(address);
  } catch {
    return null;
  }
  if (raw.length !== 35 || raw[0] !== PREFIX) return null;
  const body = raw.subarray(0, 33);
  return equalBytes(checksum(body), raw.subarray(33)) ? new Uint8Array(body.subarray(1)) : null;
}

/** The address of a 32-byte public key. */
export function encodeSs58(publicKey: Uint8Array): string {
  const body = concatBytes(Uint8Array.of(PREFIX), publicKey);
  return base58.encode(concatBytes(body, checksum(body)));
}
