// Anchors a record on chain and puts the transaction on record. Safe after any interruption.
import type { ExtrinsicSigner } from '../../chain/chain.ts';
import { deliverExtrinsic } from '../../chain/delivery.ts';
import { ChainError } from '../../chain/errors.ts';
import { utf8 } from '../../core/bytes.ts';
import { type Records, recordsOf } from '../../ledger/records-of.ts';
import type { AnyRecord, LedgerRecord } from '../../ledger/verify.ts';
import type { Operator } from '../context.ts';
import { epochNow } from '../settle/weight-row.ts';
import { anchorText } from './anchor-text.ts';
import { assertSlotFree } from './own-anchor.ts';
import {
  adoptOwnAnchor,
  type AnchorArena,
  anchorOnRecord,
  type AnchorOwner,
  type AnchorRecording,
  type FoundAnchor,
  POLL_MS,
  recordAnchor,
} from './record-anchor.ts';

export type AnchorPorts = AnchorRecording & { readonly wallet: ExtrinsicSigner };

/** Anchors in one epoch: the chain has room for about thirty. */
const EPOCH_ANCHORS = 4;
/** A transaction takes seconds; ten minutes without a block for it are an outage. */
const GIVE_UP_NS = 600e9;

/** What is anchored: a plan before anything is measured, or the head after weights. */
export type AnchorTarget = {
  /** The plan or the weights that the anchor belongs to. */
  readonly of: AnchorOwner;
  /** The record whose hash goes on chain. */
  readonly record: AnyRecord;
};

/** Throws `TOO_MANY_ANCHORS` where an epoch has its share; one is always left for a plan. */
function assertRoom(
  now: Records,
  { began, next }: { readonly began: number; readonly next: number },
  kind: AnchorOwner['kind'],
): void {
  const used = recordsOf(now, 'anchor').filter(
    ({ predicate }) => predicate.anchor.block.number >= began,
  ).length;
  if (used < (kind === 'plan' ? EPOCH_ANCHORS : EPOCH_ANCHORS - 1)) return;
  throw new ChainError(
    'TOO_MANY_ANCHORS',
    'infra',
    `this epoch has ${used} anchors already`,
    `run again from block ${next} on`,
  );
}

/** Sends the anchor, and waits until its block is final; null where no block took it. */
async function sendAnchor(
  ports: AnchorPorts,
  { netuid }: AnchorArena,
  now: Records,
  { of, record }: AnchorTarget,
): Promise<FoundAnchor | null> {
  const { chain, wallet, ledger } = ports;
  const state = await chain.subnet(netuid, ledger.validator);
  if (state.uid === null)
    throw new ChainError(
      'NOT_REGISTERED',
      'usage',
      `the hotkey ${ledger.validator} is not registered on subnet ${netuid}`,
      "register it, or use the validator's hotkey",
    );
  assertRoom(now, epochNow(state, netuid), of.kind);
  const anchored = { seq: record.predicate.seq, sha256: record.sha256 };
  const payload = utf8(anchorText(anchored));
  const transaction = await wallet.sign({ kind: 'commit', netuid, payload });
  // Something of this key waits in the pool, perhaps this very anchor of a run that was cut off:
  // the next look at the chain will tell.
  if (transaction.nonce > (await chain.finalizedNonce(wallet.address)).nonce) return null;
  const delivery = await deliverExtrinsic(ports, transaction);
  if (delivery.state === 'expired') return null;
  const refusal =
    delivery.state === 'refused'
      ? delivery.refusal
      : delivery.outcome?.ok === false && delivery.outcome.refusal;
  if (refusal)
    throw new ChainError(
      // Older runtimes take a commitment every hundred blocks, newer ones so many bytes an epoch.
      refusal.remedy === 'retry' ? 'TOO_MANY_ANCHORS' : 'REJECTED',
      'infra',
      `the chain refused the anchor: ${refusal.name}`,
      refusal.hint,
    );
  return delivery.state === 'included' ? { block: delivery.block, anchored } : null;
}

/**
 * Anchors a record in its validator's own commitment, waits until that is final, and records block,
 * time and transaction (RULES "Anchor"). From then on not even its signer can take the record back.
 * A run that was cut off is resumed: what stands on chain is looked at before anything is sent.
 * Throws `SLOT_TAKEN`, `TOO_MANY_ANCHORS`, `LEDGER_BEHIND`, and the errors of the chain.
 */
export async function anchor(
  ports: AnchorPorts,
  arena: AnchorArena,
  operator: Operator,
  target: AnchorTarget,
): Promise<LedgerRecord<'anchor'>> {
  const { ledger, clock, log } = ports;
  const began = clock.nowNs();
  do {
    assertSlotFree(await adoptOwnAnchor(ports, arena, operator));
    const now = await ledger.read();
    const done = anchorOnRecord(now, target.of);
    if (done) return done;
    const found = await sendAnchor(ports, arena, now, target);
    if (found) return recordAnchor(ports, arena, operator, { of: target.of, found });
    log.info('no block took the anchor yet: looking again');
    await clock.sleep(POLL_MS);
  } while (clock.nowNs() - began < GIVE_UP_NS);
  throw new ChainError(
    'EXPIRED',
    'infra',
    'the anchor came into no block within ten minutes',
    'run again: what was sent is found, and nothing is sent twice',
  );
}
