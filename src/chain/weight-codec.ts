// Weight commits as the chain expects them: payload, hash, reveal schedule and row checks.
import type { Beacon } from '../beacon/pulses.ts';
import { concatBytes } from '../core/bytes.ts';
import { blake2b256 } from '../core/hash.ts';
import type { EpochState, SubnetState, WeightRow } from './chain.ts';
import { ChainError } from './errors.ts';
import { compact, readCompact, u16le, u64le, vecU16 } from './scale.ts';

/**
 * The chain runs an epoch that has not stepped for this many blocks, whatever its tempo says
 * (run_coinbase.rs).
 */
const MAX_STALL_BLOCKS = 50_400;
/**
 * Blocks after the first possible reveal block by which the pulse is asked for: a pulse takes a
 * block or two to land.
 */
const SECURITY_OFFSET_BLOCKS = 3;

/**
 * The plaintext of a timelocked weights commit: WeightsTlockPayload with the hotkey, which the
 * chain compares with the signer.
 */
export function weightsPayload(
  hotkey: Uint8Array,
  row: WeightRow,
  versionKey: number | bigint,
): Uint8Array {
  return concatBytes(
    compact(hotkey.length),
    hotkey,
    vecU16(row.map(({ uid }) => uid)),
    vecU16(row.map(({ weight }) => weight)),
    u64le(versionKey),
  );
}

/** Reads a {@link weightsPayload}. Null where the bytes are none. */
export function readWeightsPayload(
  bytes: Uint8Array,
): { hotkey: Uint8Array; row: WeightRow; versionKey: bigint } | null {
  let at = 0;
  const part = (unit: number): Uint8Array | null => {
    const length = readCompact(bytes.subarray(at));
    if (!length || at + length.size + length.value * unit > bytes.length) return null;
    at += length.size + length.value * unit;
    return bytes.subarray(at - length.value * unit, at);
  };
  const [hotkey, uids, weights] = [part(1), part(2), part(2)];
  if (
    !hotkey ||
    !uids ||
    !weights ||
    hotkey.length !== 32 ||
    uids.length !== weights.length ||
    bytes.length !== at + 8
  )
    return null;
  const u16 = (list: Uint8Array, index: number): number =>
    list[2 * index]! + 256 * list[2 * index + 1]!;
  return {
    hotkey,
    row: Array.from({ length: uids.length / 2 }, (_, i) => ({
      uid: u16(uids, i),
      weight: u16(weights, i),
    })),
    versionKey: Buffer.from(bytes).readBigUInt64LE(at),
  };
}

/** What a commit by hash hides: the row, and what makes its hash another one each time. */
type HashedWeights = {
  readonly row: WeightRow;
  readonly salt: readonly number[];
  readonly versionKey: number | bigint;
};

/**
 * Hash of a commit-reveal commit (get_commit_hash): blake2b-256 over hotkey ‖ storage index ‖ uids
 * ‖ values ‖ salt ‖ version key. `storageIndex` is mechanism·4096 + netuid, so netuid for mechanism
 * 0.
 */
export function weightsCommitHash(
  hotkey: Uint8Array,
  storageIndex: number,
  { row, salt, versionKey }: HashedWeights,
): Uint8Array {
  return blake2b256(
    concatBytes(
      hotkey,
      u16le(storageIndex),
      vecU16(row.map(({ uid }) => uid)),
      vecU16(row.map(({ weight }) => weight)),
      vecU16(salt),
      u64le(versionKey),
    ),
  );
}

/**
 * When the chain reveals a commit that is sent now: the commit lands at head + 1, in `commitEpoch`,
 * and may open from `firstRevealBlock` on, which is the block at whose start epoch commitEpoch +
 * period begins. Null while the subnet has tempo 0: then it runs no epochs. Deferral by a busy
 * block is not modelled.
 */
export function revealSchedule(
  state: EpochState,
): { commitEpoch: number; firstRevealBlock: number } | null {
  const { head, tempo, pendingEpochAt } = state;
  if (tempo === 0) return null;
  const due =
    (pendingEpochAt > 0 && head + 1 >= pendingEpochAt) ||
    state.blocksSinceLastStep > MAX_STALL_BLOCKS ||
    head + 1 - state.lastEpochBlock >= tempo;
  const commitEpoch = state.subnetEpochIndex + (due ? 1 : 0);
  // The next epoch after the commit's own block, and then one every tempo blocks.
  const next = due
    ? head + 1 + tempo
    : Math.max(
        head + 2,
        Math.min(state.lastEpochBlock + tempo, pendingEpochAt > 0 ? pendingEpochAt : Infinity),
      );
  return { commitEpoch, firstRevealBlock: next + (state.revealPeriodEpochs - 1) * tempo };
}

/**
 * The drand round that opens a timelocked commit a few blocks into its reveal window: earlier is
 * readable too soon, later is lost.
 */
export function revealPulse(
  beacon: Beacon,
  { nowSeconds, blockSeconds, head }: Pick<SubnetState, 'nowSeconds' | 'blockSeconds' | 'head'>,
  firstRevealBlock: number,
): number {
  const blocks = firstRevealBlock + SECURITY_OFFSET_BLOCKS - head.number;
  const at = nowSeconds + blocks * blockSeconds;
  return Math.max(1, Math.floor((at - beacon.genesisSeconds) / beacon.periodSeconds));
}

/** Before spec 423 an epoch followed from the block number alone. */
export function legacyEpoch(block: number, netuid: number, tempo: number): number {
  return Math.floor((block + netuid + 1) / (tempo + 1));
}

/** First block of an epoch of the legacy count. */
export function legacyEpochStart(epoch: number, netuid: number, tempo: number): number {
  return epoch * (tempo + 1) - netuid - 1;
}

/**
 * Weights that a chain refuses before anything is sent, in the order in which it checks them
 * (RULES "Weights: row checks").
 */
export function checkRow(row: WeightRow, size: number, ownUid: number, minAllowed: number): void {
  const refuse = (message: string, hint: string): never => {
    throw new ChainError('BAD_PAYLOAD', 'usage', `these weights cannot be set: ${message}`, hint);
  };
  const uids = row.map(({ uid }) => uid);
  if (new Set(uids).size !== uids.length)
    refuse('a uid stands twice', 'this is a defect: please report it');
  const gone = uids.find((uid) => uid >= size);
  if (gone !== undefined)
    refuse(
      `uid ${gone} is not on a subnet of ${size}`,
      'is burnUid in the arena right for this subnet?',
    );
  const selfOnly = uids.length === 1 && uids[0] === ownUid;
  if (!selfOnly && uids.length < Math.min(size, minAllowed))
    refuse(
      `${uids.length} uids, the subnet wants at least ${Math.min(size, minAllowed)}`,
      "the subnet's owner sets min_allowed_weights",
    );
}
