// What a validator's commitment says to anchor its ledger: number and hash of a record.
import type { ChainCommitment } from '../../chain/chain.ts';
import { fromUtf8 } from '../../core/bytes.ts';

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
