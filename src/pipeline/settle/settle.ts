// Sets a validator's weights on chain, never twice even after a crash, and records the outcome.
import type {
  BlockRef,
  ChainReader,
  SubnetState,
  WeightMethod,
  WeightRow,
} from '../../chain/chain.ts';
import type { Delivery } from '../../chain/delivery.ts';
import { ChainError } from '../../chain/errors.ts';
import { LedgerError } from '../../ledger/errors.ts';
import { type Ledger, recordsOf } from '../../ledger/read.ts';
import type { Arena } from '../../schema/arena.ts';
import { type Operator, recordContext } from '../context.ts';
import { assertNotBehind, newestBlock } from '../freshness.ts';
import { decideSettlement, type Decision } from './decide-settlement.ts';
import {
  deriveWeights,
  methodOf,
  type WeightsBody,
  weightsCall,
  type WeightsEntropy,
} from './weight-row.ts';
import {
  closePending,
  type DeliveryPorts,
  finishIntent,
  type Row,
  rowAt,
} from './weights-delivery.ts';
import { refusalOf } from './weights-outcome.ts';
import {
  type Intent,
  intentDraft,
  openIntent,
  pendingWeights,
  type WeightsRecord,
} from './weights-records.ts';

export type SettlePorts = DeliveryPorts & { readonly entropy: () => WeightsEntropy };

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

/** One settling: what its steps share. */
type Settling = {
  readonly ports: SettlePorts;
  readonly arena: Arena;
  readonly operator: Operator;
  readonly row: Row;
  readonly block: BlockRef;
};

/** The validator's own place on the subnet. Throws `NOT_REGISTERED`. */
async function ownRow(
  chain: ChainReader,
  hotkey: string,
  netuid: number,
  block: BlockRef,
): Promise<Row> {
  const uid = await chain.uidOf(hotkey, netuid, block);
  if (uid === null)
    throw new ChainError(
      'NOT_REGISTERED',
      'usage',
      `the hotkey ${hotkey} is not registered on subnet ${netuid}`,
      "register it, or use the validator's hotkey",
    );
  return { uid, netuid };
}

/** What an earlier run left: an intent without its outcome, and commits that are due. */
async function finishEarlier({ ports, row }: Settling, state: SubnetState): Promise<Intent | null> {
  const { ledger, log } = ports;
  const open = openIntent(await ledger.read());
  if (open) {
    const { number } = open.predicate.block;
    log.warn(`the intent of block ${number} has no outcome on record: finishing it`);
    await finishIntent(ports, row, open, true);
  }
  for (const pending of pendingWeights(await ledger.read())) {
    const closed = await closePending(ports, row, pending, state);
    const { number } = pending.predicate.block;
    const said = closed === 'waiting' ? 'not revealed yet' : closed;
    log.info(`weights committed at block ${number}: ${said}`);
  }
  return open;
}

/** Signs the transaction and commits the intent with it. Nothing is sent yet. */
async function intend(
  { ports, arena, operator, block }: Settling,
  body: WeightsBody,
  state: SubnetState,
): Promise<Intent> {
  const { chain, wallet, ledger } = ports;
  const { call, commit } = weightsCall(
    arena,
    state,
    { hotkey: ledger.validator, row: body.weights },
    ports.entropy(),
  );
  const draft = intentDraft({
    context: await recordContext(chain, operator, arena, block),
    body,
    versionKey: state.versionKey,
    method: methodOf(state),
    commit,
    transaction: await wallet.sign(call),
  });
  const after = await ledger.append(`Intend weights at block ${block.number}`, (now) => {
    const round = recordsOf(now, 'round').at(-1)?.sha256 ?? null;
    if (openIntent(now) || round !== body.round || newestBlock(now) > block.number)
      throw new LedgerError(
        'STALE',
        'infra',
        'another writer has published a plan, a round or weights meanwhile',
        'settle again',
      );
    return { drafts: [draft] };
  });
  return recordsOf(after, 'weights-intent').find(({ path }) => path === draft.path)!;
}

/** Throws where sent weights did not stand: `EXPIRED` or `REJECTED`. Their record says it too. */
function assertTaken(delivery: Delivery, { predicate }: WeightsRecord, intent: Intent): void {
  if (delivery.state === 'expired')
    throw new ChainError(
      'EXPIRED',
      'infra',
      `no block took the weights before block ${intent.predicate.transaction.lastBlock}`,
      'settle again',
    );
  const rejected = (message: string, hint: string): ChainError =>
    new ChainError('REJECTED', 'infra', message, hint);
  const refusal = refusalOf(delivery);
  if (refusal)
    throw rejected(
      `the chain refused the weights: ${refusal.name}`,
      `${refusal.remedy}: ${refusal.hint}`,
    );
  if (predicate.status === 'failed')
    throw rejected('the chain shows other weights than were sent', 'settle again');
}

/** Sends the weights, and reports what the chain shows of them. */
async function send(
  settling: Settling,
  body: WeightsBody,
  state: SubnetState,
): Promise<Pick<SettleReport, 'sent' | 'reason' | 'block' | 'extrinsicHash' | 'readBack'>> {
  const { ports, row } = settling;
  const intent = await intend(settling, body, state);
  const listed = body.weights.map(({ uid, weight }) => `${uid}:${weight}`).join(' ');
  ports.log.info(`setting weights ${listed} (${methodOf(state)})`);
  const { delivery, weights } = await finishIntent(ports, row, intent, false);
  assertTaken(delivery, weights, intent);
  const { status, includedIn, readBack } = weights.predicate;
  return {
    sent: true,
    reason: status === 'set' ? 'set and read back' : 'committed: set once the chain shows them',
    block: includedIn!.number,
    extrinsicHash: intent.predicate.transaction.hash,
    readBack,
  };
}

/** What a report says where nothing new is sent. */
function notSent(
  decision: Exclude<Decision, { send: true }>,
  finished: Intent | null,
): Partial<SettleReport> {
  const { why, reason, notBefore } = decision;
  const before =
    finished && why === 'on-chain'
      ? { sent: true, extrinsicHash: finished.predicate.transaction.hash }
      : {};
  return { reason, notBefore, ...before };
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
  const { chain, ledger } = ports;
  const { netuid } = arena;
  const hotkey = ledger.validator;
  const block = await chain.finalizedHead();
  await chain.confirm(block);
  const row = await ownRow(chain, hotkey, netuid, block);
  const settling: Settling = { ports, arena, operator, row, block };
  const begin: Ledger = await ledger.read();
  assertNotBehind(begin, block);
  const finished = dryRun
    ? null
    : await finishEarlier(settling, await chain.subnet(netuid, hotkey));
  // Finishing may have taken minutes: the next transaction follows from the subnet's present state.
  const state = await chain.subnet(netuid, hotkey);
  const now = await ledger.read();
  const body = await deriveWeights(chain, arena, now, block);
  const current = await rowAt(chain, row, finished ? await chain.finalizedHead() : block);
  const report: SettleReport = {
    sent: false,
    method: methodOf(state),
    uids: body.weights.map(({ uid }) => uid),
    weights: body.weights.map(({ weight }) => weight),
    block: block.number,
    extrinsicHash: null,
    readBack: current,
    reason: 'dry run',
    notBefore: null,
  };
  if (dryRun) return report;
  const decision = decideSettlement({
    ...{ ledger: now, state, netuid, hotkey, block, current },
    own: row.uid,
    wanted: body.weights,
  });
  const end = decision.send ? await send(settling, body, state) : notSent(decision, finished);
  return { ...report, ...end };
}
