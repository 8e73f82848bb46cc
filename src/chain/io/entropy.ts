// Random bytes for sealed commitments and for commits of weights.
import { randomBytes } from 'node:crypto';
import type { SealEntropy } from '../timelock.ts';

const SALT_LENGTH = 8;

/** Random parts of a timelock ciphertext. */
export function sealEntropy(): SealEntropy {
  return {
    sigma: new Uint8Array(randomBytes(32)),
    key: new Uint8Array(randomBytes(32)),
    nonce: new Uint8Array(randomBytes(12)),
  };
}

/** Random parts of a weights commit: of its ciphertext, or the salt of its hash. */
export function weightsEntropy(): { seal: SealEntropy; salt: number[] } {
  const salt = randomBytes(2 * SALT_LENGTH);
  return {
    seal: sealEntropy(),
    salt: Array.from({ length: SALT_LENGTH }, (_, i) => salt.readUInt16LE(2 * i)),
  };
}
