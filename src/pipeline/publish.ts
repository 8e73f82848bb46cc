// Signs plans, judged rounds and voided plans, and commits them to the ledger with evidence.
import { sha256Hex } from '../core/hash.ts';
import type { Log } from '../core/log.ts';
import type { Draft } from '../ledger/draft.ts';
import { LedgerError } from '../ledger/errors.ts';
import { endOf, openPlan } from '../ledger/plans.ts';
import type { OwnLedger } from '../ledger/own-ledger.ts';
import type { Ledger } from '../ledger/read.ts';
import type { FileSet } from '../ledger/store.ts';
import type { LedgerRecord } from '../ledger/verify.ts';
import type { Draw, Judged } from '../schema/artifacts.ts';
import { folderOf } from '../schema/paths.ts';
import type { RecordContext, RoundBody } from '../schema/records.ts';
import { anchor, type AnchorPorts } from './anchor/anchor.ts';
import { assertSlotFree } from './anchor/own-anchor.ts';
import { adoptOwnAnchor, type AnchorArena } from './anchor/record-anchor.ts';
import type { Operator } from './context.ts';
import { knownDraw } from './draw/draw.ts';
import { assertDraw } from './draw/verify-draw.ts';
import { newestBlock } from './freshness.ts';
import { challengersIn, predecessorOf, voidReason } from './plan-life.ts';
import type { PlanDraft } from './scan.ts';

/** What signing takes. */
export type SignPorts = { readonly ledger: OwnLedger; readonly log: Log };
/** What ending a plan takes: who runs which code. */
export type PublishPorts = SignPorts & { readonly operator: Operator };

/**
 * The state of a plan: signed now, resumed because an earlier one is still open, or nothing to do.
 */
export type PlanOutcome = {
  readonly outcome: 'signed' | 'resumed' | 'empty';
  readonly plan: LedgerRecord<'plan'> | null;
};

const contextOf = ({
  schema,
  network,
  validator,
  block,
  harness,
  host,
}: { schema: 1 } & RecordContext): { schema: 1 } & RecordContext => ({
  schema,
  network,
  validator,
  block,
  harness,
  host,
});

/** The context of what ends a plan: the plan's own, and the code and machine that end it. */
function endContext(
  { predicate }: LedgerRecord<'plan'>,
  { tree, node, run, host }: Operator,
): { schema: 1 } & RecordContext {
  const { rules } = predicate.harness;
  return { ...contextOf(predicate), harness: { tree, node, rules, run }, host: { ...host } };
}

/**
 * Why a plan ends in nothing, its seed where that was known (its successor keeps it), and what was
 * measured until then: a void because the result was unwelcome shall be seen.
 */
export type VoidCause = {
  readonly reason: string;
  readonly draw: Draw | null;
  readonly evidence?: FileSet;
};

/** Evidence as a record lists it, by path. */
const hashesOf = (evidence: FileSet): Record<string, string> =>
  Object.fromEntries([...evidence].map(([path, bytes]) => [path, sha256Hex(bytes)]));

/** Evidence as the ledger keeps it: in the folder of its plan. */
const placedIn = (plan: LedgerRecord<'plan'>, evidence: FileSet): FileSet =>
  new Map([...evidence].map(([path, bytes]) => [`${folderOf(plan.path)}${path}`, bytes]));

function voidDraft(
  plan: LedgerRecord<'plan'>,
  context: { schema: 1 } & RecordContext,
  { reason, draw, evidence = new Map() }: VoidCause,
): Draft<'void'> {
  // A void stands in its plan's folder and so carries the plan's block.
  return {
    kind: 'void',
    path: `${folderOf(plan.path)}void.json`,
    subject: plan.subject,
    predicate: {
      ...context,
      ...{ block: plan.predicate.block, plan: plan.sha256, reason },
      ...{ seed: draw?.seed ?? null, pulse: draw?.pulse ?? null, files: hashesOf(evidence) },
    },
  };
}

type PlanDecision = { readonly outcome: PlanOutcome['outcome']; readonly drafts: readonly Draft[] };

/** Throws `STALE` where a plan was drafted beside another state of the ledger. */
function assertFresh(ledger: Pick<Ledger, 'records'>, draft: PlanDraft): void {
  const { block, harness, follows } = draft.predicate;
  const predecessor = predecessorOf(ledger, { block, tree: harness.tree });
  const kept = predecessor ? challengersIn(predecessor) : new Set();
  // Without any of its challengers left, a voided plan has no successor.
  const apart = follows === null && ![...challengersIn(draft)].some((key) => kept.has(key));
  const fresh = newestBlock(ledger) <= block.number;
  if (fresh && (apart || follows === (predecessor?.sha256 ?? null))) return;
  throw new LedgerError(
    'STALE',
    'infra',
    'the plan was drafted before the newest records of the ledger',
    'scan again',
  );
}

/**
 * What a new plan adds to a ledger: nothing while an open one lasts, its void once that is over.
 * Throws `STALE` where the plan was drafted beside another state of the ledger.
 */
function decidePlan(
  ledger: Pick<Ledger, 'records'>,
  draft: PlanDraft,
  known: Draw | null,
): PlanDecision {
  const { block, harness, shards } = draft.predicate;
  const open = openPlan(ledger);
  const over = open && voidReason(ledger, open, { block, tree: harness.tree });
  if (open && over === null) return { outcome: 'resumed', drafts: [] };
  assertFresh(ledger, draft);
  const cause = { reason: over ?? '', draw: known?.plan === open?.sha256 ? known : null };
  const ended = open ? [voidDraft(open, contextOf(draft.predicate), cause)] : [];
  return shards > 0
    ? { outcome: 'signed', drafts: [...ended, draft] }
    : { outcome: 'empty', drafts: ended };
}

/**
 * Signs and commits a plan before anything is measured, so that a bad round cannot be dropped and
 * repeated. An open plan is resumed while its time lasts and its code runs; once it is over, it is
 * declared void in the same commit as its successor, with its seed where that is known. A plan
 * without entries is not committed.
 */
export async function signPlan(
  { ledger, log }: SignPorts,
  draft: PlanDraft,
  known: Draw | null = null,
): Promise<PlanOutcome> {
  let decided: PlanDecision = { outcome: 'empty', drafts: [] };
  const after = await ledger.append(`Plan round ${draft.predicate.block.number}`, (now) => {
    decided = decidePlan(now, draft, known);
    return decided;
  });
  const { outcome } = decided;
  const plan = outcome === 'empty' ? null : openPlan(after);
  log.info(
    outcome === 'empty'
      ? 'nothing to evaluate: no challenger is there, and the winner alone is not measured; no plan was signed'
      : `plan of block ${plan?.predicate.block.number ?? '?'} ${outcome}`,
  );
  return { outcome, plan };
}

/**
 * Signs a plan and anchors it on chain: only then can its seed be drawn (RULES "Anchor"). Any run
 * resumes what an earlier one left undone. Throws `LEDGER_BEHIND`, `SLOT_TAKEN` and the errors of
 * {@link anchor} before anything is signed that the chain would contradict.
 */
export async function publishPlan(
  ports: AnchorPorts,
  arena: AnchorArena,
  operator: Operator,
  draft: PlanDraft,
): Promise<PlanOutcome & { readonly anchor: LedgerRecord<'anchor'> | null }> {
  const { ledger } = ports;
  assertSlotFree(await adoptOwnAnchor(ports, arena, operator));
  const before = await ledger.read();
  const open = openPlan(before);
  const { block, harness } = draft.predicate;
  const over = open && voidReason(before, open, { block, tree: harness.tree }) !== null;
  const known = open && over ? await knownDraw(ports, before, open) : null;
  const outcome = await signPlan(ports, draft, known);
  const { plan } = outcome;
  if (!plan) return { ...outcome, anchor: null };
  return { ...outcome, anchor: await anchor(ports, arena, operator, { of: plan, record: plan }) };
}

/** What became of a plan: its seed, what the judge made of it, and the evidence. */
export type MeasuredRound = {
  readonly body: RoundBody;
  readonly draw: Draw;
  readonly evidence: FileSet;
};

/**
 * Signs and commits a round with all its evidence. Doing it twice is harmless: the first round
 * stands.
 */
export async function publishRound(
  { ledger, log, operator }: PublishPorts,
  plan: LedgerRecord<'plan'>,
  { body, draw, evidence }: MeasuredRound,
): Promise<void> {
  const { tree } = plan.predicate.harness;
  if (tree !== operator.tree)
    throw new LedgerError(
      'CODE_CHANGED',
      'infra',
      `the plan was signed by the code ${tree}, this is ${operator.tree}`,
      'the next plan declares it void, and keeps its entries and its seed',
    );
  const { seed, pulse } = draw;
  const files = hashesOf(evidence);
  await ledger.append(`Judge round ${plan.predicate.block.number}`, (now) => {
    assertDraw(now, plan, draw);
    if (endOf(now, plan)) {
      log.info(`round ${plan.predicate.block.number} was published before`);
      return null;
    }
    const draft: Draft<'round'> = {
      kind: 'round',
      path: `${folderOf(plan.path)}round.json`,
      subject: plan.subject,
      predicate: {
        ...endContext(plan, operator),
        ...{ plan: plan.sha256, seed, pulse, ...body, files },
      },
    };
    return { drafts: [draft], evidence: placedIn(plan, evidence) };
  });
}

/**
 * Declares a plan void: its evaluation failed, and every reader of the ledger can see that and why.
 */
export async function publishVoid(
  { ledger, log, operator }: PublishPorts,
  plan: LedgerRecord<'plan'>,
  cause: VoidCause,
): Promise<void> {
  await ledger.append(`Void round ${plan.predicate.block.number}`, (now) =>
    openPlan(now)?.sha256 === plan.sha256
      ? {
          drafts: [voidDraft(plan, endContext(plan, operator), cause)],
          evidence: placedIn(plan, cause.evidence ?? new Map()),
        }
      : null,
  );
  log.warn(`round ${plan.predicate.block.number} is void: ${cause.reason}`);
}

/** Publishes what the judge made of a plan: its round with all evidence, or its void. */
export async function publishJudged(
  ports: PublishPorts,
  plan: LedgerRecord<'plan'>,
  judged: Judged,
  { draw, evidence }: { readonly draw: Draw | null; readonly evidence: FileSet },
): Promise<void> {
  if ('void' in judged) await publishVoid(ports, plan, { reason: judged.void, draw, evidence });
  else if (!draw) await publishVoid(ports, plan, { reason: 'no seed was drawn', draw });
  else await publishRound(ports, plan, { body: judged.body, draw, evidence });
}
