// Signs plans, judged rounds and voided plans, and commits them to the ledger with evidence.
import { sha256Hex } from '../core/hash.ts';
import type { Log } from '../core/log.ts';
import type { Draft } from '../ledger/draft.ts';
import { openPlan } from '../ledger/plans.ts';
import type { OwnLedger } from '../ledger/own-ledger.ts';
import { type Ledger, recordsOf } from '../ledger/read.ts';
import type { FileSet } from '../ledger/store.ts';
import type { LedgerRecord } from '../ledger/verify.ts';
import type { Judged } from '../schema/artifacts.ts';
import type { RecordContext, RoundBody } from '../schema/records.ts';
import type { PlanDraft } from './scan.ts';

export type PublishPorts = {
  readonly ledger: OwnLedger;
  readonly log: Log;
};

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

function voidDraft(
  plan: LedgerRecord<'plan'>,
  context: { schema: 1 } & RecordContext,
  reason: string,
): Draft<'void'> {
  // A void stands in its plan's folder and so carries the plan's block.
  return {
    kind: 'void',
    path: plan.path.replace(/plan\.json$/, 'void.json'),
    subject: plan.subject,
    predicate: { ...context, block: plan.predicate.block, plan: plan.sha256, reason },
  };
}

type PlanDecision = { readonly outcome: PlanOutcome['outcome']; readonly drafts: readonly Draft[] };

/** What a new plan adds to a ledger: nothing while an open one lasts, its void once that is over. */
function decidePlan(ledger: Pick<Ledger, 'records'>, draft: PlanDraft): PlanDecision {
  const open = openPlan(ledger);
  if (open && draft.predicate.block.number <= open.predicate.notAfter)
    return { outcome: 'resumed', drafts: [] };
  const over = open
    ? [voidDraft(open, contextOf(draft.predicate), 'no round before its last block')]
    : [];
  return draft.predicate.shards.length > 0
    ? { outcome: 'signed', drafts: [...over, draft] }
    : { outcome: 'empty', drafts: over };
}

/**
 * Signs and commits a plan before anything is measured, so that a bad round cannot be dropped and
 * repeated. An open plan is resumed while its time lasts; once it is over, it is declared void in
 * the same commit as its successor. A plan without entries is not committed.
 */
export async function publishPlan(
  { ledger, log }: PublishPorts,
  draft: PlanDraft,
): Promise<PlanOutcome> {
  let decided: PlanDecision = { outcome: 'empty', drafts: [] };
  const after = await ledger.append(`Plan round ${draft.predicate.block.number}`, (now) => {
    decided = decidePlan(now, draft);
    return decided;
  });
  const { outcome } = decided;
  const plan = outcome === 'empty' ? null : openPlan(after);
  log.info(
    outcome === 'empty'
      ? 'nothing to evaluate: no plan was signed'
      : `plan of block ${plan?.predicate.block.number ?? '?'} ${outcome}`,
  );
  return { outcome, plan };
}

/**
 * Signs and commits a round with all its evidence. Doing it twice is harmless: the first round
 * stands.
 */
export async function publishRound(
  { ledger, log }: PublishPorts,
  plan: LedgerRecord<'plan'>,
  body: RoundBody,
  evidence: FileSet,
): Promise<void> {
  const folder = plan.path.replace(/plan\.json$/, '');
  const files = Object.fromEntries([...evidence].map(([path, bytes]) => [path, sha256Hex(bytes)]));
  const placed = new Map([...evidence].map(([path, bytes]) => [`${folder}${path}`, bytes]));
  await ledger.append(`Judge round ${plan.predicate.block.number}`, (now) => {
    const ended = [...recordsOf(now, 'round'), ...recordsOf(now, 'void')].some(
      (record) => record.predicate.plan === plan.sha256,
    );
    if (ended) {
      log.info(`round ${plan.predicate.block.number} was published before`);
      return null;
    }
    const draft: Draft<'round'> = {
      kind: 'round',
      path: `${folder}round.json`,
      subject: plan.subject,
      predicate: { ...contextOf(plan.predicate), plan: plan.sha256, ...body, files },
    };
    return { drafts: [draft], evidence: placed };
  });
}

/**
 * Declares a plan void: its evaluation failed, and every reader of the ledger can see that and why.
 */
export async function publishVoid(
  { ledger, log }: PublishPorts,
  plan: LedgerRecord<'plan'>,
  reason: string,
): Promise<void> {
  await ledger.append(`Void round ${plan.predicate.block.number}`, (now) =>
    openPlan(now)?.sha256 === plan.sha256
      ? { drafts: [voidDraft(plan, contextOf(plan.predicate), reason)] }
      : null,
  );
  log.warn(`round ${plan.predicate.block.number} is void: ${reason}`);
}

/** Publishes what the judge made of a plan: its round with all evidence, or its void. */
export async function publishJudged(
  ports: PublishPorts,
  plan: LedgerRecord<'plan'>,
  judged: Judged,
  evidence: FileSet,
): Promise<void> {
  if ('void' in judged) await publishVoid(ports, plan, judged.void);
  else await publishRound(ports, plan, judged.body, evidence);
}
