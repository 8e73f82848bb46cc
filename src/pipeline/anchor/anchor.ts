// Anchors a record on chain and puts the transaction on record. Safe after any interruption.
import type { BlockRef, ChainReader, ExtrinsicSigner } from '../../chain/chain.ts';
import { deliverExtrinsic } from '../../chain/delivery.ts';
import { ChainError } from '../../chain/errors.ts';
import { toHex, utf8, fromHex } from '../../core/bytes.ts';
import type { Clock } from '../../core/clock.ts';
import { blake2b256 } from '../../core/hash.ts';
import type { Log } from '../../core/log.ts';
import { decodeSs58 } from '../../core/ss58.ts';
import type { Draft } from '../../ledger/draft.ts';
import type { OwnLedger } from '../../ledger/own-ledger.ts';
import { type Ledger, recordsOf } from '../../ledger/read.ts';
import type { AnyRecord, LedgerRecord } from '../../ledger/verify.ts';
import type { Arena } from '../../schema/arena.ts';
import { type Operator, recordContext } from '../context.ts';
import { epochNow } from '../settle/weight-row.ts';
import { type Anchored, anchorOf, anchorText } from './anchor-text.ts';
import { assertHoldsAnchor, assertSlotFree } from './own-anchor.ts';

export type AnchorPorts = {
  readonly chain: ChainReader;
  readonly wallet: ExtrinsicSigner;
  readonly ledger: OwnLedger;
  readonly clock: Clock;
  readonly log: Log;
};

/** Anchors in one epoch: the chain has room for about thirty. */
const EPOCH_ANCHORS = 4;
/** How often a transaction may end without a block before the next run is left to it. */
const TRIES = 5;
const WAIT_MS = 1000;
/** A block is final in half a minute; ten minutes are an outage. */
const FINAL_WAITS = 600;

/** What is anchored: a plan before anything is measured, or the head after weights. */
export type Target = {
  /** The plan or the weights that the anchor belongs to. */
  readonly of: LedgerRecord<'plan'> | LedgerRecord<'weights'>;
  /** The record whose hash goes on chain. */
  readonly record: AnyRecord;
  /** Last block of a plan's round, by its anchor's block; null after weights. */
  readonly notAfter: (block: number) => number | null;
};

type Anchor = LedgerRecord<'anchor'>;
/** Where the chain holds an anchor. */
type Found = { readonly block: BlockRef; readonly anchored: Anchored };

/** Path of the anchor of a plan or of weights. */
function anchorPath({ kind, path }: Target['of']): string {
  return kind === 'plan'
    ? path.replace(/plan\.json$/, 'anchor.json')
    : path.replace(/\.json$/, '.anchor.json');
}

/** The anchor on record of a plan or of weights, or null. */
export function anchorOnRecord(ledger: Pick<Ledger, 'records'>, of: Target['of']): Anchor | null {
  const path = anchorPath(of);
  return recordsOf(ledger, 'anchor').find((record) => record.path === path) ?? null;
}

/** One anchoring: what its steps share. */
class Anchoring {
  readonly #ports: AnchorPorts;
  readonly #arena: Pick<Arena, 'netuid' | 'rules'>;
  readonly #operator: Operator;
  readonly #target: Target;

  constructor(
    ports: AnchorPorts,
    arena: Pick<Arena, 'netuid' | 'rules'>,
    operator: Operator,
    target: Target,
  ) {
    this.#ports = ports;
    this.#arena = arena;
    this.#operator = operator;
    this.#target = target;
  }

  async run(): Promise<Anchor> {
    const { ledger, chain, log } = this.#ports;
    for (let tries = 0; tries < TRIES; tries++) {
      const now = await ledger.read();
      const done = anchorOnRecord(now, this.#target.of);
      if (done) return done;
      const commitment = await chain.commitment(ledger.validator, this.#arena.netuid);
      assertSlotFree(commitment);
      assertHoldsAnchor(now, commitment);
      const standing = anchorOf(commitment);
      const found =
        standing && this.#isNews(now, standing)
          ? await this.#onceFinal(commitment.standing!.block, standing)
          : await this.#send(now);
      if (found) return this.#record(found);
      log.info('no block took the anchor yet: once more');
    }
    throw new ChainError(
      'EXPIRED',
      'infra',
      'the anchor came into no block',
      'run again: what was sent is found, and nothing is sent twice',
    );
  }

  /** Whether what stands on chain is this anchor, sent by a run that did not live to record it. */
  #isNews(now: Pick<Ledger, 'records'>, standing: Anchored): boolean {
    const { of, record } = this.#target;
    const known = recordsOf(now, 'anchor').some(
      ({ predicate }) => predicate.anchor.record.seq === standing.seq,
    );
    if (known) return false;
    return of.kind === 'plan'
      ? standing.sha256 === record.sha256
      : standing.seq >= of.predicate.seq;
  }

  /** The block of an anchor that stands on chain, once it is final. */
  async #onceFinal(block: number, anchored: Anchored): Promise<Found | null> {
    const { chain, clock, ledger } = this.#ports;
    for (let waits = 0; waits < FINAL_WAITS; waits++) {
      const head = await chain.finalizedHead();
      if (head.number >= block) {
        const hash = await chain.blockHash(block);
        // A fork may have dropped the block that the newest head showed.
        const seen = hash && (await chain.commitment(ledger.validator, this.#arena.netuid, head));
        const stands = seen && anchorOf(seen)?.sha256 === anchored.sha256;
        return stands ? { block: { number: block, hash }, anchored } : null;
      }
      await clock.sleep(WAIT_MS);
    }
    return null;
  }

  /** Sends the anchor, and waits until its block is final; null where no block took it. */
  async #send(now: Pick<Ledger, 'records'>): Promise<Found | null> {
    const { chain, wallet, clock, ledger } = this.#ports;
    const { netuid } = this.#arena;
    const { record, of } = this.#target;
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
    if (transaction.nonce > (await chain.finalizedNonce(wallet.address)).nonce) {
      await clock.sleep(WAIT_MS);
      return null;
    }
    const delivery = await deliverExtrinsic(this.#ports, transaction);
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

  /** Puts the transaction on record, as the block holds it. */
  async #record({ block, anchored }: Found): Promise<Anchor> {
    const { chain, ledger, log } = this.#ports;
    const { of } = this.#target;
    const extrinsic = await this.#extrinsicIn(block, anchored);
    const timestampMs = await chain.timestampMs(block);
    const { operator, context } = {
      operator: this.#operator,
      context: of.predicate.block,
    };
    const draft: Draft<'anchor'> = {
      kind: 'anchor',
      path: anchorPath(of),
      subject: [{ name: 'record', digest: { sha256: anchored.sha256 } }],
      predicate: {
        ...(await recordContext(chain, operator, this.#arena, context)),
        plan: of.kind === 'plan' ? of.sha256 : null,
        notAfter: this.#target.notAfter(block.number),
        anchor: { record: anchored, block: { ...block, timestampMs }, extrinsic },
      },
    };
    const after = await ledger.append(`Anchor record ${anchored.seq}`, (now) =>
      anchorOnRecord(now, of) ? null : { drafts: [draft] },
    );
    log.info(`anchored record ${anchored.seq} at block ${block.number}`);
    return anchorOnRecord(after, of)!;
  }

  /** The transaction among those of its block: signed by this key, and saying this. */
  async #extrinsicIn(
    { number }: BlockRef,
    anchored: Anchored,
  ): Promise<Anchor['predicate']['anchor']['extrinsic']> {
    const { chain, ledger } = this.#ports;
    const body = await chain.extrinsics(number);
    const marks = [decodeSs58(ledger.validator)!, utf8(anchorText(anchored))].map(toHex);
    const index = body?.extrinsics.findIndex((hex) => marks.every((mark) => hex.includes(mark)));
    const bytes = index === undefined ? undefined : body?.extrinsics[index];
    if (index === undefined || bytes === undefined)
      throw new ChainError(
        'STALE',
        'infra',
        `block ${number} does not show the anchor that stands on chain`,
        'the endpoint lags: run again',
      );
    return { index, hash: `0x${toHex(blake2b256(fromHex(bytes)!))}`, bytes };
  }
}

/** Throws `TOO_MANY_ANCHORS` where an epoch has its share; one is always left for a plan. */
function assertRoom(
  now: Pick<Ledger, 'records'>,
  { began, next }: { readonly began: number; readonly next: number },
  kind: Target['of']['kind'],
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

/**
 * Anchors a record in its validator's own commitment, waits until that is final, and records block,
 * time and transaction (RULES "Anchor"). From then on not even its signer can take the record back.
 * A run that was cut off is resumed: what stands on chain is looked at before anything is sent.
 * Throws `SLOT_TAKEN`, `TOO_MANY_ANCHORS`, `LEDGER_BEHIND`, and the errors of the chain.
 */
export async function anchor(
  ports: AnchorPorts,
  arena: Pick<Arena, 'netuid' | 'rules'>,
  operator: Operator,
  target: Target,
): Promise<Anchor> {
  return new Anchoring(ports, arena, operator, target).run();
}
