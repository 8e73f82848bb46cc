import type { Codec } from '@polkadot/types/types';
import { fromHex } from '../../core/bytes.ts';
import type { ChainCommitment, CommitmentField, StandingCommitment } from '../chain.ts';

/** Fields of a commitment as the registry decodes them. `toU8a(true)` drops the length prefix of BigRaw and leaves RawN as it is. */
function commitmentFields(info: Codec): CommitmentField[] {
  const fields = (info as unknown as Map<string, Iterable<Codec>>).get('fields') ?? [];
  return [...fields].map((item) => oneField(item as unknown as { type: string; inner: Codec }));
}

function oneField({ type, inner }: { type: string; inner: Codec }): CommitmentField {
  if (/^(?:Raw\d+|BigRaw)$/.test(type)) return { kind: 'raw', bytes: inner.toU8a(true) };
  if (/^(?:BlakeTwo256|Sha256|Keccak256|ShaThree256)$/.test(type)) return { kind: 'hash', algorithm: type };
  if (type === 'TimelockEncrypted') {
    const round =
      (inner as unknown as Map<string, Codec>).get('revealRound') ?? (inner as unknown as Map<string, Codec>).get('reveal_round');
    return { kind: 'timelock', revealRound: Number(round?.toString() ?? 0) };
  }
  return { kind: type === 'None' ? 'none' : type === 'ResetBondsFlag' ? 'reset-bonds' : 'unknown' };
}

/** A stored Registration: block and fields. */
export function standingCommitment(registration: Codec): StandingCommitment {
  const record = registration as unknown as Map<string, Codec>;
  return { block: Number(record.get('block')!.toString()), fields: commitmentFields(record.get('info')!) };
}

/** All that the chain holds of one hotkey's commitments. `revealed` is `Vec<(Bytes, u64)>`, oldest first. */
export function commitmentOf(
  hotkey: string,
  standing: StandingCommitment | null,
  last: Codec | null | undefined,
  revealed: Codec | null | undefined,
): ChainCommitment {
  // An old runtime keeps no block of its own here: then the standing commitment tells it.
  const lastBlock = last ? Number(last.toString()) : (standing?.block ?? null);
  const reveals = (revealed?.toJSON() ?? []) as [string, number | string][];
  return {
    hotkey,
    standing,
    lastBlock,
    revealed: reveals.map(([bytes, block]) => ({ block: Number(block), bytes: fromHex(bytes)! })),
  };
}
