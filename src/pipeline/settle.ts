import { emissionShares, toWeights, type Share, type Weight } from '../arena/emission.ts';
import type { Standing } from '../arena/ranking.ts';
import { parseArena, type Arena } from '../arena/schema.ts';
import type { BlockRef, ChainReader, WeightRow, WeightSender } from '../chain/chain.ts';
import { ChainError } from '../chain/errors.ts';
import type { Log } from '../core/log.ts';
import { sha256Hex } from '../core/hash.ts';
import { LedgerError } from '../results/errors.ts';
import { recordsOf, type Ledger } from '../results/ledger.ts';
import type { Predicate } from '../results/schema.ts';
import type { Signer } from '../results/sign.ts';
import type { ResultStore } from '../results/store.ts';
import type { LedgerRecord } from '../results/verify.ts';
import { historyOf } from './history.ts';
import { appendRecords, type Draft } from './record.ts';
import { recordContext, type Operator } from './scan.ts';
import { soundLedger } from './sound-ledger.ts';

export type SettlePorts = {
  readonly chain: ChainReader;
  readonly sender: WeightSender | null;
  readonly store: ResultStore;
  readonly signer: Signer;
  readonly log: Log;
};

/** What `settle --json` prints (DESIGN section 6.1). */
export type SettleReport = {
  sent: boolean;
  method: 'plain';
  uids: number[];
  weights: number[];
  block: number;
  extrinsicHash: string | null;
  readBack: WeightRow;
  reason: string;
};

/** The largest difference that counts as read back: the chain scales and rounds u16 weights itself. */
const U16_STEP = 1;

/** Holders of the two places with the uids they have now. */
export type Holders = { readonly hotkey: string; readonly uid: number | null }[];
type WeightsBody = {
  round: string | null;
  holders: Holders;
  shares: Share[];
  weights: Weight[];
  emission: { burnUid: number } & Arena['emission'];
};

/** Weights that follow from a standing and the uids its holders have. Pure: the audit derives them again. */
export function weightsFrom(
  standing: Standing,
  holders: Holders,
  rules: Pick<Arena, 'burnUid' | 'emission'>,
): { shares: Share[]; weights: Weight[] } {
  const uidOf = (hotkey: string): number | null => holders.find((holder) => holder.hotkey === hotkey)?.uid ?? null;
  const shares = emissionShares(standing, uidOf, rules);
  return { shares, weights: toWeights(shares) };
}

/** Whether a row on chain is the one that was sent. */
export function sameRow(a: WeightRow, b: WeightRow): boolean {
  return (
    a.length === b.length && a.every(({ uid, weight }, i) => uid === b[i]!.uid && Math.abs(weight - b[i]!.weight) <= U16_STEP)
  );
}

/** Derives the weights of now from a ledger and the chain's uids. */
export async function deriveWeights(
  chain: ChainReader,
  arena: Arena,
  ledger: Pick<Ledger, 'records'>,
  block: BlockRef,
): Promise<WeightsBody> {
  const { standing } = historyOf(ledger);
  const last = recordsOf(ledger, 'round').at(-1);
  const round = last?.sha256 ?? null;
  // The rules of the round count, not those of a later arena file: anybody must be able to derive these weights from the ledger alone.
  const plan = last && recordsOf(ledger, 'plan').find((item) => item.sha256 === last.predicate.plan);
  const rules = plan ? parseArena(plan.predicate.arena, 'the plan') : arena;
  const hotkeys = [standing.winner, standing.runnerUp].flatMap((place) => (place ? [place.hotkey] : []));
  const holders = await Promise.all(
    hotkeys.map(async (hotkey) => ({ hotkey, uid: await chain.uidOf(hotkey, arena.netuid, block) })),
  );
  return { round, holders, emission: { burnUid: rules.burnUid, ...rules.emission }, ...weightsFrom(standing, holders, rules) };
}

/** An intent whose outcome is not on record: the process died between sending and recording. */
function openIntent(ledger: Pick<Ledger, 'records'>): LedgerRecord<'weights-intent'> | null {
  const done = new Set(recordsOf(ledger, 'weights').map((record) => record.predicate.intent));
  return recordsOf(ledger, 'weights-intent').findLast((intent) => !done.has(intent.sha256)) ?? null;
}

/**
 * Sets the weights that follow from the ledger. The intent is committed before anything is sent; the chain is read back after finality, and
 * what it says is recorded. Nothing is sent where the chain already has these weights and they are younger than a tempo.
 */
export async function settle(ports: SettlePorts, arena: Arena, operator: Operator, dryRun: boolean): Promise<SettleReport> {
  const { chain, store, signer, log } = ports;
  const block = await chain.finalizedHead();
  const own = await chain.uidOf(signer.address, arena.netuid, block);
  if (own === null)
    throw new ChainError(
      'NOT_REGISTERED',
      'usage',
      `the hotkey ${signer.address} is not registered on subnet ${arena.netuid}`,
      "register it, or use the validator's hotkey",
    );
  const ledger = soundLedger(signer.address, await store.read(signer.address));
  const body = await deriveWeights(chain, arena, ledger, block);
  const rules = await chain.weightRules(arena.netuid, block);
  const current = await chain.weights(own, arena.netuid, block);
  const report = (sent: boolean, reason: string, extra: Partial<SettleReport> = {}): SettleReport => ({
    sent,
    method: 'plain',
    uids: body.weights.map(({ uid }) => uid),
    weights: body.weights.map(({ weight }) => weight),
    block: block.number,
    extrinsicHash: null,
    readBack: current,
    reason,
    ...extra,
  });
  if (rules.commitReveal)
    throw new ChainError(
      'MISSING_FEATURE',
      'infra',
      `subnet ${arena.netuid} takes committed weights only, which this version does not send yet`,
      'turn commit-reveal off on a test subnet',
    );
  if (dryRun) return report(false, 'dry run');

  const context = await recordContext(chain, operator, arena, block);
  const subject = [{ name: 'weights', digest: { sha256: sha256Hex(JSON.stringify(body.weights)) } }];
  const row = { ...body, holders: [...body.holders], versionKey: rules.versionKey, method: 'plain' as const };
  const record = async (
    intent: LedgerRecord<'weights-intent'>,
    at: BlockRef,
    outcome: Pick<Predicate<'weights'>, 'extrinsicHash' | 'includedIn' | 'readBack' | 'status' | 'reason'>,
  ): Promise<void> => {
    const {
      schema,
      network,
      validator,
      harness,
      host,
      round,
      holders,
      shares,
      weights,
      versionKey,
      method,
      emission: shown,
    } = intent.predicate;
    const draft: Draft<'weights'> = {
      kind: 'weights',
      path: intent.path.replace('.intent.json', '.json'),
      subject: intent.subject,
      predicate: {
        schema,
        network,
        validator,
        harness,
        host,
        block: intent.predicate.block,
        round,
        holders,
        shares,
        weights,
        versionKey,
        method,
        emission: shown,
        intent: intent.sha256,
        ...outcome,
      },
    };
    await store.commit(signer.address, `Record weights at block ${at.number}`, (files) => {
      const now = soundLedger(signer.address, files);
      return recordsOf(now, 'weights').some((item) => item.predicate.intent === intent.sha256)
        ? null
        : appendRecords(signer.address, files, [draft], signer);
    });
  };

  const open = openIntent(ledger);
  if (open) {
    // A crash after sending: the chain knows what happened, so it is asked, and nothing is sent twice.
    const set = sameRow(current, open.predicate.weights);
    log.warn(
      `an earlier intent of block ${open.predicate.block.number} has no outcome on record; the chain ${set ? 'has' : 'does not have'} its weights`,
    );
    await record(open, block, {
      extrinsicHash: null,
      includedIn: null,
      readBack: [...current],
      status: set ? 'set' : 'failed',
      reason: 'found after an interruption',
    });
  }
  const last = recordsOf(ledger, 'weights').findLast((item) => item.predicate.status === 'set');
  const fresh = last !== undefined && block.number - last.predicate.block.number < REFRESH_BLOCKS;
  if (sameRow(current, body.weights) && (fresh || open)) return report(false, 'the chain has these weights already');
  if (recordsOf(ledger, 'weights-intent').some((item) => item.predicate.block.number === block.number))
    return report(false, 'one weight transaction a block is enough');
  if (!ports.sender) throw new ChainError('REJECTED', 'usage', 'no key to send weights with', 'set CACHEON_HOTKEY');

  const path = `weights/${block.number}.intent.json`;
  await store.commit(signer.address, `Intend weights at block ${block.number}`, (files) => {
    const draft: Draft<'weights-intent'> = { kind: 'weights-intent', path, subject, predicate: { ...context, ...row } };
    const now = soundLedger(signer.address, files);
    if (openIntent(now) || (recordsOf(now, 'round').at(-1)?.sha256 ?? null) !== body.round) {
      throw new LedgerError('STALE', 'infra', 'another writer has published a round or weights meanwhile', 'settle again');
    }
    return appendRecords(signer.address, files, [draft], signer);
  });
  const intent = recordsOf(soundLedger(signer.address, await store.read(signer.address)), 'weights-intent').find(
    (item) => item.path === path,
  )!;
  log.info(`setting weights ${body.weights.map(({ uid, weight }) => `${uid}:${weight}`).join(' ')}`);
  const sent = await ports.sender.setWeights(arena.netuid, body.weights, rules.versionKey);
  if (!sent.ok) {
    await record(intent, block, {
      extrinsicHash: sent.extrinsicHash,
      includedIn: null,
      readBack: [...current],
      status: 'failed',
      reason: sent.reason,
    });
    throw new ChainError(
      'REJECTED',
      'infra',
      `the chain refused the weights: ${sent.reason}`,
      sent.retry ? 'settle again later' : 'see the reason',
    );
  }
  const readBack = await chain.weights(own, arena.netuid, sent.block);
  const landed = sameRow(readBack, body.weights);
  await record(intent, sent.block, {
    extrinsicHash: sent.extrinsicHash,
    includedIn: sent.block,
    readBack: [...readBack],
    status: landed ? 'set' : 'failed',
    reason: landed ? 'read back from the chain' : 'the chain shows other weights',
  });
  if (!landed) throw new ChainError('REJECTED', 'infra', 'the chain shows other weights than were sent', 'settle again');
  return report(true, 'set and read back', { block: sent.block.number, extrinsicHash: sent.extrinsicHash, readBack });
}

/** Weights older than this are refreshed, so that with a tick every 150 blocks none grow older than a tempo of 360. */
const REFRESH_BLOCKS = 200;
