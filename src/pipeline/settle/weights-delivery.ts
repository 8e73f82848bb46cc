// Sends and reveals weights, and records what the chain shows of them. Safe after interruptions.
import type {
  BlockRef,
  ChainReader,
  ExtrinsicSigner,
  SubnetState,
  WeightRow,
} from '../../chain/chain.ts';
import { deliverExtrinsic, type Delivery } from '../../chain/delivery.ts';
import { ChainError } from '../../chain/errors.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { OwnLedger } from '../../ledger/own-ledger.ts';
import { recordsOf } from '../../ledger/read.ts';
import { revealCall } from './weight-row.ts';
import { closeStep, outcomeOf, readbackOf, type Reveal, revealTime } from './weights-outcome.ts';
import {
  type Intent,
  outcomeDraft,
  outcomeOnRecord,
  type Outcome,
  type Readback,
  readbackDraft,
  type WeightsRecord,
} from './weights-records.ts';

export type DeliveryPorts = {
  readonly chain: ChainReader;
  readonly wallet: ExtrinsicSigner;
  readonly ledger: OwnLedger;
  readonly clock: Clock;
  readonly log: Log;
};

/** The validator whose weights are delivered. */
export type Row = { readonly uid: number; readonly netuid: number };

/** `read`, or `otherwise` where the node no longer keeps the state of that block. */
async function orDiscarded<T>(read: () => Promise<T>, otherwise: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof ChainError) || error.code !== 'STATE_DISCARDED') throw error;
    return otherwise();
  }
}

/** The row on chain at a block; at the newest one where the node no longer keeps that state. */
export async function rowAt(
  chain: ChainReader,
  { uid, netuid }: Row,
  block: BlockRef,
): Promise<WeightRow> {
  return orDiscarded(
    () => chain.weights(uid, netuid, block),
    async () => chain.weights(uid, netuid, await chain.finalizedHead()),
  );
}

/**
 * Sends what an intent signed, waits, reads the chain back and records what it says. Safe to call
 * again after any interruption.
 */
export async function finishIntent(
  ports: DeliveryPorts,
  row: Row,
  intent: Intent,
  again: boolean,
): Promise<{ delivery: Delivery; weights: WeightsRecord }> {
  const { chain, ledger } = ports;
  const { commit, transaction, block } = intent.predicate;
  const delivery = await deliverExtrinsic(ports, transaction, again);
  const taken = delivery.state === 'included' ? delivery.block : null;
  const readBack = await rowAt(chain, row, taken ?? (await chain.finalizedHead()));
  // As it was assumed before sending where the node no longer keeps that state.
  const epoch =
    commit && taken
      ? await orDiscarded(
          () => chain.epoch(row.netuid, taken),
          () => Promise.resolve(commit.epoch),
        )
      : null;
  const outcome: Outcome = outcomeOf(intent, delivery, readBack, epoch);
  const after = await ledger.append(`Record weights at block ${block.number}`, (now) =>
    outcomeOnRecord(now, intent) ? null : { drafts: [outcomeDraft(intent, outcome)] },
  );
  return { delivery, weights: outcomeOnRecord(after, intent)! };
}

async function reveal(
  ports: DeliveryPorts,
  netuid: number,
  pending: WeightsRecord,
): Promise<Reveal> {
  const { weights, versionKey, commit, block } = pending.predicate;
  ports.log.info(`revealing the weights of block ${block.number}`);
  const transaction = await ports.wallet.sign(revealCall(netuid, weights, versionKey, commit!));
  return { transaction, delivery: await deliverExtrinsic(ports, transaction) };
}

/**
 * Closes a commit: reveals it where its hash wants that, and records whether the chain shows its
 * weights.
 */
export async function closePending(
  ports: DeliveryPorts,
  row: Row,
  pending: WeightsRecord,
  state: SubnetState,
): Promise<'set' | 'waiting' | 'failed'> {
  const { chain, ledger } = ports;
  const { netuid } = row;
  const commit = pending.predicate.commit!;
  const time = revealTime(pending, state, netuid);
  if (time === 'before') return 'waiting';
  const kept = await chain.waitingCommits(netuid, ledger.validator, commit.epoch);
  const step = closeStep(pending, time, kept.includes(commit.hash));
  if (step === 'wait') return 'waiting';
  const revealed = step === 'reveal' ? await reveal(ports, netuid, pending) : null;
  const readAt =
    revealed?.delivery.state === 'included' ? revealed.delivery.block : await chain.finalizedHead();
  const seen = { readAt, row: await rowAt(chain, row, readAt), time };
  const readback = readbackOf(pending, seen, revealed);
  if (!readback) return 'waiting';
  await recordReadback(ledger, pending, readback);
  return readback.status;
}

async function recordReadback(
  ledger: OwnLedger,
  pending: WeightsRecord,
  readback: Readback,
): Promise<void> {
  const title = `Read back weights of block ${pending.predicate.block.number}`;
  await ledger.append(title, (now) =>
    recordsOf(now, 'weights-readback').some((item) => item.predicate.weights === pending.sha256)
      ? null
      : { drafts: [readbackDraft(pending, readback)] },
  );
}
