// Sets a validator's weights on chain, never twice even after a crash, and records the outcome.
import type {
  BlockRef,
  ChainReader,
  ExtrinsicSigner,
  SignedTransaction,
  SubnetState,
  WeightMethod,
  WeightRow,
} from '../../chain/chain.ts';
import { deliverExtrinsic, type Delivery } from '../../chain/delivery.ts';
import type { ChainRefusal } from '../../chain/dispatch-errors.ts';
import { ChainError } from '../../chain/errors.ts';
import { checkRow } from '../../chain/weight-codec.ts';
import type { Clock } from '../../core/clock.ts';
import { sha256Hex } from '../../core/hash.ts';
import type { Log } from '../../core/log.ts';
import { appendRecords } from '../../ledger/append.ts';
import type { Draft } from '../../ledger/draft.ts';
import { LedgerError } from '../../ledger/errors.ts';
import { openLedger } from '../../ledger/open.ts';
import { type Ledger, recordsOf } from '../../ledger/read.ts';
import type { Signer } from '../../ledger/sign.ts';
import type { ResultStore } from '../../ledger/store.ts';
import type { LedgerRecord } from '../../ledger/verify.ts';
import type { Arena } from '../../schema/arena.ts';
import type { Predicate } from '../../schema/records.ts';
import { type Operator, recordContext } from '../context.ts';
import { assertNotBehind } from '../freshness.ts';
import {
  deriveWeights,
  epochNow,
  methodOf,
  revealCall,
  sameRow,
  weightsCall,
  type WeightsEntropy,
} from './weight-row.ts';

export type SettlePorts = {
  readonly chain: ChainReader;
  readonly wallet: ExtrinsicSigner;
  readonly store: ResultStore;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly entropy: () => WeightsEntropy;
  readonly log: Log;
};

/** What `settle --json` prints. */
export type SettleReport = {
  sent: boolean;
  method: WeightMethod;
  uids: number[];
  weights: number[];
  block: number;
  extrinsicHash: string | null;
  readBack: WeightRow;
  reason: string;
  /** First block at which another try makes sense, where this one came too early. */
  notBefore: number | null;
};

/**
 * Weights older than this are refreshed, so that with a tick every 150 blocks none grow older than
 * a tempo of 360.
 */
const REFRESH_BLOCKS = 200;

/** Why the chain did not take a call: refused by its pool, or failed in a block; null where it did. */
function refusalOf(delivery: Exclude<Delivery, { state: 'expired' }>): ChainRefusal | null {
  if (delivery.state === 'refused') return delivery.refusal;
  return delivery.outcome?.ok === false ? delivery.outcome.refusal : null;
}

/** How the reason of a refusal by the pool begins. */
const REFUSED = 'refused: ';

type Intent = LedgerRecord<'weights-intent'>;
type Weights = LedgerRecord<'weights'>;
type Outcome = Pick<
  Predicate<'weights'>,
  'extrinsicHash' | 'includedIn' | 'readBack' | 'status' | 'reason' | 'commit'
>;

/** An intent whose outcome is not on record: the process died between sending and recording. */
function openIntent(ledger: Pick<Ledger, 'records'>): Intent | null {
  const done = new Set(recordsOf(ledger, 'weights').map((record) => record.predicate.intent));
  return recordsOf(ledger, 'weights-intent').findLast((intent) => !done.has(intent.sha256)) ?? null;
}

/** Commits that the chain has not shown yet. */
function pendingWeights(ledger: Pick<Ledger, 'records'>): Weights[] {
  const closed = new Set(
    recordsOf(ledger, 'weights-readback').map((record) => record.predicate.weights),
  );
  return recordsOf(ledger, 'weights').filter(
    (record) => record.predicate.status === 'pending' && !closed.has(record.sha256),
  );
}

/** One settling of one validator: what all its steps share. */
class Settlement {
  readonly ports: SettlePorts;
  readonly arena: Arena;
  readonly uid: number;
  constructor(ports: SettlePorts, arena: Arena, uid: number) {
    this.ports = ports;
    this.arena = arena;
    this.uid = uid;
  }

  async ledger(): Promise<Ledger> {
    const { store, signer } = this.ports;
    return openLedger(signer.address, await store.read(signer.address));
  }

  /** The row on chain at a block; at the newest one where the node no longer keeps that state. */
  async row(block: BlockRef): Promise<WeightRow> {
    const { chain } = this.ports;
    try {
      return await chain.weights(this.uid, this.arena.netuid, block);
    } catch (error) {
      if (!(error instanceof ChainError) || error.code !== 'STATE_DISCARDED') throw error;
      return chain.weights(this.uid, this.arena.netuid, await chain.finalizedHead());
    }
  }

  /**
   * Epoch of a block; as it was assumed before sending where the node no longer keeps that state.
   */
  async epoch(block: BlockRef, assumed: number): Promise<number> {
    try {
      return await this.ports.chain.epoch(this.arena.netuid, block);
    } catch (error) {
      if (!(error instanceof ChainError) || error.code !== 'STATE_DISCARDED') throw error;
      return assumed;
    }
  }

  async record(intent: Intent, outcome: Outcome): Promise<void> {
    const { store, signer } = this.ports;
    const { seq, prev, transaction, ...body } = intent.predicate;
    const draft: Draft<'weights'> = {
      kind: 'weights',
      path: intent.path.replace('.intent.json', '.json'),
      subject: intent.subject,
      predicate: { ...body, intent: intent.sha256, ...outcome },
    };
    await store.commit(signer.address, `Record weights at block ${body.block.number}`, (files) => {
      const now = openLedger(signer.address, files);
      return recordsOf(now, 'weights').some((item) => item.predicate.intent === intent.sha256)
        ? null
        : appendRecords(files, [draft], signer);
    });
  }

  /**
   * Sends what an intent signed, waits, reads the chain back and records what it says. Safe to call
   * again after any interruption.
   */
  async finish(intent: Intent, again: boolean): Promise<Delivery> {
    const { chain } = this.ports;
    const { weights, commit, transaction } = intent.predicate;
    const delivery = await deliverExtrinsic(this.ports, transaction, again);
    const failed = (reason: string, includedIn: BlockRef | null, readBack: WeightRow): Outcome => ({
      commit,
      extrinsicHash: transaction.hash,
      includedIn,
      readBack: [...readBack],
      status: 'failed',
      reason,
    });
    if (delivery.state !== 'included') {
      const readBack = await this.row(await chain.finalizedHead());
      const reason =
        delivery.state === 'expired'
          ? 'its era ended before any block took it'
          : `${REFUSED}${delivery.refusal.name}`;
      await this.record(intent, failed(reason, null, readBack));
      return delivery;
    }
    const { block, outcome } = delivery;
    const readBack = await this.row(block);
    if (outcome?.ok === false)
      await this.record(intent, failed(`failed: ${outcome.refusal.name}`, block, readBack));
    else if (commit) {
      // The commit may have entered a later epoch than we assumed: the chain tells the epoch, and
      // so when the commit opens.
      const epoch = await this.epoch(block, commit.epoch);
      await this.record(intent, {
        ...failed('committed: the chain shows them in a later epoch', block, readBack),
        status: 'pending',
        commit: { ...commit, epoch },
      });
    } else {
      const landed = sameRow(readBack, weights);
      const reason = landed ? 'read back from the chain' : 'the chain shows other weights';
      await this.record(intent, {
        ...failed(reason, block, readBack),
        status: landed ? 'set' : 'failed',
      });
    }
    return delivery;
  }

  /**
   * Closes a commit: reveals it where its hash wants that, and records whether the chain shows its
   * weights.
   */
  async close(pending: Weights, state: SubnetState): Promise<'set' | 'waiting' | 'failed'> {
    const { chain, log, signer, wallet } = this.ports;
    const { netuid } = this.arena;
    const { weights, versionKey, commit } = pending.predicate;
    const due = commit!.epoch + state.revealPeriodEpochs;
    const { epoch } = epochNow(state, netuid);
    if (epoch < due) return 'waiting';
    const waits = (await chain.waitingCommits(netuid, signer.address, commit!.epoch)).includes(
      commit!.hash,
    );
    let reveal: SignedTransaction | null = null;
    let revealed: Delivery | null = null;
    if (epoch === due && waits) {
      if (commit!.salt === null) return 'waiting'; // sealed: its pulse has not come yet
      log.info(`revealing the weights of block ${pending.predicate.block.number}`);
      reveal = await wallet.sign(revealCall(netuid, weights, versionKey, commit!));
      revealed = await deliverExtrinsic(this.ports, reveal);
    }
    const readAt = revealed?.state === 'included' ? revealed.block : await chain.finalizedHead();
    const readBack = await this.row(readAt);
    // The chain's weights count, also where this reveal came second: a run that was cut off had
    // revealed first.
    const set = sameRow(readBack, weights);
    const refused =
      revealed?.state === 'included' && revealed.outcome?.ok === false
        ? revealed.outcome.refusal.name
        : null;
    // A commit that opened at the chain's head may not be final yet: look again before calling it
    // lost.
    if (!set && epoch === due && refused === null) return 'waiting';
    await this.#recordReadback(pending, {
      readAt,
      readBack: [...readBack],
      status: set ? 'set' : 'failed',
      reason: set
        ? 'read back from the chain'
        : (refused ?? 'its reveal is over, and the chain shows other weights'),
      extrinsicHash: reveal?.hash ?? null,
    });
    return set ? 'set' : 'failed';
  }

  async #recordReadback(
    pending: Weights,
    outcome: Pick<
      Predicate<'weights-readback'>,
      'readAt' | 'readBack' | 'status' | 'reason' | 'extrinsicHash'
    >,
  ): Promise<void> {
    const { store, signer } = this.ports;
    const { schema, network, validator, block, harness, host } = pending.predicate;
    const draft: Draft<'weights-readback'> = {
      kind: 'weights-readback',
      path: pending.path.replace('.json', '.readback.json'),
      subject: pending.subject,
      predicate: {
        schema,
        network,
        validator,
        block,
        harness,
        host,
        weights: pending.sha256,
        ...outcome,
      },
    };
    await store.commit(signer.address, `Read back weights of block ${block.number}`, (files) => {
      const now = openLedger(signer.address, files);
      return recordsOf(now, 'weights-readback').some(
        (item) => item.predicate.weights === pending.sha256,
      )
        ? null
        : appendRecords(files, [draft], signer);
    });
  }
}

/**
 * Why nothing is sent now; null where it is time. `notBefore` is the first block for another try.
 */
function tooEarly(
  state: SubnetState,
  netuid: number,
  ledger: Ledger,
  block: BlockRef,
): { reason: string; notBefore: number } | null {
  const { began, next } = epochNow(state, netuid);
  const sent = recordsOf(ledger, 'weights').findLast((item) => item.predicate.includedIn !== null)
    ?.predicate.includedIn;
  if (sent && sent.number >= began)
    return { reason: 'one weight transaction an epoch is enough', notBefore: next };
  const last = recordsOf(ledger, 'weights').at(-1)?.predicate;
  if (
    last?.status === 'failed' &&
    last.includedIn === null &&
    last.reason.startsWith(REFUSED) &&
    last.block.number >= began
  )
    return { reason: `the pool ${last.reason} in this epoch`, notBefore: next };
  if (
    recordsOf(ledger, 'weights-intent').some((item) => item.predicate.block.number >= block.number)
  )
    return { reason: 'one weight transaction a block is enough', notBefore: block.number + 1 };
  const allowed = state.lastUpdate + state.weightsRateLimit;
  if (state.lastUpdate !== 0 && state.head.number < allowed)
    return { reason: `the subnet's rate limit ends at block ${allowed}`, notBefore: allowed };
  return null;
}

/**
 * Sets the weights that follow from the ledger, in the way the subnet takes them at this block. The
 * signed transaction is committed before it is sent; the chain is read back after finality, and
 * what it says is recorded. After a crash the same bytes are looked for, and sent only if they are
 * nowhere: nothing is set twice. Committed weights count as set only when the chain shows them.
 */
export async function settle(
  ports: SettlePorts,
  arena: Arena,
  operator: Operator,
  dryRun: boolean,
): Promise<SettleReport> {
  const { chain, signer, log } = ports;
  const { netuid } = arena;
  const block = await chain.finalizedHead();
  await chain.confirm(block);
  let state = await chain.subnet(netuid, signer.address);
  const own = await chain.uidOf(signer.address, netuid, block);
  if (own === null || state.uid === null)
    throw new ChainError(
      'NOT_REGISTERED',
      'usage',
      `the hotkey ${signer.address} is not registered on subnet ${netuid}`,
      "register it, or use the validator's hotkey",
    );
  const work = new Settlement(ports, arena, own);
  let ledger = await work.ledger();
  assertNotBehind(ledger, block);
  const open = dryRun ? null : openIntent(ledger);
  if (open) {
    log.warn(
      `the intent of block ${open.predicate.block.number} has no outcome on record: finishing it`,
    );
    await work.finish(open, true);
    ledger = await work.ledger();
  }
  if (!dryRun) {
    for (const pending of pendingWeights(ledger)) {
      const closed = await work.close(pending, state);
      log.info(
        `weights committed at block ${pending.predicate.block.number}: ${closed === 'waiting' ? 'not revealed yet' : closed}`,
      );
    }
    ledger = await work.ledger();
  }

  // Finishing may have taken minutes: the next transaction follows from the subnet's present state.
  state = await chain.subnet(netuid, signer.address);
  const body = await deriveWeights(chain, arena, ledger, block);
  const current = await work.row(open ? await chain.finalizedHead() : block);
  const report = (reason: string, extra: Partial<SettleReport> = {}): SettleReport => ({
    sent: false,
    method: methodOf(state),
    uids: body.weights.map(({ uid }) => uid),
    weights: body.weights.map(({ weight }) => weight),
    block: block.number,
    extrinsicHash: null,
    readBack: current,
    reason,
    notBefore: null,
    ...extra,
  });
  if (dryRun) return report('dry run');
  const last = recordsOf(ledger, 'weights').findLast(
    (item) => item.predicate.includedIn !== null && item.predicate.status !== 'failed',
  );
  const age = last ? block.number - last.predicate.includedIn!.number : Infinity;
  const same = sameRow(current, body.weights);
  if (same && age < REFRESH_BLOCKS)
    return report(
      'the chain has these weights already',
      open ? { sent: true, extrinsicHash: open.predicate.transaction.hash } : {},
    );
  if (
    pendingWeights(ledger).some(({ predicate }) => sameRow(predicate.weights, body.weights)) &&
    age < REFRESH_BLOCKS
  )
    return report('these weights are committed, and the chain shows them in a later epoch');
  const early = tooEarly(state, netuid, ledger, block);
  if (early) return report(early.reason, { notBefore: early.notBefore });
  checkRow(body.weights, state.size, own, state.minAllowedWeights);
  if (
    !state.validatorPermit &&
    !state.isOwner &&
    !(body.weights.length === 1 && body.weights[0]!.uid === own)
  )
    throw new ChainError(
      'NO_PERMIT',
      'infra',
      `the hotkey ${signer.address} has no validator permit on subnet ${netuid}`,
      'permits go to the largest stakes at the end of each epoch: add stake',
    );
  if (state.stakeRao !== null && state.stakeRao < state.stakeThresholdRao && !state.isOwner)
    throw new ChainError(
      'NO_PERMIT',
      'infra',
      `the hotkey ${signer.address} has ${state.stakeRao} rao of stake, weights want ${state.stakeThresholdRao}`,
      'add stake to it',
    );
  const intent = await intend(work, body, state, operator, block);
  log.info(
    `setting weights ${body.weights.map(({ uid, weight }) => `${uid}:${weight}`).join(' ')} (${report('').method})`,
  );
  const delivery = await work.finish(intent, false);
  const { hash } = intent.predicate.transaction;
  if (delivery.state === 'expired')
    throw new ChainError(
      'EXPIRED',
      'infra',
      `no block took the weights before block ${intent.predicate.transaction.lastBlock}`,
      'settle again',
    );
  const refusal = refusalOf(delivery);
  if (refusal)
    throw new ChainError(
      'REJECTED',
      'infra',
      `the chain refused the weights: ${refusal.name}`,
      `${refusal.remedy}: ${refusal.hint}`,
    );
  const outcome = recordsOf(await work.ledger(), 'weights').find(
    (item) => item.predicate.intent === intent.sha256,
  )!.predicate;
  if (outcome.status === 'failed')
    throw new ChainError(
      'REJECTED',
      'infra',
      'the chain shows other weights than were sent',
      'settle again',
    );
  return report(
    outcome.status === 'set' ? 'set and read back' : 'committed: set once the chain shows them',
    {
      sent: true,
      block: outcome.includedIn!.number,
      extrinsicHash: hash,
      readBack: outcome.readBack,
    },
  );
}

/** Signs the transaction and commits the intent with it. Nothing is sent yet. */
async function intend(
  { ports, arena }: Settlement,
  body: Awaited<ReturnType<typeof deriveWeights>>,
  state: SubnetState,
  operator: Operator,
  block: BlockRef,
): Promise<Intent> {
  const { chain, store, signer, wallet } = ports;
  const { call, commit } = weightsCall(arena, state, signer.address, body.weights, ports.entropy());
  const transaction = await wallet.sign(call);
  const path = `weights/${block.number}.intent.json`;
  const draft: Draft<'weights-intent'> = {
    kind: 'weights-intent',
    path,
    subject: [{ name: 'weights', digest: { sha256: sha256Hex(JSON.stringify(body.weights)) } }],
    predicate: {
      ...(await recordContext(chain, operator, arena, block)),
      ...body,
      holders: [...body.holders],
      versionKey: state.versionKey,
      method: methodOf(state),
      commit,
      transaction,
    },
  };
  await store.commit(signer.address, `Intend weights at block ${block.number}`, (files) => {
    const now = openLedger(signer.address, files);
    if (openIntent(now) || (recordsOf(now, 'round').at(-1)?.sha256 ?? null) !== body.round)
      throw new LedgerError(
        'STALE',
        'infra',
        'another writer has published a round or weights meanwhile',
        'settle again',
      );
    return appendRecords(files, [draft], signer);
  });
  return recordsOf(
    openLedger(signer.address, await store.read(signer.address)),
    'weights-intent',
  ).find((item) => item.path === path)!;
}
