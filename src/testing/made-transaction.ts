// Bytes of the form that a signed transaction of weights has; no chain ever saw them.
import { compact, u16le, u64le, vecU16 } from '../chain/scale.ts';
import type { WeightRow } from '../chain/chain.ts';
import { concatBytes, toHex } from '../core/bytes.ts';
import { blake2b256 } from '../core/hash.ts';
import { decodeSs58 } from '../core/ss58.ts';

const PERIOD = 32;

/** Era, nonce and tip, as a signer adds them at a block. */
export function madeExtensions(signedAt: number, nonce: number): Uint8Array {
  return concatBytes(u16le(4 | ((signedAt % PERIOD) << 4)), compact(nonce), Uint8Array.of(0, 0));
}

/** A transaction that sets a row, by a validator, in a block or the 31 after it. */
export function madeTransaction(
  validator: string,
  netuid: number,
  { row, block }: { readonly row: WeightRow; readonly block: number },
) {
  const body = concatBytes(
    ...[Uint8Array.of(0x84, 0), decodeSs58(validator)!, new Uint8Array(65)],
    ...[madeExtensions(block, 0), Uint8Array.of(7, 0)],
    u16le(netuid),
    vecU16(row.map(({ uid }) => uid)),
    vecU16(row.map(({ weight }) => weight)),
    u64le(0),
  );
  const bytes = concatBytes(compact(body.length), body);
  return {
    extrinsic: `0x${toHex(bytes)}`,
    hash: `0x${toHex(blake2b256(bytes))}`,
    signer: validator,
    nonce: 0,
    firstBlock: block + 1,
    lastBlock: block + PERIOD - 1,
  };
}
