// Checks of a ledger against the chain's head: the row on chain now, sealed rows, overdue ends.
import { publishedAt, QUICKNET } from '../../beacon/pulses.ts';
import type { WeightRow } from '../../chain/chain.ts';
import { open } from '../../chain/timelock.ts';
import { readWeightsPayload } from '../../chain/weight-codec.ts';
import { equalBytes, fromHex } from '../../core/bytes.ts';
import { messageOf } from '../../core/errors.ts';
import { firstDifference } from '../../core/difference.ts';
import { decodeSs58 } from '../../core/ss58.ts';
import { lastBlockOf, openPlan } from '../../ledger/plans.ts';
import { type Records, recordsOf } from '../../ledger/records-of.ts';
import type { LedgerRecord } from '../../ledger/verify.ts';
import { epochNow, sameRow } from '../settle/weight-row.ts';
import { lastIncluded, openIntent, pendingWeights } from '../settle/weights-records.ts';
import type { Check, Notes } from './check.ts';
import type { LedgerSubject, RecordSubject } from './subjects.ts';
import { sealedRow } from './transaction-fault.ts';

/** A row that the ledger says the chain took, and its record. */
type SetRow = { readonly path: string; readonly seq: number; readonly row: WeightRow };

/** The newest row that a ledger says was set, plainly or by a reveal. */
function lastSet(ledger: Records): SetRow | null {
  const outcomes = recordsOf(ledger, 'weights');
  const plain = outcomes
    .filter(({ predicate }) => predicate.status === 'set')
    .map(({ path, predicate: { seq, weights } }): SetRow => ({ path, seq, row: weights }));
  const shown = recordsOf(ledger, 'weights-readback')
    .filter(({ predicate }) => predicate.status === 'set')
    .map(({ path, predicate: { seq, weights } }): SetRow => {
      const pending = outcomes.find(({ sha256 }) => sha256 === weights);
      return { path, seq, row: pending?.predicate.weights ?? [] };
    });
  return [...plain, ...shown].sort((a, b) => a.seq - b.seq).at(-1) ?? null;
}

/**
 * The row on chain now is the one that the ledger set last (A2): else somebody set another without
 * a record, or a record calls failed what landed.
 */
async function checkRowNow({ ledger, ports }: LedgerSubject, { fault }: Notes): Promise<void> {
  const chain = ports.chain!;
  const last = ledger.records.at(-1);
  const first = ledger.records[0];
  // What was sent and is not on record yet may be on chain.
  if (!last || !first || openIntent(ledger)) return;
  const { netuid } = last.predicate.network;
  const head = await chain.finalizedHead();
  const own = await chain.uidOf(ledger.validator, netuid, head);
  if (own === null) return;
  const expected = lastSet(ledger);
  const row = await chain.weights(own, netuid, head);
  const { lastUpdate } = await chain.subnet(netuid, ledger.validator);
  if (expected && !sameRow(row, expected.row)) {
    const difference = firstDifference(expected.row, row, 'row');
    const what = `the chain shows another row at block ${head.number}: ${difference ?? ''}`;
    fault('WEIGHT_MISMATCH', expected.path, what);
  }
  const known = lastIncluded(ledger, 'any')?.number ?? first.predicate.block.number;
  const plain = recordsOf(ledger, 'weights').every(({ predicate }) => predicate.method === 'plain');
  if (plain && row.length > 0 && lastUpdate > known && lastUpdate <= head.number)
    fault(
      'OMISSION',
      (expected ?? last).path,
      `weights were set in block ${lastUpdate}, and no record tells of them`,
    );
}

/** A sealed row opens with the pulse of its round, and holds what its record says (A3). */
async function checkSealed(
  { record, ledger, ports }: RecordSubject<'weights-intent' | 'weights'>,
  notes: Notes,
): Promise<void> {
  if (record.kind !== 'weights-intent' || record.predicate.method !== 'timelock') return;
  const round = record.predicate.commit?.round ?? null;
  const key = decodeSs58(ledger.validator);
  const bytes = fromHex(record.predicate.transaction.extrinsic);
  if (round === null || !key || !bytes) return;
  const chain = ports.chain!;
  const signature = await chain.pulse(round);
  if (signature === null) {
    const { beacon, nowSeconds } = await chain.subnet(
      record.predicate.network.netuid,
      ledger.validator,
    );
    if (nowSeconds > publishedAt(beacon ?? QUICKNET, round))
      notes.unchecked(record.path, `the chain no longer has pulse ${round}, which opens its row`);
    return;
  }
  const wrong = sealFault(record.predicate, { bytes, key, signature: fromHex(signature)! });
  if (wrong !== null) notes.fault('WEIGHT_MISMATCH', record.path, wrong);
}

/** What is wrong with a sealed row once it is open; null where it is what its record says. */
function sealFault(
  predicate: LedgerRecord<'weights-intent'>['predicate'],
  sealed: { readonly bytes: Uint8Array; readonly key: Uint8Array; readonly signature: Uint8Array },
): string | null {
  let opened: ReturnType<typeof readWeightsPayload>;
  try {
    const row = sealedRow(predicate, sealed.bytes, sealed.key);
    opened = readWeightsPayload(open(row, sealed.signature));
  } catch (error) {
    return `its sealed row does not open with the pulse of its round: ${messageOf(error)}`;
  }
  if (!opened || !equalBytes(opened.hotkey, sealed.key)) return 'it seals no row of this validator';
  const said = { row: predicate.weights, versionKey: String(predicate.versionKey) };
  const found = { row: opened.row, versionKey: String(opened.versionKey) };
  const difference = firstDifference(said, found, 'sealed');
  return difference === null ? null : `its sealed row is another one: ${difference}`;
}

/** Epochs after its reveal by which a commit is closed on record. */
const GRACE_EPOCHS = 2;

/** A commit whose reveal is over must be closed on record. */
async function checkPending({ ledger, ports }: LedgerSubject, { fault }: Notes): Promise<void> {
  for (const { path, predicate } of pendingWeights(ledger)) {
    const { netuid } = predicate.network;
    const state = await ports.chain!.subnet(netuid, ledger.validator);
    const due = (predicate.commit?.epoch ?? 0) + state.revealPeriodEpochs + GRACE_EPOCHS;
    if (epochNow(state, netuid).epoch > due)
      fault('OMISSION', path, 'its reveal is over, and nothing on record closes it');
  }
}

/** A plan that lies open past its last block, by the chain's own head (A7). */
async function checkOverdue({ ledger, ports }: LedgerSubject, { fault }: Notes): Promise<void> {
  const plan = openPlan(ledger);
  if (!plan) return;
  const { number: head } = await ports.chain!.finalizedHead();
  const last = lastBlockOf(ledger, plan);
  if (head > last)
    fault('OMISSION', plan.path, `it had to end by block ${last}, and the chain is at ${head}`);
}

/** Every check of a ledger against the chain's head. */
export const NOW_CHECKS: readonly Check<LedgerSubject>[] = [
  { name: 'row-now', needs: 'chain', rule: 'Audit of weights', run: checkRowNow },
  {
    name: 'commits-closed',
    needs: 'chain',
    rule: 'Readback of committed weights',
    run: checkPending,
  },
  { name: 'open-plan', needs: 'chain', rule: 'One end for each plan', run: checkOverdue },
];
/** The check of a sealed row. */
export const SEALED_CHECKS: readonly Check<RecordSubject<'weights-intent' | 'weights'>>[] = [
  { name: 'sealed-rows', needs: 'chain', rule: 'Weights: sealed commit', run: checkSealed },
];
