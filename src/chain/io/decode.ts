import type { Codec } from '@polkadot/types/types';
import type { CommitmentField } from '../chain.ts';

/** Fields of a commitment as the registry decodes them. `toU8a(true)` drops the length prefix of BigRaw and leaves RawN as it is. */
export function commitmentFields(info: Codec): CommitmentField[] {
  const fields = (info as unknown as Map<string, Iterable<Codec>>).get('fields') ?? [];
  return [...fields].flatMap((item) => {
    // Older runtimes nest the list once more.
    const field = 'type' in item ? item : ((item as unknown as Codec[])[0] ?? item);
    return [oneField(field as unknown as { type: string; inner: Codec })];
  });
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
