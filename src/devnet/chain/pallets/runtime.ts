// The embedded chain's runtime: its calls, their fees, and the work of each block.
import type { GenericCall, Vec } from '@polkadot/types';
import type { Call } from '@polkadot/types/interfaces';
import { awaitedByCommitments, COMMITMENTS, revealCommitments } from './commitments-pallet.ts';
import type { BlockContext, Handler } from './dispatch.ts';
import { importPulses } from './drand-pallet.ts';
import { MONEY } from './money-pallet.ts';
import { NEURONS } from './neurons-pallet.ts';
import { awaitedByWeights, revealTimelocked, WEIGHTS } from './weights-pallet.ts';

/** Every call of the embedded chain, by `section.method` as @polkadot/api spells it. */
export const HANDLERS: Readonly<Record<string, Handler>> = {
  ...MONEY,
  ...COMMITMENTS,
  ...WEIGHTS,
  ...NEURONS,
};

/** Calls that cost nothing, also when they fail (`Pays::No`). */
export function isFree(call: GenericCall): boolean {
  if (call.section === 'utility')
    return (call.args[0] as Vec<Call>).every((inner) => isFree(inner as unknown as GenericCall));
  return (
    call.section === 'commitments' ||
    (call.section === 'subtensorModule' && call.method !== 'burnedRegister')
  );
}

const BASE_FEE_RAO = 54_078n;
const CALL_FEE_RAO = 50_000n;

/** Fee in rao: a base, a part per call, one rao per byte; near the real chain's. */
export function extrinsicFeeRao(call: GenericCall, encodedLength: number): bigint {
  if (isFree(call)) return 0n;
  const calls = call.section === 'utility' ? BigInt((call.args[0] as Vec<Call>).length) : 1n;
  return BASE_FEE_RAO + CALL_FEE_RAO * calls + BigInt(encodedLength);
}

/** The chain runs an epoch that has not stepped for this many blocks, whatever its tempo says. */
const MAX_STALL_BLOCKS = 50_400;

/**
 * What happens at every block's start: sealed commitments open, then sealed weights, then an epoch
 * where one is due (spec 423 and later).
 */
export function onInitialize(context: BlockContext, netuid: number): void {
  const { storage, block } = context;
  revealCommitments(context);
  const number = (item: string): number => storage.number(`subtensorModule.${item}`, netuid);
  const put = (item: string, value: number): void =>
    storage.put(`subtensorModule.${item}`, [netuid], value);
  const [tempo, pending, since] = [
    number('tempo'),
    number('pendingEpochAt'),
    number('blocksSinceLastStep'),
  ];
  const due =
    tempo > 0 &&
    ((pending > 0 && block >= pending) ||
      since > MAX_STALL_BLOCKS ||
      block - number('lastEpochBlock') >= tempo);
  const epoch = number('subnetEpochIndex') + (due ? 1 : 0);
  revealTimelocked(context, netuid, epoch);
  if (due) {
    put('lastEpochBlock', block);
    put('lastMechansimStepBlock', block);
    put('pendingEpochAt', 0);
    put('subnetEpochIndex', epoch);
  }
  put('blocksSinceLastStep', due ? 0 : since + 1);
}

/** Takes in the pulses that sealed fields and rows wait for. */
export function onFinalize(context: BlockContext, netuid: number, nowMs: number): void {
  importPulses(context, nowMs, [
    ...awaitedByCommitments(context.storage),
    ...awaitedByWeights(context.storage, netuid),
  ]);
}
