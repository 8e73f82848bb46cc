// Decides whether a validator's weights are sent now, and why not. Pure.
import type { BlockRef, SubnetState, WeightRow } from '../../chain/chain.ts';
import { ChainError } from '../../chain/errors.ts';
import { checkRow } from '../../chain/weight-codec.ts';
import { type Ledger, recordsOf } from '../../ledger/read.ts';
import { hasReason } from '../../schema/reasons.ts';
import { epochNow, sameRow } from './weight-row.ts';
import { lastIncluded, pendingWeights } from './weights-records.ts';

/**
 * Weights older than this are refreshed, so that with a tick every 150 blocks none grow older than
 * a tempo of 360.
 */
const REFRESH_BLOCKS = 200;

/** What a settling knows before it decides. */
export type Situation = {
  readonly ledger: Pick<Ledger, 'records'>;
  readonly state: SubnetState;
  readonly netuid: number;
  readonly hotkey: string;
  /** The validator's own uid. */
  readonly own: number;
  readonly block: BlockRef;
  /** The row that follows from the ledger. */
  readonly wanted: WeightRow;
  /** The row that the chain shows. */
  readonly current: WeightRow;
};

/**
 * Send, or why not. `notBefore` is the first block at which another try makes sense, where this one
 * came too early.
 */
export type Decision =
  | { readonly send: true }
  | {
      readonly send: false;
      readonly why: 'on-chain' | 'committed' | 'too-early';
      readonly reason: string;
      readonly notBefore: number | null;
    };

const tooEarly = (reason: string, notBefore: number): Decision => ({
  send: false,
  why: 'too-early',
  reason,
  notBefore,
});

/** Whether the weights that are wanted stand already, and are not old enough for a refresh. */
function standing({ ledger, block, wanted, current }: Situation): Decision | null {
  const last = lastIncluded(ledger, 'good');
  const fresh = last !== null && block.number - last.number < REFRESH_BLOCKS;
  if (!fresh) return null;
  const keep = (why: 'on-chain' | 'committed', reason: string): Decision => ({
    send: false,
    why,
    reason,
    notBefore: null,
  });
  if (sameRow(current, wanted)) return keep('on-chain', 'the chain has these weights already');
  if (pendingWeights(ledger).some(({ predicate }) => sameRow(predicate.weights, wanted)))
    return keep(
      'committed',
      'these weights are committed, and the chain shows them in a later epoch',
    );
  return null;
}

/** Why nothing is sent now, by RULES "When weights are sent"; null where it is time. */
function early({ state, netuid, ledger, block }: Situation): Decision | null {
  const { began, next } = epochNow(state, netuid);
  const sent = lastIncluded(ledger, 'any');
  if (sent && sent.number >= began)
    return tooEarly('one weight transaction an epoch is enough', next);
  const last = recordsOf(ledger, 'weights').at(-1)?.predicate;
  if (last && hasReason(last, 'pool-refused') && last.block.number >= began)
    return tooEarly(`the pool ${last.reason} in this epoch`, next);
  const intents = recordsOf(ledger, 'weights-intent');
  if (intents.some(({ predicate }) => predicate.block.number >= block.number))
    return tooEarly('one weight transaction a block is enough', block.number + 1);
  const allowed = state.lastUpdate + state.weightsRateLimit;
  if (state.lastUpdate !== 0 && state.head.number < allowed)
    return tooEarly(`the subnet's rate limit ends at block ${allowed}`, allowed);
  return null;
}

const noPermit = (message: string, hint: string): ChainError =>
  new ChainError('NO_PERMIT', 'infra', message, hint);

/**
 * Throws where the chain would refuse the row: `BAD_ROW` for the row itself, `NO_PERMIT` where the
 * hotkey may not set weights for others.
 */
function assertMaySet({ state, netuid, hotkey, own, wanted }: Situation): void {
  checkRow(wanted, state.size, own, state.minAllowedWeights);
  const toItself = wanted.length === 1 && wanted[0]!.uid === own;
  if (!state.validatorPermit && !state.isOwner && !toItself)
    throw noPermit(
      `the hotkey ${hotkey} has no validator permit on subnet ${netuid}`,
      'permits go to the largest stakes at the end of each epoch: add stake',
    );
  if (state.stakeRao !== null && state.stakeRao < state.stakeThresholdRao && !state.isOwner)
    throw noPermit(
      `the hotkey ${hotkey} has ${state.stakeRao} rao of stake, weights want ${state.stakeThresholdRao}`,
      'add stake to it',
    );
}

/**
 * Whether the weights that follow from a ledger are sent at this block. Throws `NO_PERMIT` or the
 * errors of {@link checkRow} where it is time and the chain would refuse them.
 */
export function decideSettlement(situation: Situation): Decision {
  const not = standing(situation) ?? early(situation);
  if (not) return not;
  assertMaySet(situation);
  return { send: true };
}
