// Checks of recorded weights: derived again, matched to their transactions, compared with the chain.
import type { BlockRef } from '../../chain/chain.ts';
import { compactJson } from '../../core/canonical.ts';
import { firstDifference } from '../../core/difference.ts';
import { type Records, recordsOf } from '../../ledger/records-of.ts';
import type { LedgerRecord } from '../../ledger/verify.ts';
import { arenaSchema } from '../../schema/arena.ts';
import type { Predicate } from '../../schema/records.ts';
import { sameRow, weightsFrom } from '../settle/weight-row.ts';
import { outcomeOnRecord } from '../settle/weights-records.ts';
import type { Check, Notes } from './check.ts';
import type { LedgerSubject, RecordSubject } from './subjects.ts';
import { transactionFault } from './transaction-fault.ts';

type Intent = LedgerRecord<'weights-intent'>;
type Outcome = LedgerRecord<'weights'>;
type WeightsSubject = RecordSubject<'weights-intent' | 'weights'>;
type ReadbackSubject = RecordSubject<'weights-readback'>;

/** A day of blocks: what is not on record by then was left out. */
const DAY_BLOCKS = 7200;

/**
 * The part of an intent that its outcome must repeat. The epoch of a commit is told by the block
 * that took it.
 */
const committed = ({
  weights,
  holders,
  round,
  method,
  versionKey,
  commit,
}: Predicate<'weights-intent'> | Predicate<'weights'>): unknown => [
  weights,
  holders,
  round,
  method,
  versionKey,
  commit && [commit.hash, commit.round, commit.salt],
];

const intentOf = ({ predicate }: Outcome, ledger: Records): Intent | undefined =>
  recordsOf(ledger, 'weights-intent').find(({ sha256 }) => sha256 === predicate.intent);

/** The intent of a record of weights: itself, or the one that it is the outcome of. */
const intentBehind = ({ record, ledger }: WeightsSubject): Intent | undefined =>
  record.kind === 'weights' ? intentOf(record, ledger) : record;

/** The round that weights follow from, and the shares and rows that follow. */
function checkFollows(subject: WeightsSubject, { fault }: Notes): void {
  const { record, ledger } = subject;
  const report = (message: string): void => fault('WEIGHT_MISMATCH', record.path, message);
  // An outcome follows from what stood at its intent: a round may land between the two.
  const { seq } = (intentBehind(subject) ?? record).predicate;
  const before = { records: ledger.records.filter((item) => item.predicate.seq < seq) };
  const round = recordsOf(before, 'round').at(-1);
  if (record.predicate.round !== (round?.sha256 ?? null)) {
    const named = record.predicate.round ?? 'none';
    report(`follows from round ${named}, the latest before it is ${round?.sha256 ?? 'none'}`);
    return;
  }
  // Before the first round the arena is that of the first plan, so that no validator can name a
  // burn uid of its own.
  const plan = round
    ? recordsOf(before, 'plan').find((item) => item.sha256 === round.predicate.plan)
    : recordsOf(ledger, 'plan')[0];
  for (const message of rowFaults(record, round, plan)) report(message);
}

/** What is wrong with weights as they follow from a round's standing and its arena. */
function* rowFaults(
  { predicate }: Outcome | Intent,
  round: LedgerRecord<'round'> | undefined,
  plan: LedgerRecord<'plan'> | undefined,
): Generator<string> {
  const { holders, shares, weights } = predicate;
  const { burnUid, ...emission } = predicate.emission;
  const arena = plan && arenaSchema.safeParse(plan.predicate.arena).data;
  const rules = arena && { burnUid: arena.burnUid, emission: arena.emission };
  if (rules && firstDifference({ burnUid, emission }, rules) !== null)
    yield "other emission rules than the round's arena";
  const standing = round?.predicate.standing ?? { winner: null, runnerUp: null };
  const derived = weightsFrom(standing, holders, { burnUid, emission });
  const difference = firstDifference({ shares, weights }, derived);
  if (difference !== null) yield difference;
  const expected = [standing.winner, standing.runnerUp].flatMap((place) =>
    place ? [place.hotkey] : [],
  );
  if (compactJson(holders.map(({ hotkey }) => hotkey)) !== compactJson(expected))
    yield 'holders are not those of the standing';
}

/** What is wrong with an outcome beside its intent. */
function* outcomeFaults({ predicate }: Outcome, intent: Intent | undefined): Generator<string> {
  const same =
    intent &&
    compactJson(committed(intent.predicate)) === compactJson(committed(predicate)) &&
    predicate.extrinsicHash === intent.predicate.transaction.hash;
  if (!same) yield 'is not the outcome of the intent it names';
  const block = firstDifference(predicate.block, intent?.predicate.block ?? null, 'block');
  if (block !== null) yield `not of its intent's block: ${block}`;
  if (predicate.status === 'set' && !sameRow(predicate.readBack, predicate.weights))
    yield 'says set, but read back other weights';
  const inclusion = eraFault(predicate, intent);
  if (inclusion !== null) yield inclusion;
}

/** Why a block cannot have taken an intent's transaction; null where it can. */
function eraFault(
  { status, includedIn }: Outcome['predicate'],
  intent: Intent | undefined,
): string | null {
  if (includedIn === null)
    return status === 'failed' ? null : `says ${status}, but no block took it`;
  if (!intent) return null;
  const { firstBlock, lastBlock } = intent.predicate.transaction;
  const inside = includedIn.number >= firstBlock && includedIn.number <= lastBlock;
  return inside ? null : `block ${includedIn.number} is outside of its transaction's era`;
}

/** The transaction of an intent sets its weights, and no others. */
function checkTransaction({ record }: WeightsSubject, { fault }: Notes): void {
  if (record.kind !== 'weights-intent') return;
  const wrong = transactionFault(record.predicate);
  if (wrong === null) return;
  fault('WEIGHT_MISMATCH', record.path, `its transaction does not set these weights: ${wrong}`);
}

function checkOutcome({ record, ledger }: WeightsSubject, { fault }: Notes): void {
  if (record.kind !== 'weights') return;
  for (const message of outcomeFaults(record, intentOf(record, ledger)))
    fault('WEIGHT_MISMATCH', record.path, message);
}

/** What the chain says against an outcome: uids, the row at its block, the transaction in it. */
async function checkOutcomeOnChain(subject: WeightsSubject, { fault }: Notes): Promise<void> {
  const { record, ports } = subject;
  if (record.kind !== 'weights') return;
  const chain = ports.chain!;
  const report = (message: string): void => fault('WEIGHT_MISMATCH', record.path, message);
  const { validator, network, block, holders, includedIn, readBack } = record.predicate;
  if ((await chain.blockHash(block.number)) !== block.hash)
    report(`block ${block.number} has another hash on the chain`);
  for (const { hotkey, uid } of holders)
    if ((await chain.uidOf(hotkey, network.netuid, block)) !== uid)
      report(`${hotkey} did not hold uid ${uid ?? 'none'} at block ${block.number}`);
  const own = await chain.uidOf(validator, network.netuid, block);
  if (includedIn === null || own === null) return;
  const wrong = await inclusionFault(subject, includedIn, record.predicate.status);
  if (wrong !== null) report(wrong);
  const row = await chain.weights(own, network.netuid, includedIn);
  const difference = firstDifference(readBack, row, 'readBack');
  if (difference !== null) report(`the chain shows other weights: ${difference}`);
}

/** Why a block is not the one that took an intent's transaction; null where it is. */
async function inclusionFault(
  subject: WeightsSubject,
  { number, hash }: BlockRef,
  status: Outcome['predicate']['status'],
): Promise<string | null> {
  const chain = subject.ports.chain!;
  const body = await chain.extrinsics(number);
  const sent = intentBehind(subject)?.predicate.transaction.extrinsic ?? '';
  const index = body?.extrinsics.indexOf(sent) ?? -1;
  if (body?.block.hash !== hash || index < 0)
    return `block ${number} does not hold the transaction`;
  const { ok } = await chain.outcome(body.block, index);
  return ok || status === 'failed' ? null : `the transaction failed in block ${number}`;
}

/** A transaction that is said to have failed, or has no outcome, must be in no block of its era. */
async function checkNotLanded(
  { record, ledger, ports }: WeightsSubject,
  { fault }: Notes,
): Promise<void> {
  if (record.kind !== 'weights-intent') return;
  const outcome = outcomeOnRecord(ledger, record);
  if (outcome?.predicate.includedIn) return;
  const chain = ports.chain!;
  const { extrinsic, firstBlock, lastBlock } = record.predicate.transaction;
  const { number: head } = await chain.finalizedHead();
  for (let number = firstBlock; number <= Math.min(lastBlock, head); number++) {
    const body = await chain.extrinsics(number);
    if (!body?.extrinsics.includes(extrinsic)) continue;
    if (outcome) {
      const what = `said to have failed, and in block ${number}`;
      fault('WEIGHT_MISMATCH', outcome.path, what);
    } else if (head > lastBlock + DAY_BLOCKS)
      fault('OMISSION', record.path, `sent in block ${number}, and its outcome is not on record`);
    return;
  }
  if (!outcome && head > lastBlock + DAY_BLOCKS)
    fault('OMISSION', record.path, 'its outcome is not on record after a day');
}

/** What closes a commit belongs to one, and repeats its row where it says set. */
function checkReadback({ record, ledger }: ReadbackSubject, { fault }: Notes): void {
  const { predicate, path } = record;
  const pending = pendingOf({ record, ledger });
  if (!pending) {
    fault('WEIGHT_MISMATCH', path, 'closes no pending weights');
    return;
  }
  const block = firstDifference(predicate.block, pending.predicate.block, 'block');
  if (block !== null) fault('WEIGHT_MISMATCH', path, `not of its weights' block: ${block}`);
  if (predicate.status === 'set' && !sameRow(predicate.readBack, pending.predicate.weights))
    fault('WEIGHT_MISMATCH', path, 'says set, but read back other weights');
}

function pendingOf({ record, ledger }: Pick<ReadbackSubject, 'record' | 'ledger'>): Outcome | null {
  const named = recordsOf(ledger, 'weights').find(
    ({ sha256 }) => sha256 === record.predicate.weights,
  );
  return named?.predicate.status === 'pending' ? named : null;
}

/** The row that a readback read is the chain's at that block. */
async function checkReadbackOnChain(
  { record, ledger, ports }: ReadbackSubject,
  { fault }: Notes,
): Promise<void> {
  const { validator, network, readAt, readBack } = record.predicate;
  if (!pendingOf({ record, ledger })) return;
  const own = await ports.chain!.uidOf(validator, network.netuid, readAt);
  if (own === null) return;
  const row = await ports.chain!.weights(own, network.netuid, readAt);
  const difference = firstDifference(readBack, row, 'readBack');
  if (difference !== null)
    fault('WEIGHT_MISMATCH', record.path, `the chain shows other weights: ${difference}`);
}

/** A round whose weights were never set pays nobody: after a day that is an omission (A2). */
async function checkSettled({ ledger, ports }: LedgerSubject, { fault }: Notes): Promise<void> {
  const round = recordsOf(ledger, 'round').at(-1);
  if (!round) return;
  const { number: head } = await ports.chain!.finalizedHead();
  const intents = recordsOf(ledger, 'weights-intent');
  const followed = intents.some(({ predicate }) => predicate.round === round.sha256);
  if (!followed && head > round.predicate.block.number + DAY_BLOCKS)
    fault('OMISSION', round.path, 'a day later no weights follow from it');
}

/** Every check of an intent or an outcome. */
export const WEIGHTS_CHECKS: readonly Check<WeightsSubject>[] = [
  { name: 'weights', needs: 'ledger', rule: 'Audit of weights', run: checkFollows },
  { name: 'transactions', needs: 'ledger', rule: 'Intent before sending', run: checkTransaction },
  { name: 'outcomes', needs: 'ledger', rule: 'Outcome of an intent', run: checkOutcome },
  {
    ...{ name: 'outcomes-on-chain', needs: 'chain', rule: 'Audit of weights' },
    run: checkOutcomeOnChain,
  },
  { name: 'not-landed', needs: 'chain', rule: 'Outcome of an intent', run: checkNotLanded },
];
/** Every check of what closed a commit. */
export const READBACK_CHECKS: readonly Check<ReadbackSubject>[] = [
  {
    ...{ name: 'readbacks', needs: 'ledger', rule: 'Readback of committed weights' },
    run: checkReadback,
  },
  {
    ...{ name: 'readbacks-on-chain', needs: 'chain', rule: 'Readback of committed weights' },
    run: checkReadbackOnChain,
  },
];
/** Every check of a ledger's weights together. */
export const SETTLED_CHECKS: readonly Check<LedgerSubject>[] = [
  { name: 'rounds-settled', needs: 'chain', rule: 'When weights are sent', run: checkSettled },
];
