// Whether a signed transaction is the one that sets an intent's weights, without chain metadata.
import { endsWith, mortalityOf, signerKeyOf } from '../../chain/extrinsic-bytes.ts';
import { u16le, u64le, vecU16 } from '../../chain/scale.ts';
import { OVERHEAD_BYTES } from '../../chain/timelock.ts';
import { weightsCommitHash, weightsPayload } from '../../chain/weight-codec.ts';
import { equalBytes, fromHex, toHex } from '../../core/bytes.ts';
import { blake2b256 } from '../../core/hash.ts';
import { decodeSs58 } from '../../core/ss58.ts';
import type { Predicate } from '../../schema/records.ts';

/** Bytes after the ciphertext of a sealed commit: round (u64) and version (u16). */
const AFTER_CIPHERTEXT = 10;

/** An intent's transaction, and the key that must have signed it. */
type Signed = {
  readonly predicate: Predicate<'weights-intent'>;
  readonly bytes: Uint8Array;
  readonly key: Uint8Array;
};

const hexHash = (bytes: Uint8Array): string => `0x${toHex(blake2b256(bytes))}`;

function plainFault({ predicate, bytes }: Signed): string | null {
  const { weights, versionKey, network } = predicate;
  const row = [
    vecU16(weights.map(({ uid }) => uid)),
    vecU16(weights.map(({ weight }) => weight)),
  ] as const;
  return endsWith(bytes, u16le(network.netuid), ...row, u64le(versionKey))
    ? null
    : 'it holds other weights';
}

function hashFault({ predicate, bytes, key }: Signed): string | null {
  const { weights: row, versionKey, network, commit } = predicate;
  const hash = weightsCommitHash(key, network.netuid, {
    row,
    salt: commit!.salt ?? [],
    versionKey,
  });
  if (`0x${toHex(hash)}` !== commit!.hash) return 'its hash is not that of these weights';
  return endsWith(bytes, u16le(network.netuid), hash) ? null : 'it commits to another hash';
}

/** The sealed row in the transaction of an intent, as long as its weights make it. */
export function sealedRow(
  { weights, versionKey }: Pick<Predicate<'weights-intent'>, 'weights' | 'versionKey'>,
  bytes: Uint8Array,
  key: Uint8Array,
): Uint8Array {
  const end = bytes.length - AFTER_CIPHERTEXT;
  const length = weightsPayload(key, weights, versionKey).length + OVERHEAD_BYTES;
  return bytes.subarray(Math.max(0, end - length), end);
}

/** Of a sealed row its hash and round are compared; once its pulse is out it is opened too. */
function sealFault({ predicate, bytes, key }: Signed): string | null {
  const { commit } = predicate;
  const end = bytes.length - AFTER_CIPHERTEXT;
  if (hexHash(sealedRow(predicate, bytes, key)) !== commit!.hash) return 'it seals other bytes';
  return equalBytes(bytes.subarray(end, end + 8), u64le(commit!.round ?? 0))
    ? null
    : 'it names another round';
}

/** Whether a transaction may land in just the blocks that its record says, under its nonce. */
function fitsEra(
  { firstBlock, lastBlock, nonce }: Predicate<'weights-intent'>['transaction'],
  bytes: Uint8Array,
): boolean {
  const signed = mortalityOf(bytes);
  if (signed?.nonce !== nonce) return false;
  // It was signed at the block before the first, and dies one period after that.
  const birth = firstBlock - 1;
  return birth % signed.period === signed.phase && lastBlock === birth + signed.period - 1;
}

/**
 * Why an intent's transaction is not the one that sets its weights; null where it is. A call's
 * arguments end a signed extrinsic, so the audit compares them without the chain's metadata.
 */
export function transactionFault(predicate: Predicate<'weights-intent'>): string | null {
  const { transaction, method, commit, validator } = predicate;
  const bytes = fromHex(transaction.extrinsic)!;
  const key = decodeSs58(validator);
  if (hexHash(bytes) !== transaction.hash) return 'its hash is another one';
  const signer = signerKeyOf(bytes);
  const own = key !== null && signer !== null && equalBytes(signer, key);
  if (!own || transaction.signer !== validator) return 'another key signed it';
  if (!fitsEra(transaction, bytes)) return 'its era or its nonce is another one';
  if (method === 'plain') return plainFault({ predicate, bytes, key });
  if (!commit) return 'it commits to nothing';
  return method === 'commit-reveal'
    ? hashFault({ predicate, bytes, key })
    : sealFault({ predicate, bytes, key });
}
