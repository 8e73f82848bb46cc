// What a validator's commitment says to anchor its ledger: number and hash of a record.
import type { ChainCommitment } from '../../chain/chain.ts';
import { endsWith, signerKeyOf } from '../../chain/extrinsic-bytes.ts';
import { u16le } from '../../chain/scale.ts';
import { concatBytes, equalBytes, fromUtf8, utf8 } from '../../core/bytes.ts';

/** A record as a validator anchors it on chain. */
export type Anchored = { readonly seq: number; readonly sha256: string };

/** The text of an anchor: it fits one Raw128 field, so that every runtime takes it. */
export function anchorText({ seq, sha256 }: Anchored): string {
  return `cacheon:head:${seq}:${sha256}`;
}

/** The anchor that a hotkey's commitment holds, or null where it holds something else. */
export function anchorOf({ standing }: Pick<ChainCommitment, 'standing'>): Anchored | null {
  for (const field of standing?.fields ?? []) {
    const groups =
      field.kind === 'raw'
        ? /^cacheon:head:(\d{1,15}):([0-9a-f]{64})$/.exec(fromUtf8(field.bytes) ?? '')
        : null;
    if (groups) return { seq: Number(groups[1]), sha256: groups[2]! };
  }
  return null;
}

/** Pallet and call of `commitments.setCommitment`, the same in every runtime so far. */
const SET_COMMITMENT = Uint8Array.of(18, 0);
/** A vector of one field. */
const ONE_FIELD = Uint8Array.of(1 << 2);

/** The call that anchors a record, as it ends a signed extrinsic: one raw field with its text. */
export function anchorCall(netuid: number, anchored: Anchored): Uint8Array {
  const text = utf8(anchorText(anchored));
  // The kinds of a raw field are counted by its length: 1 for no bytes, 2 for one byte.
  const field = concatBytes(Uint8Array.of(1 + text.length), text);
  return concatBytes(SET_COMMITMENT, u16le(netuid), ONE_FIELD, field);
}

/**
 * Whether an extrinsic anchors a record for a hotkey: signed by that key, with that call. That it
 * holds key and text somewhere is not enough: anybody can write both into a remark.
 */
export function isAnchorExtrinsic(
  bytes: Uint8Array,
  { publicKey, netuid }: { readonly publicKey: Uint8Array; readonly netuid: number },
  anchored: Anchored,
): boolean {
  const signer = signerKeyOf(bytes);
  const own = signer !== null && equalBytes(signer, publicKey);
  return own && endsWith(bytes, anchorCall(netuid, anchored));
}
