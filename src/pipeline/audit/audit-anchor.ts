// Audits anchors: that every measured plan has one, in time, and that the chain shows it as it is.
import type { BlockRef, ChainReader } from '../../chain/chain.ts';
import { fromHex, toHex } from '../../core/bytes.ts';
import { messageOf } from '../../core/errors.ts';
import { blake2b256 } from '../../core/hash.ts';
import type { Log } from '../../core/log.ts';
import { decodeSs58 } from '../../core/ss58.ts';
import { ANCHOR_WITHIN_BLOCKS, endOf, planAnchor } from '../../ledger/plans.ts';
import { type Records, recordsOf } from '../../ledger/records-of.ts';
import type { AnyRecord, FaultCode, LedgerRecord } from '../../ledger/verify.ts';
import { anchorOf, isAnchorExtrinsic } from '../anchor/anchor-text.ts';
import { notAfterOf } from '../plan-life.ts';
import type { ReportFault } from './audit-weights.ts';

type Anchor = LedgerRecord<'anchor'>;
type Fault = readonly [code: FaultCode, message: string];

/** Every anchor of a ledger, and every measured plan that lacks one. */
export async function auditAnchors(
  ledger: Records,
  { chain, log }: { readonly chain: ChainReader | null; readonly log: Log },
  report: ReportFault,
): Promise<void> {
  for (const round of recordsOf(ledger, 'round')) {
    const plan = recordsOf(ledger, 'plan').find(({ sha256 }) => sha256 === round.predicate.plan);
    const anchor = plan && planAnchor(ledger, plan);
    if (plan && !anchor)
      report('OMISSION', anchorPathOf(plan.path), 'a plan was measured without its anchor');
    else if (anchor && anchor.predicate.seq > round.predicate.seq)
      report('TIME', anchor.path, 'the round was on record before its plan was anchored');
  }
  const firstPlan = recordsOf(ledger, 'plan')[0]?.predicate.block.number ?? Infinity;
  let before: Anchor | null = null;
  for (const anchor of recordsOf(ledger, 'anchor')) {
    for (const [code, message] of ownFaults(ledger, anchor)) report(code, anchor.path, message);
    if (chain) await auditOnChain({ anchor, firstPlan, before, chain, log }, report);
    before = anchor;
  }
}

const anchorPathOf = (plan: string): string => plan.replace(/plan\.json$/, 'anchor.json');

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
  const beside = recordsOf(ledger, 'plan').find((plan) => anchorPathOf(plan.path) === path);
  if (!beside) {
    yield* weightsFaults(ledger, anchor, own);
    return;
  }
  if (predicate.plan !== beside.sha256)
    yield ['WRONG_CONTEXT', 'it is of another plan than the one beside it'];
  else yield* planFaults(ledger, beside, predicate);
}

/** What is wrong with an anchor that stands beside weights. */
function* weightsFaults(
  ledger: Records,
  { path, predicate }: Anchor,
  own: AnyRecord | undefined,
): Generator<Fault> {
  const weights = recordsOf(ledger, 'weights').find(
    (item) => item.path.replace(/\.json$/, '.anchor.json') === path,
  );
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

/** One anchor beside the chain. */
type ChainAudit = {
  readonly anchor: Anchor;
  /** Block of the ledger's first plan: no plan can be older. */
  readonly firstPlan: number;
  /** The anchor before it on record. */
  readonly before: Anchor | null;
  readonly chain: ChainReader;
  readonly log: Log;
};

async function auditOnChain(audited: ChainAudit, report: ReportFault): Promise<void> {
  const { anchor, log } = audited;
  try {
    for await (const [code, message] of chainFaults(audited)) report(code, anchor.path, message);
  } catch (error) {
    const { number } = anchor.predicate.anchor.block;
    log.warn(
      `${anchor.path}: the chain no longer tells about block ${number} (${messageOf(error)}): use an archive endpoint`,
    );
  }
}

/** What the chain says against an anchor; it throws where a node no longer tells. */
async function* chainFaults(audited: ChainAudit): AsyncGenerator<Fault> {
  const { anchor, chain } = audited;
  const { block, extrinsic } = anchor.predicate.anchor;
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
  yield* slotFaults(audited);
  yield* hiddenFaults(audited);
}

/** At the block of an anchor the hotkey's commitment must be that anchor, and made in that block. */
async function* slotFaults({ anchor, chain }: ChainAudit): AsyncGenerator<Fault> {
  const { validator, network, anchor: own } = anchor.predicate;
  const commitment = await chain.commitment(validator, network.netuid, own.block);
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
async function* hiddenFaults(audited: ChainAudit): AsyncGenerator<Fault> {
  const { anchor, before, firstPlan, chain } = audited;
  const { validator, network, anchor: own } = anchor.predicate;
  const number = own.block.number - 1;
  const hash = await chain.blockHash(number);
  if (hash === null) return;
  const at: BlockRef = { number, hash };
  const commitment = await chain.commitment(validator, network.netuid, at);
  const stood = anchorOf(commitment);
  const last = before?.predicate.anchor ?? null;
  const block = commitment.standing?.block ?? commitment.lastBlock;
  const expected = last
    ? stood?.sha256 === last.record.sha256 && block === last.block.number
    : stood === null && (block === null || block < firstPlan);
  if (expected) return;
  const hidden = stood === null ? 'another commitment' : `an anchor of record ${stood.seq}`;
  yield [
    'OMISSION',
    `before it the chain held ${hidden}${block === null ? '' : ` of block ${block}`}, which is in no record`,
  ];
}
