// Weights on the embedded chain: set plainly, or committed and revealed later.
import type { Vec } from '@polkadot/types';
import type { Codec } from '@polkadot/types/types';
import { blake2AsHex } from '@polkadot/util-crypto';
import { encodeSs58, decodeSs58 } from '../../../core/ss58.ts';
import { toHex } from '../../../core/bytes.ts';
import type { WeightRow } from '../../../chain/chain.ts';
import { readWeightsPayload, weightsCommitHash } from '../../../chain/weight-codec.ts';
import type { Storage } from '../storage.ts';
import {
  argument,
  DispatchFailure,
  fail,
  type BlockContext,
  type CallContext,
  type Handler,
} from './dispatch.ts';
import { lastStoredPulse, pulseSignature, tryOpen } from './drand-pallet.ts';

const PALLET = 'SubtensorModule';
const U16_MAX = 65_535;
/** Commits of one hotkey that may wait. */
const MAX_COMMITS = 10;

/** The chain stores weights scaled so that the largest is 65535 (vec_u16_max_upscale_to_u16). */
function upscale(weights: readonly number[]): number[] {
  const largest = Math.max(0, ...weights);
  return largest === 0 || largest === U16_MAX
    ? [...weights]
    : weights.map((weight) => Math.floor((weight * U16_MAX) / largest));
}

type Row = { netuid: number; uids: number[]; weights: number[]; version: bigint };
const rowOf = (netuid: number, row: WeightRow, version: bigint): Row => ({
  netuid,
  uids: row.map(({ uid }) => uid),
  weights: row.map(({ weight }) => weight),
  version,
});

const flag = (storage: Storage, item: string, ...args: unknown[]): boolean =>
  storage.get(`subtensorModule.${item}`, ...args)!.toString() === 'true';
const numbers = (storage: Storage, item: string, netuid: number): number[] =>
  (storage.get(`subtensorModule.${item}`, netuid) as Vec<Codec>).map((entry) =>
    Number(entry.toString()),
  );

function ownUid(storage: Storage, netuid: number, who: string): number {
  const own = storage.get('subtensorModule.uids', netuid, who);
  return own === null ? fail(PALLET, 'HotKeyNotRegisteredInSubNet') : Number(own.toString());
}

/** Refuses a hotkey that set or committed weights too recently, and notes that it does so now. */
function limitRate(
  { storage, block }: BlockContext,
  netuid: number,
  uid: number,
  error: string,
): void {
  const updates = numbers(storage, 'lastUpdate', netuid);
  const last = updates[uid] ?? 0;
  if (last !== 0 && block - last < storage.number('subtensorModule.weightsSetRateLimit', netuid))
    fail(PALLET, error);
}
function noteUpdate({ storage, block }: BlockContext, netuid: number, uid: number): void {
  const updates = numbers(storage, 'lastUpdate', netuid);
  while (updates.length < storage.number('subtensorModule.subnetworkN', netuid)) updates.push(0);
  updates[uid] = block;
  storage.put('subtensorModule.lastUpdate', [netuid], updates);
}

/** Checks and writes a row, whether it came plainly or was revealed. */
function applyRow(
  { storage, emit }: BlockContext,
  who: string,
  { netuid, uids, weights, version }: Row,
  before: (uid: number) => void,
): void {
  if (uids.length !== weights.length) fail(PALLET, 'WeightVecNotEqualSize');
  if (!flag(storage, 'networksAdded', netuid)) fail(PALLET, 'MechanismDoesNotExist');
  const size = storage.number('subtensorModule.subnetworkN', netuid);
  if (uids.length > size) fail(PALLET, 'UidsLengthExceedUidsInSubNet');
  const uid = ownUid(storage, netuid, who);
  const key = BigInt(storage.get('subtensorModule.weightsVersionKey', netuid)!.toString());
  if (key !== 0n && version < key) fail(PALLET, 'IncorrectWeightVersionKey');
  before(uid);
  const permits = (storage.get('subtensorModule.validatorPermit', netuid) as Vec<Codec>).map(
    (item) => item.toString() === 'true',
  );
  const selfOnly = uids.length === 1 && uids[0] === uid;
  if (!permits[uid] && !selfOnly) fail(PALLET, 'NeuronNoValidatorPermit');
  if (new Set(uids).size !== uids.length) fail(PALLET, 'DuplicateUids');
  if (uids.some((item) => item >= size)) fail(PALLET, 'UidVecContainInvalidOne');
  if (
    !selfOnly &&
    uids.length < Math.min(size, storage.number('subtensorModule.minAllowedWeights', netuid))
  )
    fail(PALLET, 'WeightVecLengthIsLow');
  storage.put(
    'subtensorModule.weights',
    [netuid, uid],
    upscale(weights).map((weight, i) => [uids[i]!, weight]),
  );
  emit(PALLET, 'WeightsSet', netuid, uid);
}

const u16List = (value: Codec | undefined): number[] =>
  (value as Vec<Codec>).map((item) => Number(item.toString()));

const setWeights = (context: CallContext, row: Row): void => {
  if (flag(context.storage, 'commitRevealWeightsEnabled', row.netuid))
    fail(PALLET, 'CommitRevealEnabled');
  applyRow(context, context.who, row, (uid) =>
    limitRate(context, row.netuid, uid, 'SettingWeightsTooFast'),
  );
  noteUpdate(context, row.netuid, ownUid(context.storage, row.netuid, context.who));
};

/** What both kinds of commit check first. Returns the committer's uid. */
function admitCommit(context: CallContext, netuid: number): number {
  const { storage, who } = context;
  if (!flag(storage, 'networksAdded', netuid)) fail(PALLET, 'MechanismDoesNotExist');
  if (!flag(storage, 'commitRevealWeightsEnabled', netuid)) fail(PALLET, 'CommitRevealDisabled');
  const uid = ownUid(storage, netuid, who);
  limitRate(context, netuid, uid, 'CommittingWeightsTooFast');
  return uid;
}

const epochOf = (storage: Storage, netuid: number): number =>
  storage.number('subtensorModule.subnetEpochIndex', netuid);
const periodOf = (storage: Storage, netuid: number): number =>
  storage.number('subtensorModule.revealPeriodEpochs', netuid);

type HashCommit = [hash: string, epoch: number, block: number, zero: number];
const hashCommits = (storage: Storage, netuid: number, who: string): HashCommit[] =>
  (storage.get('subtensorModule.weightCommits', netuid, who)?.toJSON() ?? []) as HashCommit[];

const commitWeights: Handler = (context, call) => {
  const { storage, who, block } = context;
  const netuid = Number(argument(call, 0));
  const uid = admitCommit(context, netuid);
  const epoch = epochOf(storage, netuid);
  const waiting = hashCommits(storage, netuid, who).filter(
    ([, commitEpoch]) => commitEpoch + periodOf(storage, netuid) >= epoch,
  );
  if (waiting.length >= MAX_COMMITS) fail(PALLET, 'TooManyUnrevealedCommits');
  const hash = argument(call, 1);
  storage.put(
    'subtensorModule.weightCommits',
    [netuid, who],
    [...waiting, [hash, epoch, block, 0]],
  );
  noteUpdate(context, netuid, uid);
  context.emit(PALLET, 'WeightsCommitted', who, netuid, hash);
};

const revealWeights: Handler = (context, call) => {
  const { storage, who } = context;
  const netuid = Number(argument(call, 0));
  if (!flag(storage, 'commitRevealWeightsEnabled', netuid)) fail(PALLET, 'CommitRevealDisabled');
  const [uids, weights, salt] = [
    u16List(call.args[1]),
    u16List(call.args[2]),
    u16List(call.args[3]),
  ];
  const version = BigInt(argument(call, 4));
  if (uids.length !== weights.length) fail(PALLET, 'WeightVecNotEqualSize');
  const row = uids.map((uid, i) => ({ uid, weight: weights[i]! }));
  const hash = `0x${toHex(weightsCommitHash(decodeSs58(who)!, netuid, { row, salt, versionKey: version }))}`;
  const commits = hashCommits(storage, netuid, who);
  if (commits.length === 0) fail(PALLET, 'NoWeightsCommitFound');
  const [epoch, period] = [epochOf(storage, netuid), periodOf(storage, netuid)];
  const index = commits.findIndex(([known]) => known === hash);
  if (index < 0)
    fail(
      PALLET,
      commits.every(([, at]) => at + period < epoch)
        ? 'ExpiredWeightCommit'
        : 'InvalidRevealCommitHashNotMatch',
    );
  const due = commits[index]![1] + period;
  if (due < epoch) fail(PALLET, 'ExpiredWeightCommit');
  if (due > epoch) fail(PALLET, 'RevealTooEarly');
  applyRow(context, who, rowOf(netuid, row, version), () => undefined);
  const left = commits.slice(index + 1);
  if (left.length === 0) storage.remove('subtensorModule.weightCommits', netuid, who);
  else storage.put('subtensorModule.weightCommits', [netuid, who], left);
  context.emit(PALLET, 'WeightsRevealed', who, netuid, hash);
};

type SealedCommit = [who: string, block: number, commit: string, round: number];
const sealedCommits = (storage: Storage, netuid: number, epoch: number): SealedCommit[] =>
  storage
    .get('subtensorModule.timelockedWeightCommits', netuid, epoch)!
    .toJSON() as unknown as SealedCommit[];

/** Seals weights of mechanism 0; `at` is where the commit stands among the call's arguments. */
function commitTimelocked(context: CallContext, call: Parameters<Handler>[1], at: number): void {
  const { storage, who, block } = context;
  const netuid = Number(argument(call, 0));
  const commit = call.args[at]!;
  const [round, version] = [Number(argument(call, at + 1)), Number(argument(call, at + 2))];
  if (version !== storage.number('subtensorModule.commitRevealWeightsVersion'))
    fail(PALLET, 'IncorrectCommitRevealVersion');
  const uid = admitCommit(context, netuid);
  if (round < lastStoredPulse(storage)) fail(PALLET, 'InvalidRevealRound');
  const epoch = epochOf(storage, netuid);
  const commits = sealedCommits(storage, netuid, epoch);
  if (commits.filter(([other]) => other === who).length >= MAX_COMMITS)
    fail(PALLET, 'TooManyUnrevealedCommits');
  const bytes = commit.toU8a(true);
  storage.put(
    'subtensorModule.timelockedWeightCommits',
    [netuid, epoch],
    [...commits, [who, block, `0x${toHex(bytes)}`, round]],
  );
  noteUpdate(context, netuid, uid);
  context.emit(PALLET, 'TimelockedWeightsCommitted', who, netuid, blake2AsHex(bytes), round);
}

/** Rounds that sealed weights wait for, in epochs whose reveal is not over. */
export function awaitedByWeights(storage: Storage, netuid: number): number[] {
  const [epoch, period] = [epochOf(storage, netuid), periodOf(storage, netuid)];
  return Array.from({ length: period + 1 }, (_, i) => epoch - i).flatMap((at) =>
    at < 0 ? [] : sealedCommits(storage, netuid, at).map(([, , , round]) => round),
  );
}

/**
 * Opens the sealed weights of the epoch whose turn it is, where their pulse is there, and drops
 * commits of earlier epochs. `epoch` is the epoch that begins with this block. The chain loses a
 * row that it cannot open, or that the rules refuse, without an event.
 */
export function revealTimelocked(context: BlockContext, netuid: number, epoch: number): void {
  const { storage } = context;
  const turn = epoch - periodOf(storage, netuid);
  if (turn > 0) storage.remove('subtensorModule.timelockedWeightCommits', netuid, turn - 1);
  if (turn < 0) return;
  const commits = sealedCommits(storage, netuid, turn);
  const left = commits.filter(([who, , commit, round]) => {
    const signature = pulseSignature(storage, round);
    if (signature === null) return true;
    const payload = tryOpen(new Uint8Array(Buffer.from(commit.slice(2), 'hex')), signature);
    const read = payload && readWeightsPayload(payload);
    if (!read || encodeSs58(read.hotkey) !== who) return false;
    try {
      applyRow(context, who, rowOf(netuid, read.row, read.versionKey), () => undefined);
      context.emit(PALLET, 'TimelockedWeightsRevealed', netuid, who);
    } catch (error) {
      if (!(error instanceof DispatchFailure)) throw error;
    }
    return false;
  });
  if (left.length === commits.length) return;
  if (left.length === 0) storage.remove('subtensorModule.timelockedWeightCommits', netuid, turn);
  else storage.put('subtensorModule.timelockedWeightCommits', [netuid, turn], left);
}

/** Weights of mechanism 0 only: the embedded subnet has one. */
const mechanism = (call: Parameters<Handler>[1]): void => {
  if (argument(call, 1) !== '0') fail(PALLET, 'MechanismDoesNotExist');
};

/** Calls that set or commit weights. */
export const WEIGHTS: Readonly<Record<string, Handler>> = {
  'subtensorModule.setWeights': (context, call) =>
    setWeights(context, {
      netuid: Number(argument(call, 0)),
      uids: u16List(call.args[1]),
      weights: u16List(call.args[2]),
      version: BigInt(argument(call, 3)),
    }),
  'subtensorModule.setMechanismWeights': (context, call) => {
    mechanism(call);
    setWeights(context, {
      netuid: Number(argument(call, 0)),
      uids: u16List(call.args[2]),
      weights: u16List(call.args[3]),
      version: BigInt(argument(call, 4)),
    });
  },
  'subtensorModule.commitWeights': commitWeights,
  'subtensorModule.revealWeights': revealWeights,
  'subtensorModule.commitTimelockedWeights': (context, call) => commitTimelocked(context, call, 1),
  'subtensorModule.commitTimelockedMechanismWeights': (context, call) => {
    mechanism(call);
    commitTimelocked(context, call, 2);
  },
};
