// Timelock encryption to a future drand pulse, in the format that the Subtensor chain reads.
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { bls12_381 as bls } from '@noble/curves/bls12-381';
import { concatBytes, equalBytes, utf8 } from '../core/bytes.ts';
import { sha256 } from '../core/hash.ts';
import { ChainError } from './errors.ts';
import { pulsePoint, SIGNATURE_BYTES, type Beacon } from '../beacon/pulses.ts';
import { u64le } from './scale.ts';

/**
 * Timelock encryption as the chain reads it (crate `tle`; RULES "Timelock format"):
 * identity-based encryption to a drand pulse (Boneh-Franklin FullIdent over BLS12-381) of a key,
 * and AES-256-GCM of the message under that key. Not the format of age, tlock-js or
 * @ideallabs/timelock.js. Layout, every length a u64 little-endian: U (96) ‖ len V (32) ‖ len W
 * (32) ‖ len body( len ct‖tag ‖ len nonce(12) ) ‖ len "AES_GCM_".
 */
export const OVERHEAD_BYTES = 244;
/**
 * Largest ciphertext of a commitment field, and of a weights commit. The chain's metadata does not
 * state them.
 */
export const MAX_COMMITMENT_CIPHERTEXT = 1024;
export const MAX_WEIGHTS_CIPHERTEXT = 5000;

const SUITE = utf8('AES_GCM_');
const U_BYTES = 96;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * The random parts of a ciphertext, 32, 32 and 12 bytes. A port: sealing is deterministic in them,
 * so vectors can pin it.
 */
export type SealEntropy = {
  readonly sigma: Uint8Array;
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
};

const damaged = (what: string): ChainError =>
  new ChainError(
    'BAD_CIPHERTEXT',
    'usage',
    `not a timelock ciphertext: ${what}`,
    'give the whole ciphertext as the chain stores it',
  );

const vec = (...parts: Uint8Array[]): Uint8Array => {
  const body = concatBytes(...parts);
  return concatBytes(u64le(body.length), body);
};
const xor = (a: Uint8Array, b: Uint8Array): Uint8Array => a.map((byte, i) => byte ^ b[i]!);
const toScalar = (hash: Uint8Array): bigint =>
  bls.fields.Fr.create(BigInt(`0x${Buffer.from(hash).toString('hex')}`));

/**
 * An element of GT as arkworks writes it: twelve coordinates, 48 bytes little-endian each, c0.c0.c0
 * to c1.c2.c1 (noble's own form is big-endian).
 */
function gtBytes(g: ReturnType<typeof bls.pairing>): Uint8Array {
  const coordinates = [g.c0, g.c1].flatMap((six) =>
    [six.c0, six.c1, six.c2].flatMap((two) => [two.c0, two.c1]),
  );
  return concatBytes(
    ...coordinates.map((value) =>
      Buffer.from(value.toString(16).padStart(96, '0'), 'hex').reverse(),
    ),
  );
}

const scalarOf = (sigma: Uint8Array, key: Uint8Array): bigint => {
  const r = toScalar(sha256(concatBytes(sigma, key)));
  // Cannot happen by chance (2^-255); zero would publish the message.
  if (r === 0n) throw damaged('its scalar is zero');
  return r;
};

/**
 * Seals a message for a drand pulse. The result is {@link OVERHEAD_BYTES} longer than the message.
 */
export function seal(
  beacon: Beacon,
  pulse: number,
  message: Uint8Array,
  entropy: SealEntropy,
): Uint8Array {
  if (!Number.isSafeInteger(pulse) || pulse < 1)
    throw new ChainError(
      'BAD_ROUND',
      'usage',
      `${pulse} is not a drand pulse`,
      'pulses are whole numbers from 1 on',
    );
  const { sigma, key, nonce } = entropy;
  if (sigma.length !== KEY_BYTES || key.length !== KEY_BYTES || nonce.length !== NONCE_BYTES)
    throw new RangeError('entropy of 32, 32 and 12 bytes is needed');
  const r = scalarOf(sigma, key);
  const u = bls.G2.Point.BASE.multiply(r).toBytes();
  const shared = bls.pairing(pulsePoint(pulse), bls.G2.Point.fromHex(beacon.publicKey).multiply(r));
  const v = xor(sigma, sha256(gtBytes(shared)));
  const w = xor(key, sha256(sigma));
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const body = concatBytes(cipher.update(message), cipher.final(), cipher.getAuthTag());
  return concatBytes(u, vec(v), vec(w), vec(vec(body), vec(nonce)), vec(SUITE));
}

/** Reads length-prefixed parts strictly: nothing missing, nothing left over. */
class Parts {
  readonly #bytes: Uint8Array;
  #at = 0;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }
  take(length: number, what: string): Uint8Array {
    if (this.#at + length > this.#bytes.length) throw damaged(`it ends inside ${what}`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
  vec(what: string, expected?: number): Uint8Array {
    const length = Buffer.from(this.take(8, `the length of ${what}`)).readBigUInt64LE();
    if (length > BigInt(this.#bytes.length)) throw damaged(`${what} claims ${length} bytes`);
    if (expected !== undefined && length !== BigInt(expected))
      throw damaged(`${what} has ${length} bytes, not ${expected}`);
    return this.take(Number(length), what);
  }
  end(): void {
    if (this.#at !== this.#bytes.length)
      throw damaged(`${this.#bytes.length - this.#at} bytes are left over`);
  }
}

/** The point of G1 that a pulse's signature is. Throws `BAD_SIGNATURE`. */
function signaturePoint(signature: Uint8Array) {
  try {
    if (signature.length !== SIGNATURE_BYTES)
      throw new Error(`it has ${signature.length} bytes, not ${SIGNATURE_BYTES}`);
    const point = bls.G1.Point.fromHex(signature);
    point.assertValidity();
    return point;
  } catch (error) {
    throw new ChainError(
      'BAD_SIGNATURE',
      'usage',
      `not a drand signature: ${error instanceof Error ? error.message : String(error)}`,
      "give the pulse's signature, 48 bytes of hex",
    ).causedBy(error);
  }
}

/**
 * Opens a ciphertext with the signature of its pulse. Throws `BAD_SIGNATURE`, `BAD_CIPHERTEXT`
 * where the layout is wrong, and `WRONG_ROUND` where the signature is of another pulse (or the
 * ciphertext was changed: a reader cannot tell those two apart).
 */
export function open(ciphertext: Uint8Array, signature: Uint8Array): Uint8Array {
  const point = signaturePoint(signature);
  const parts = new Parts(ciphertext);
  const u = parts.take(U_BYTES, 'U');
  const v = parts.vec('V', KEY_BYTES);
  const w = parts.vec('W', KEY_BYTES);
  const inner = new Parts(parts.vec('the body'));
  const sealed = inner.vec('the encrypted message');
  const nonce = inner.vec('the nonce', NONCE_BYTES);
  inner.end();
  if (!equalBytes(parts.vec('the cipher suite'), SUITE))
    throw damaged('its cipher suite is not AES_GCM_');
  parts.end();
  if (sealed.length < TAG_BYTES) throw damaged('the encrypted message is shorter than its tag');
  let ephemeral: InstanceType<typeof bls.G2.Point>;
  try {
    ephemeral = bls.G2.Point.fromHex(u);
    ephemeral.assertValidity();
  } catch {
    throw damaged('U is no point of G2');
  }
  const wrong = new ChainError(
    'WRONG_ROUND',
    'usage',
    'the signature does not open this ciphertext: it is of another pulse, or the ciphertext was changed',
    "use the signature of the ciphertext's own pulse",
  );
  const sigma = xor(v, sha256(gtBytes(bls.pairing(point, ephemeral))));
  const key = xor(w, sha256(sigma));
  // FullIdent's check: the sender knew r, so a changed U, V or W is refused before anything is
  // decrypted.
  if (!equalBytes(bls.G2.Point.BASE.multiply(scalarOf(sigma, key)).toBytes(), u)) throw wrong;
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, nonce);
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    return concatBytes(decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final());
  } catch {
    throw wrong;
  }
}
