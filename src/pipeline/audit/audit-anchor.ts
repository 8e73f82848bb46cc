// Checks of anchors: every measured plan has one, in time, and the chain shows it as it is.
import { fromHex, toHex } from '../../core/bytes.ts';
import { firstDifference } from '../../core/difference.ts';
import { blake2b256 } from '../../core/hash.ts';
import { decodeSs58 } from '../../core/ss58.ts';
import { ANCHOR_WITHIN_BLOCKS, endOf, originOf, planAnchor } from '../../ledger/plans.ts';
import { type Records, recordsOf } from '../../ledger/records-of.ts';
import type { AnyRecord, FaultCode, LedgerRecord } from '../../ledger/verify.ts';
import { type Anchored, anchorOf, isAnchorExtrinsic } from '../anchor/anchor-text.ts';
import { anchorPath } from '../anchor/record-anchor.ts';
import { notAfterOf } from '../plan-life.ts';
import type { Check, Notes } from './check.ts';
import type { LedgerSubject, RecordSubject } from './subjects.ts';

type Anchor = LedgerRecord<'anchor'>;
type Fault = readonly [code: FaultCode, message: string];
type Subject = RecordSubject<'anchor'>;

/** What is wrong with an anchor by the ledger alone. */
function* ownFaults(ledger: Records, anchor: Anchor): Generator<Fault> {
  const { path, predicate } = anchor;
  const { record } = predicate.anchor;
  const own = ledger.records.find((item) => item.predicate.seq === record.seq);
  if (own?.sha256 !== record.sha256 || record.seq >= predicate.seq)
    yield [
      'WRONG_CONTEXT',
      `it anchors ${record.sha256}, which is no earlier record of this ledger`,
    ];
  yield* extrinsicFaults(predicate);
  const beside = recordsOf(ledger, 'plan').find((plan) => anchorPath(plan) === path);
  if (!beside) {
    yield* weightsFaults(ledger, anchor, own);
    return;
  }
  yield* contextFaults(predicate, beside);
  if (predicate.plan !== beside.sha256)
    yield ['WRONG_CONTEXT', 'it is of another plan than the one beside it'];
  else yield* planFaults(ledger, beside, predicate);
}

/** An anchor carries the block of what it belongs to. */
function* contextFaults(
  { block }: Anchor['predicate'],
  owner: LedgerRecord<'plan'> | LedgerRecord<'weights'>,
): Generator<Fault> {
  const difference = firstDifference(block, owner.predicate.block, 'block');
  if (difference !== null) yield ['WRONG_CONTEXT', difference];
}

/** What is wrong with an anchor that stands beside weights. */
function* weightsFaults(
  ledger: Records,
  { path, predicate }: Anchor,
  own: AnyRecord | undefined,
): Generator<Fault> {
  const weights = recordsOf(ledger, 'weights').find((item) => anchorPath(item) === path);
  if (weights) yield* contextFaults(predicate, weights);
  if (!weights || weights.predicate.seq > predicate.anchor.record.seq)
    yield ['WRONG_CONTEXT', 'it belongs to no plan and to no weights'];
  if (predicate.plan !== null || predicate.notAfter !== null)
    yield ['WRONG_CONTEXT', 'it is of another plan than the one beside it'];
  // Each anchor of a plan would draw another seed: a plan has one, and it stands beside it.
  if (own?.kind === 'plan')
    yield ['EQUIVOCATION', 'it anchors a plan, which has one anchor, beside it'];
}

/** What is wrong with the anchor of a plan beside that plan. */
function* planFaults(
  ledger: Records,
  plan: LedgerRecord<'plan'>,
  { anchor: { record, block }, notAfter, seq }: Anchor['predicate'],
): Generator<Fault> {
  if (record.sha256 !== plan.sha256)
    yield ['RECOMPUTE_MISMATCH', 'it anchors another record than its plan'];
  const late = block.number - plan.predicate.block.number;
  if (late < 0) yield ['TIME', 'it is older than its plan'];
  if (late > ANCHOR_WITHIN_BLOCKS)
    yield [
      'TIME',
      `it is ${late} blocks later than its plan, ${ANCHOR_WITHIN_BLOCKS} are the most`,
    ];
  const end = endOf(ledger, plan);
  if (end && end.predicate.seq < seq)
    yield ['TIME', `it is on record only after ${end.path}, which ended its plan`];
  const derived = notAfterOf(block.number, plan);
  if (notAfter !== derived) yield ['TIME', `notAfter is ${notAfter ?? 'missing'}, not ${derived}`];
}

/** What is wrong with the transaction that an anchor names, by its bytes. */
function* extrinsicFaults({ validator, network, anchor }: Anchor['predicate']): Generator<Fault> {
  const bytes = fromHex(anchor.extrinsic.bytes)!;
  if (`0x${toHex(blake2b256(bytes))}` !== anchor.extrinsic.hash)
    yield ['RECOMPUTE_MISMATCH', 'its transaction has another hash'];
  const publicKey = decodeSs58(validator) ?? new Uint8Array();
  if (!isAnchorExtrinsic(bytes, { publicKey, netuid: network.netuid }, anchor.record))
    yield ['WRONG_CONTEXT', 'its transaction anchors something else'];
}

/** What the chain says against an anchor; it throws where a node no longer tells. */
async function* chainFaults({ record, ports }: Subject): AsyncGenerator<Fault> {
  const chain = ports.chain!;
  const { block, extrinsic } = record.predicate.anchor;
  if ((await chain.blockHash(block.number)) !== block.hash) {
    yield ['WRONG_CONTEXT', `block ${block.number} has another hash on the chain`];
    return;
  }
  const body = await chain.extrinsics(block.number);
  if (body?.extrinsics[extrinsic.index] !== extrinsic.bytes)
    yield ['OMISSION', `block ${block.number} does not hold the transaction`];
  else if (!(await chain.outcome(block, extrinsic.index)).ok)
    yield ['OMISSION', `the transaction failed in block ${block.number}`];
  const timestampMs = await chain.timestampMs(block);
  if (timestampMs !== block.timestampMs)
    yield ['TIME', `block ${block.number} is of ${timestampMs} ms, not of ${block.timestampMs} ms`];
}

/** At the block of an anchor the hotkey's commitment must be that anchor, and made in that block. */
async function* slotFaults({ record, ports }: Subject): AsyncGenerator<Fault> {
  const { validator, network, anchor: own } = record.predicate;
  const commitment = await ports.chain!.commitment(validator, network.netuid, own.block);
  const stood = anchorOf(commitment);
  if (stood?.sha256 === own.record.sha256 && commitment.standing?.block === own.block.number)
    return;
  yield [
    'OMISSION',
    `the commitment of the hotkey at block ${own.block.number} is not this anchor`,
  ];
}

/**
 * Just before an anchor the chain must hold the one before it on record: any other was made and
 * never published, say to draw a seed that did not please.
 */
async function* hiddenFaults({ record, ledger, ports }: Subject): AsyncGenerator<Fault> {
  const { validator, network, anchor: own } = record.predicate;
  const number = own.block.number - 1;
  const at = { number, hash: (await ports.chain!.blockHash(number)) ?? '' };
  const commitment = await ports.chain!.commitment(validator, network.netuid, at);
  const stood = anchorOf(commitment);
  const block = commitment.standing?.block ?? commitment.lastBlock;
  if (isExpected(ledger, record, { stood, block })) return;
  const hidden = stood === null ? 'another commitment' : `an anchor of record ${stood.seq}`;
  const when = block === null ? '' : ` of block ${block}`;
  yield ['OMISSION', `before it the chain held ${hidden}${when}, which is in no record`];
}

/** Whether a slot held the anchor before this one; before the first, nothing since the first plan. */
function isExpected(
  ledger: Records,
  { predicate: { seq } }: Anchor,
  { stood, block }: { readonly stood: Anchored | null; readonly block: number | null },
): boolean {
  const before = recordsOf(ledger, 'anchor').filter((item) => item.predicate.seq < seq);
  const last = before.at(-1)?.predicate.anchor;
  if (last) return stood?.sha256 === last.record.sha256 && block === last.block.number;
  const firstPlan = recordsOf(ledger, 'plan')[0]?.predicate.block.number ?? Infinity;
  return stood === null && (block === null || block < firstPlan);
}

/** Every measured plan has its anchor, on record before its round. */
function checkMeasured({ ledger }: LedgerSubject, { fault }: Notes): void {
  for (const round of recordsOf(ledger, 'round')) {
    const plan = recordsOf(ledger, 'plan').find(({ sha256 }) => sha256 === round.predicate.plan);
    const origin = plan && originOf(ledger, plan);
    const anchor = origin && planAnchor(ledger, origin);
    if (plan && !anchor)
      fault('OMISSION', anchorPath(origin ?? plan), 'a plan was measured without its anchor');
    else if (anchor && anchor.predicate.seq > round.predicate.seq)
      fault('TIME', anchor.path, 'the round was on record before its plan was anchored');
  }
}

/**
 * The anchor that the chain holds now must be in the ledger: else the validator cut off its tail,
 * or anchored another history.
 */
async function checkHead({ ledger, ports }: LedgerSubject, { fault }: Notes): Promise<void> {
  const last = ledger.records.at(-1);
  if (!last) return;
  const { netuid } = last.predicate.network;
  const anchored = anchorOf(await ports.chain!.commitment(ledger.validator, netuid));
  if (!anchored) return;
  const record = ledger.records.find((item) => item.predicate.seq === anchored.seq);
  if (!record)
    fault(
      'CHAIN_GAP',
      last.path,
      `the chain anchors record ${anchored.seq}, the ledger ends with ${last.predicate.seq}: is this clone up to date?`,
    );
  else if (record.sha256 !== anchored.sha256)
    fault(
      'REWRITE',
      record.path,
      `the chain anchors ${anchored.sha256} as record ${anchored.seq}, this is ${record.sha256}`,
    );
}

/** A check of an anchor that names each fault that a generator yields. */
const naming =
  (faults: (subject: Subject) => AsyncIterable<Fault> | Iterable<Fault>) =>
  async (subject: Subject, notes: Notes): Promise<void> => {
    for await (const [code, message] of faults(subject))
      notes.fault(code, subject.record.path, message);
  };

const rule = 'Audit of an anchor';
/** Every check of one anchor. */
export const ANCHOR_CHECKS: readonly Check<Subject>[] = [
  {
    ...{ name: 'anchors', needs: 'ledger', rule },
    run: naming(({ ledger, record }) => ownFaults(ledger, record)),
  },
  { name: 'anchors-on-chain', needs: 'chain', rule, run: naming(chainFaults) },
  { name: 'anchors-in-state', needs: 'chain', rule, run: naming(slotFaults) },
  { name: 'hidden-anchors', needs: 'chain', rule, run: naming(hiddenFaults) },
];
/** Every check of a ledger's anchors together. */
export const ANCHORED_CHECKS: readonly Check<LedgerSubject>[] = [
  { name: 'plans-anchored', needs: 'ledger', rule, run: checkMeasured },
  { name: 'head-anchored', needs: 'chain', rule: 'Own anchor', run: checkHead },
];
