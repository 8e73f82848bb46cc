// What a delivery and the chain's row say of sent, committed and revealed weights. Pure.
import type { BlockRef, SignedTransaction, SubnetState, WeightRow } from '../../chain/chain.ts';
import type { Delivery } from '../../chain/delivery.ts';
import type { ChainRefusal } from '../../chain/dispatch-errors.ts';
import { because } from '../../schema/reasons.ts';
import { epochNow, sameRow } from './weight-row.ts';
import type { Intent, Outcome, Readback, WeightsRecord } from './weights-records.ts';

/** Why the chain did not take a call: refused by its pool, or failed in a block; null where it did. */
export function refusalOf(delivery: Delivery): ChainRefusal | null {
  if (delivery.state === 'expired') return null;
  if (delivery.state === 'refused') return delivery.refusal;
  return delivery.outcome?.ok === false ? delivery.outcome.refusal : null;
}

/**
 * What became of an intent, from how its transaction ended, the row that the chain shows then, and
 * the epoch of the block that took a commit.
 */
export function outcomeOf(
  { predicate: { weights, commit, transaction } }: Intent,
  delivery: Delivery,
  readBack: WeightRow,
  commitEpoch: number | null,
): Outcome {
  const common = {
    commit,
    extrinsicHash: transaction.hash,
    includedIn: delivery.state === 'included' ? delivery.block : null,
    readBack: [...readBack],
  };
  const end = (status: Outcome['status'], code: string, detail: string): Outcome => ({
    ...common,
    status,
    ...because(code, detail),
  });
  if (delivery.state === 'expired')
    return end('failed', 'expired', 'its era ended before any block took it');
  const refusal = refusalOf(delivery);
  if (delivery.state === 'refused')
    return end('failed', 'pool-refused', `refused: ${delivery.refusal.name}`);
  if (refusal) return end('failed', 'call-failed', `failed: ${refusal.name}`);
  if (commit)
    // The commit may have entered a later epoch than we assumed: the chain tells the epoch, and so
    // when the commit opens.
    return {
      ...end('pending', 'committed', 'committed: the chain shows them in a later epoch'),
      commit: { ...commit, epoch: commitEpoch ?? commit.epoch },
    };
  return sameRow(readBack, weights)
    ? end('set', 'read-back', 'read back from the chain')
    : end('failed', 'other-weights', 'the chain shows other weights');
}

/** Where a commit stands in time: before its epoch of reveals, in it, or past it. */
export type RevealTime = 'before' | 'now' | 'over';

/** Where a commit stands at the subnet's newest block. */
export function revealTime(
  { predicate: { commit } }: WeightsRecord,
  state: SubnetState,
  netuid: number,
): RevealTime {
  const due = commit!.epoch + state.revealPeriodEpochs;
  const { epoch } = epochNow(state, netuid);
  if (epoch === due) return 'now';
  return epoch < due ? 'before' : 'over';
}

/** What to do about a commit that the chain has not shown. */
export type CloseStep = 'wait' | 'reveal' | 'look';

/**
 * Whether a commit is revealed now, looked for in the chain's row, or waited for. `kept`: the chain
 * still keeps it, closed.
 */
export function closeStep(
  { predicate: { commit } }: WeightsRecord,
  time: RevealTime,
  kept: boolean,
): CloseStep {
  if (time === 'before') return 'wait';
  if (time === 'over' || !kept) return 'look';
  // Without a salt it is sealed: its pulse has not come yet.
  return commit!.salt === null ? 'wait' : 'reveal';
}

/** A reveal that was sent, and how it ended. */
export type Reveal = { readonly transaction: SignedTransaction; readonly delivery: Delivery };

/**
 * What the chain shows of a commit, or null where it is too early to say: a commit that opened at
 * the chain's head may not be final yet. The chain's weights count, also where a reveal came
 * second: a run that was cut off had revealed first.
 */
export function readbackOf(
  { predicate: { weights } }: WeightsRecord,
  seen: { readonly readAt: BlockRef; readonly row: WeightRow; readonly time: RevealTime },
  reveal: Reveal | null,
): Readback | null {
  const refused = reveal?.delivery.state === 'included' ? refusalOf(reveal.delivery) : null;
  const common = {
    readAt: seen.readAt,
    readBack: [...seen.row],
    extrinsicHash: reveal?.transaction.hash ?? null,
  };
  if (sameRow(seen.row, weights))
    return {
      ...common,
      status: 'set',
      ...because('read-back', 'read back from the chain'),
    };
  if (refused)
    return {
      ...common,
      status: 'failed',
      ...because('call-failed', refused.name),
    };
  if (seen.time !== 'over') return null;
  const detail = 'its reveal is over, and the chain shows other weights';
  return { ...common, status: 'failed', ...because('reveal-over', detail) };
}
