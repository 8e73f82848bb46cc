// Commitments on the embedded chain: size limits, timelocked fields and their reveal.
import type { GenericCall, Vec } from '@polkadot/types';
import type { Call } from '@polkadot/types/interfaces';
import type { Codec } from '@polkadot/types/types';
import { toHex } from '../../../core/bytes.ts';
import type { Storage } from '../storage.ts';
import { argument, fail, type BlockContext, type Handler } from './dispatch.ts';
import { pulseSignature, tryOpen } from './drand-pallet.ts';

/** Limits that SCALE metadata cannot express. */
const MAX_FIELDS = 3;
const MAX_RAW = 128;
const MAX_FIELD_BYTES: ReadonlyMap<string, number> = new Map([
  ['BigRaw', 512],
  ['TimelockEncrypted', 1024],
]);
/** Reveals that the chain keeps of one account. */
const MAX_REVEALS = 10;

/**
 * Bytes that one commitment field counts against the epoch's budget, or a failure where it is too
 * long.
 */
function fieldSize(field: Codec): number {
  const { type, inner } = field as unknown as { type: string; inner: Codec };
  const size =
    type === 'TimelockEncrypted'
      ? (inner as unknown as Map<string, Codec>).get('encrypted')!.toU8a(true).length
      : inner.toU8a(true).length;
  if (/^(?:Raw\d+|BigRaw|TimelockEncrypted)$/.test(type)) return size;
  return type === 'None' || type === 'ResetBondsFlag' ? 0 : 32;
}

/**
 * Whether an extrinsic's commitment keeps the limits that its encoding cannot express. A real node
 * cannot even decode it otherwise.
 */
export function withinBounds(call: GenericCall): boolean {
  if (call.section === 'utility')
    return (call.args[0] as Vec<Call>).every((inner) =>
      withinBounds(inner as unknown as GenericCall),
    );
  if (call.section !== 'commitments') return true;
  const fields = (call.args[1] as unknown as Map<string, Vec<Codec>>).get('fields')!;
  return (
    fields.length <= MAX_FIELDS &&
    fields.every((field) => {
      const { type } = field as unknown as { type: string };
      return fieldSize(field) <= (MAX_FIELD_BYTES.get(type) ?? MAX_RAW);
    })
  );
}

const setCommitment: Handler = (context, call) => {
  const { storage, who, block } = context;
  const netuid = Number(argument(call, 0));
  if (storage.get('subtensorModule.uids', netuid, who) === null)
    fail('Commitments', 'AccountNotAllowedCommit');
  const info = call.args[1] as unknown as Map<string, Vec<Codec>>;
  const fields = [...info.get('fields')!];
  const cost = Math.max(
    100,
    fields.reduce((sum, field) => sum + fieldSize(field), 0),
  );
  const epoch = storage.number('subtensorModule.subnetEpochIndex', netuid);
  const used = storage.get('commitments.usedSpaceOf', netuid, who)?.toJSON() as
    { lastEpoch: number; usedSpace: number } | undefined;
  const before = used && used.lastEpoch === epoch ? used.usedSpace : 0;
  if (before + cost > storage.number('commitments.maxSpace'))
    fail('Commitments', 'SpaceLimitExceeded');
  storage.put('commitments.usedSpaceOf', [netuid, who], {
    lastEpoch: epoch,
    usedSpace: before + cost,
  });
  storage.put('commitments.commitmentOf', [netuid, who], { deposit: 0, block, info: call.args[1] });
  storage.put('commitments.lastCommitment', [netuid, who], block);
  const rounds = fields.flatMap((field) => sealedRound(field) ?? []);
  indexTimelock(storage, netuid, who, rounds.length > 0);
  if (rounds.length > 0) context.emit('Commitments', 'TimelockCommitment', netuid, who, rounds[0]);
  else context.emit('Commitments', 'Commitment', netuid, who);
};

type Sealed = { type: string; inner: Map<string, Codec> };

/** Reveal round of a sealed field; null for any other. */
function sealedRound(field: Codec): number | null {
  const { type, inner } = field as unknown as Sealed;
  if (type !== 'TimelockEncrypted') return null;
  return Number((inner.get('revealRound') ?? inner.get('reveal_round'))!.toString());
}

type Indexed = readonly [netuid: number, who: string];
function timelocked(storage: Storage): Indexed[] {
  return (storage.get('commitments.timelockedIndex')!.toJSON() as [number, string][]).map(
    ([netuid, who]) => [netuid, who],
  );
}

/** Notes which hotkeys have a sealed field: each block looks only at those. */
function indexTimelock(storage: Storage, netuid: number, who: string, sealed: boolean): void {
  const others = timelocked(storage).filter(([id, address]) => id !== netuid || address !== who);
  storage.put('commitments.timelockedIndex', [], sealed ? [...others, [netuid, who]] : others);
}

/** Rounds that commitments wait for. */
export function awaitedByCommitments(storage: Storage): number[] {
  return timelocked(storage).flatMap(([netuid, who]) =>
    fieldsOf(storage, netuid, who).flatMap((field) => sealedRound(field) ?? []),
  );
}

function fieldsOf(storage: Storage, netuid: number, who: string): Codec[] {
  const entry = storage.get('commitments.commitmentOf', netuid, who) as unknown as Map<
    string,
    Map<string, Vec<Codec>>
  > | null;
  return [...(entry?.get('info')?.get('fields') ?? [])];
}

/**
 * Opens every sealed field whose pulse is there. The field goes, and its text stands among the ten
 * newest reveals with this block. A field that cannot be opened, or is empty, vanishes without a
 * word, as on the real chain.
 */
export function revealCommitments({ storage, block, emit }: BlockContext): void {
  for (const [netuid, who] of timelocked(storage)) {
    const fields = fieldsOf(storage, netuid, who);
    const kept: Codec[] = [];
    for (const field of fields) {
      const round = sealedRound(field);
      const signature = round === null ? null : pulseSignature(storage, round);
      if (signature === null) {
        kept.push(field);
        continue;
      }
      const text = tryOpen(
        (field as unknown as Sealed).inner.get('encrypted')!.toU8a(true),
        signature,
      );
      if (text === null || text.length === 0) continue;
      const before = (storage.get('commitments.revealedCommitments', netuid, who)?.toJSON() ??
        []) as [string, number][];
      storage.put(
        'commitments.revealedCommitments',
        [netuid, who],
        [...before, [`0x${toHex(text)}`, block] as const].slice(-MAX_REVEALS),
      );
      emit('Commitments', 'CommitmentRevealed', netuid, who);
    }
    if (kept.length === fields.length) continue;
    const entry = storage.get('commitments.commitmentOf', netuid, who) as unknown as Map<
      string,
      Codec
    >;
    if (kept.length === 0) storage.remove('commitments.commitmentOf', netuid, who);
    else
      storage.put('commitments.commitmentOf', [netuid, who], {
        deposit: 0,
        block: Number(entry.get('block')!.toString()),
        info: { fields: kept },
      });
    indexTimelock(
      storage,
      netuid,
      who,
      kept.some((field) => sealedRound(field) !== null),
    );
  }
}

/** Calls of Commitments. */
export const COMMITMENTS: Readonly<Record<string, Handler>> = {
  'commitments.setCommitment': setCommitment,
};
