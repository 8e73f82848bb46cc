import { blake2AsHex } from '@polkadot/util-crypto';
import type { GenericCall, Vec } from '@polkadot/types';
import type { Codec } from '@polkadot/types/types';
import type { MultiAddress, Call } from '@polkadot/types/interfaces';
import { fail, argument, type CallContext, type Handler } from './dispatch.ts';
import type { Storage } from './storage.ts';

const EXISTENTIAL_DEPOSIT = 500n;
const U16_MAX = 65_535;
/** Limits that SCALE metadata cannot express. */
const MAX_FIELDS = 3;
const MAX_BIG_RAW = 512;
const MAX_TIMELOCK = 1024;

type AccountRecord = {
  nonce: number;
  consumers: number;
  providers: number;
  sufficients: number;
  data: { free: bigint; reserved: bigint; frozen: bigint; flags: bigint };
};

/** Balance and nonce of an account. */
export function account(storage: Storage, address: string): AccountRecord {
  const record = storage.get('system.account', address)!.toJSON() as Record<string, unknown> & {
    data: Record<string, string | number>;
  };
  const big = (value: string | number): bigint => BigInt(value);
  const { free, reserved, frozen, flags } = record.data;
  return {
    nonce: Number(record['nonce']),
    consumers: Number(record['consumers']),
    providers: Number(record['providers']),
    sufficients: Number(record['sufficients']),
    data: { free: big(free!), reserved: big(reserved!), frozen: big(frozen!), flags: big(flags!) },
  };
}

/** Writes an account back. */
export function putAccount(storage: Storage, address: string, record: AccountRecord): void {
  storage.put('system.account', [address], record);
}

/** Takes rao from an account; the runtime's token error where it cannot. */
export function withdraw(storage: Storage, address: string, amountRao: bigint, keepAlive: boolean): void {
  const record = account(storage, address);
  if (record.data.free < amountRao) fail('Token', 'FundsUnavailable');
  if (record.data.free - amountRao < EXISTENTIAL_DEPOSIT && keepAlive) fail('Token', 'NotExpendable');
  record.data.free -= amountRao;
  putAccount(storage, address, record);
}

/** Gives rao to an account, which comes into being with them. */
export function deposit(context: Pick<CallContext, 'storage' | 'emit'>, address: string, amountRao: bigint): void {
  const record = account(context.storage, address);
  if (record.providers === 0) {
    if (amountRao < EXISTENTIAL_DEPOSIT) fail('Token', 'BelowMinimum');
    record.providers = 1;
    context.emit('System', 'NewAccount', address);
    context.emit('Balances', 'Endowed', address, amountRao);
  }
  record.data.free += amountRao;
  putAccount(context.storage, address, record);
}

function transfer(keepAlive: boolean): Handler {
  return (context, call) => {
    const dest = call.args[0] as MultiAddress;
    if (dest.type !== 'Id') fail('', 'CannotLookup');
    const to = dest.value.toString();
    const amountRao = BigInt(argument(call, 1));
    withdraw(context.storage, context.who, amountRao, keepAlive);
    deposit(context, to, amountRao);
    context.emit('Balances', 'Transfer', context.who, to, amountRao);
  };
}

const batchAll: Handler = (context, call) => {
  for (const inner of call.args[0] as Vec<Call>) {
    if (inner.section === 'utility') fail('System', 'CallFiltered');
    const failure = context.inner(inner);
    if (failure) throw failure;
    context.emit('Utility', 'ItemCompleted');
  }
  context.emit('Utility', 'BatchCompleted');
};

const batch: Handler = (context, call) => {
  for (const [index, inner] of [...(call.args[0] as Vec<Call>)].entries()) {
    const failure = context.inner(inner);
    if (failure) {
      context.emit('Utility', 'BatchInterrupted', index, failure);
      return;
    }
    context.emit('Utility', 'ItemCompleted');
  }
  context.emit('Utility', 'BatchCompleted');
};

const forceBatch: Handler = (context, call) => {
  let failed = false;
  for (const inner of call.args[0] as Vec<Call>) {
    const failure = context.inner(inner);
    failed ||= failure !== null;
    if (failure) context.emit('Utility', 'ItemFailed', failure);
    else context.emit('Utility', 'ItemCompleted');
  }
  context.emit('Utility', failed ? 'BatchCompletedWithErrors' : 'BatchCompleted');
};

/** Bytes that one commitment field counts against the epoch's budget, or a failure where it is too long. */
function fieldSize(field: Codec): number {
  const { type, inner } = field as unknown as { type: string; inner: Codec };
  const size =
    type === 'TimelockEncrypted'
      ? (inner as unknown as Map<string, Codec>).get('encrypted')!.toU8a(true).length
      : inner.toU8a(true).length;
  if (/^Raw\d+$/.test(type)) return size;
  if (type === 'BigRaw') return size;
  if (type === 'TimelockEncrypted') return size;
  return type === 'None' || type === 'ResetBondsFlag' ? 0 : 32;
}

/** Whether an extrinsic's commitment keeps the limits that its encoding cannot express. A real node cannot even decode it otherwise. */
export function withinBounds(call: GenericCall): boolean {
  if (call.section === 'utility')
    return (call.args[0] as Vec<Call>).every((inner) => withinBounds(inner as unknown as GenericCall));
  if (call.section !== 'commitments') return true;
  const fields = (call.args[1] as unknown as Map<string, Vec<Codec>>).get('fields')!;
  return (
    fields.length <= MAX_FIELDS &&
    fields.every((field) => {
      const { type } = field as unknown as { type: string };
      return fieldSize(field) <= (type === 'BigRaw' ? MAX_BIG_RAW : type === 'TimelockEncrypted' ? MAX_TIMELOCK : 128);
    })
  );
}

const setCommitment: Handler = (context, call) => {
  const { storage, who, block } = context;
  const netuid = Number(argument(call, 0));
  if (storage.get('subtensorModule.uids', netuid, who) === null) fail('Commitments', 'AccountNotAllowedCommit');
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
  if (before + cost > storage.number('commitments.maxSpace')) fail('Commitments', 'SpaceLimitExceeded');
  storage.put('commitments.usedSpaceOf', [netuid, who], { lastEpoch: epoch, usedSpace: before + cost });
  storage.put('commitments.commitmentOf', [netuid, who], { deposit: 0, block, info: call.args[1] });
  storage.put('commitments.lastCommitment', [netuid, who], block);
  const sealed = fields.find((field) => (field as unknown as { type: string }).type === 'TimelockEncrypted') as unknown as
    { inner: Map<string, Codec> } | undefined;
  if (sealed)
    context.emit(
      'Commitments',
      'TimelockCommitment',
      netuid,
      who,
      sealed.inner.get('revealRound') ?? sealed.inner.get('reveal_round'),
    );
  else context.emit('Commitments', 'Commitment', netuid, who);
};

/** The chain stores weights scaled so that the largest is 65535 (vec_u16_max_upscale_to_u16). */
function upscale(weights: readonly number[]): number[] {
  const largest = Math.max(0, ...weights);
  return largest === 0 || largest === U16_MAX ? [...weights] : weights.map((weight) => Math.floor((weight * U16_MAX) / largest));
}

const setWeights: Handler = (context, call) => {
  const { storage, who, block } = context;
  const pallet = 'SubtensorModule';
  const netuid = Number(argument(call, 0));
  const uids = (call.args[1] as Vec<Codec>).map((uid) => Number(uid.toString()));
  const weights = (call.args[2] as Vec<Codec>).map((weight) => Number(weight.toString()));
  const version = BigInt(argument(call, 3));
  if (storage.get('subtensorModule.commitRevealWeightsEnabled', netuid)!.toString() === 'true')
    fail(pallet, 'CommitRevealEnabled');
  if (uids.length !== weights.length) fail(pallet, 'WeightVecNotEqualSize');
  if (storage.get('subtensorModule.networksAdded', netuid)!.toString() !== 'true') fail(pallet, 'MechanismDoesNotExist');
  const size = storage.number('subtensorModule.subnetworkN', netuid);
  if (uids.length > size) fail(pallet, 'UidsLengthExceedUidsInSubNet');
  const own = storage.get('subtensorModule.uids', netuid, who);
  if (own === null) fail(pallet, 'HotKeyNotRegisteredInSubNet');
  const uid = Number(own.toString());
  const key = BigInt(storage.get('subtensorModule.weightsVersionKey', netuid)!.toString());
  if (key !== 0n && version < key) fail(pallet, 'IncorrectWeightVersionKey');
  const updates = (storage.get('subtensorModule.lastUpdate', netuid) as Vec<Codec>).map((item) => Number(item.toString()));
  const last = updates[uid] ?? 0;
  if (last !== 0 && block - last < storage.number('subtensorModule.weightsSetRateLimit', netuid))
    fail(pallet, 'SettingWeightsTooFast');
  const permits = (storage.get('subtensorModule.validatorPermit', netuid) as Vec<Codec>).map(
    (item) => item.toString() === 'true',
  );
  const selfOnly = uids.length === 1 && uids[0] === uid;
  if (!permits[uid] && !selfOnly) fail(pallet, 'NeuronNoValidatorPermit');
  if (new Set(uids).size !== uids.length) fail(pallet, 'DuplicateUids');
  if (uids.some((item) => item >= size)) fail(pallet, 'UidVecContainInvalidOne');
  if (!selfOnly && uids.length < Math.min(size, storage.number('subtensorModule.minAllowedWeights', netuid)))
    fail(pallet, 'WeightVecLengthIsLow');
  storage.put(
    'subtensorModule.weights',
    [netuid, uid],
    upscale(weights).map((weight, i) => [uids[i]!, weight]),
  );
  while (updates.length < size) updates.push(0);
  updates[uid] = block;
  storage.put('subtensorModule.lastUpdate', [netuid], updates);
  context.emit(pallet, 'WeightsSet', netuid, uid);
};

/** Adds a neuron at the next free uid. */
export function register(
  storage: Storage,
  netuid: number,
  hotkey: string,
  coldkey: string,
  block: number,
  permit = false,
): number {
  const uid = storage.number('subtensorModule.subnetworkN', netuid);
  storage.put('subtensorModule.subnetworkN', [netuid], uid + 1);
  storage.put('subtensorModule.uids', [netuid, hotkey], uid);
  storage.put('subtensorModule.keys', [netuid, uid], hotkey);
  storage.put('subtensorModule.owner', [hotkey], coldkey);
  storage.put('subtensorModule.isNetworkMember', [hotkey, netuid], true);
  storage.put('subtensorModule.blockAtRegistration', [netuid, uid], block);
  const grow = (item: string, value: unknown): void => {
    const list = [...(storage.get(`subtensorModule.${item}`, netuid) as Vec<Codec>)].map((entry) => entry.toJSON());
    storage.put(`subtensorModule.${item}`, [netuid], [...list, value]);
  };
  grow('active', true);
  grow('validatorPermit', permit);
  grow('lastUpdate', block);
  return uid;
}

const burnedRegister: Handler = (context, call) => {
  const netuid = Number(argument(call, 0));
  const hotkey = argument(call, 1);
  const { storage, who, block } = context;
  if (storage.get('subtensorModule.networksAdded', netuid)!.toString() !== 'true')
    fail('SubtensorModule', 'MechanismDoesNotExist');
  if (storage.get('subtensorModule.uids', netuid, hotkey) !== null) fail('SubtensorModule', 'HotKeyAlreadyRegisteredInSubNet');
  withdraw(storage, who, BigInt(storage.get('subtensorModule.burn', netuid)!.toString()), true);
  const uid = register(storage, netuid, hotkey, who, block);
  context.emit('SubtensorModule', 'NeuronRegistered', netuid, uid, hotkey);
};

/** Every call of the embedded chain, by `section.method` as @polkadot/api spells it. */
export const HANDLERS: Readonly<Record<string, Handler>> = {
  'system.remark': () => undefined,
  'system.remarkWithEvent': (context, call) =>
    context.emit('System', 'Remarked', context.who, blake2AsHex(call.args[0]!.toU8a(true))),
  'balances.transferKeepAlive': transfer(true),
  'balances.transferAllowDeath': transfer(false),
  'utility.batch': batch,
  'utility.batchAll': batchAll,
  'utility.forceBatch': forceBatch,
  'commitments.setCommitment': setCommitment,
  'subtensorModule.setWeights': setWeights,
  'subtensorModule.burnedRegister': burnedRegister,
};

/** Calls that cost nothing, also when they fail (`Pays::No`). */
export function isFree(call: GenericCall): boolean {
  if (call.section === 'utility') return (call.args[0] as Vec<Call>).every((inner) => isFree(inner as unknown as GenericCall));
  return call.section === 'commitments' || (call.section === 'subtensorModule' && call.method !== 'burnedRegister');
}

const BASE_FEE_RAO = 54_078n;
const CALL_FEE_RAO = 50_000n;

/** Fee in rao: a base, a part per call, one rao per byte; near the real chain's. */
export function feeRao(call: GenericCall, encodedLength: number): bigint {
  if (isFree(call)) return 0n;
  const calls = call.section === 'utility' ? BigInt((call.args[0] as Vec<Call>).length) : 1n;
  return BASE_FEE_RAO + CALL_FEE_RAO * calls + BigInt(encodedLength);
}

/** The epoch bookkeeping of every block's start: an epoch runs when `tempo` blocks have passed (spec 423 and later). */
export function onInitialize(storage: Storage, netuid: number, block: number): void {
  const tempo = storage.number('subtensorModule.tempo', netuid);
  const last = storage.number('subtensorModule.lastEpochBlock', netuid);
  if (tempo > 0 && block - last >= tempo) {
    storage.put('subtensorModule.lastEpochBlock', [netuid], block);
    storage.put('subtensorModule.lastMechansimStepBlock', [netuid], block);
    storage.put('subtensorModule.subnetEpochIndex', [netuid], storage.number('subtensorModule.subnetEpochIndex', netuid) + 1);
    storage.put('subtensorModule.blocksSinceLastStep', [netuid], 0);
  } else {
    storage.put(
      'subtensorModule.blocksSinceLastStep',
      [netuid],
      storage.number('subtensorModule.blocksSinceLastStep', netuid) + 1,
    );
  }
}
