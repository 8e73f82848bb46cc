// Audits a plan: its own numbers, what it says of the past, and what the chain showed.
import { plannedMinutes, shardCount } from '../../arena/deal.ts';
import { historyOf, type History } from '../../arena/history.ts';
import { afterDeregistration } from '../../arena/ranking.ts';
import type { Standing } from '../../schema/standing.ts';
import type { ChainReader, Snapshot } from '../../chain/chain.ts';
import { compactJson } from '../../core/canonical.ts';
import { firstDifference } from '../../core/difference.ts';
import { messageOf } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { Ledger } from '../../ledger/read.ts';
import type { FaultCode, LedgerRecord } from '../../ledger/verify.ts';
import { type Arena, parseArena } from '../../schema/arena.ts';
import { challengersIn, predecessorOf } from '../plan-life.ts';
import { lookUpPayments, planContent, readCommitments } from '../scan.ts';
import type { ReportFault } from './audit-weights.ts';

/** What deriving a plan takes: a chain where one is given. */
export type PlanAuditPorts = {
  readonly chain: ChainReader | null;
  readonly log: Log;
};

type Records = Pick<Ledger, 'records'>;

/** One plan under audit. */
type PlanAudit = {
  readonly plan: LedgerRecord<'plan'>;
  readonly arena: Arena;
  readonly ports: PlanAuditPorts;
  /** Tells one fault of this plan. */
  readonly report: (code: FaultCode, message: string) => void;
  /** Tells the first difference between what the plan says and what follows. */
  readonly derive: (what: string, recorded: unknown, derived: unknown) => void;
};

/**
 * Checks a plan. `before` holds the records that precede it; null where the ledger has holes, whose
 * consequences would only bury the cause. Throws where something cannot be derived at all.
 */
export async function auditPlan(
  plan: LedgerRecord<'plan'>,
  before: Records | null,
  ports: PlanAuditPorts,
  reportAt: ReportFault,
): Promise<void> {
  const report = (code: FaultCode, message: string): void => reportAt(code, plan.path, message);
  const derive = (what: string, recorded: unknown, derived: unknown): void => {
    const difference = firstDifference(recorded, derived, what);
    if (difference !== null) report('RECOMPUTE_MISMATCH', difference);
  };
  let arena: Arena;
  try {
    arena = parseArena(plan.predicate.arena, 'predicate.arena');
  } catch (error) {
    report('SCHEMA', messageOf(error));
    return;
  }
  const audited = { plan, arena, ports, report, derive };
  auditOwnNumbers(audited);
  const history = before && historyOf(before);
  if (history) auditHistory(audited, history);
  if (before) auditSuccession(audited, before);
  if (before && history && ports.chain) await auditChain(audited, ports.chain, { history, before });
}

/** What follows from the plan alone. */
function auditOwnNumbers({ plan: { predicate }, arena, report, derive }: PlanAudit): void {
  const { network, shards, submissions, plannedMinutes: minutes } = predicate;
  const otherChain = arena.genesisHash !== null && network.genesisHash !== arena.genesisHash;
  if (network.netuid !== arena.netuid || otherChain)
    report('WRONG_CONTEXT', 'another chain or subnet than its arena');
  derive('shards', shards, shardCount(submissions, arena));
  derive('plannedMinutes', minutes, plannedMinutes(submissions, arena));
}

/**
 * After a void, a plan has the voided plan's challengers and no others, or else none of them: a
 * validator must not void a round until its prompts please it.
 */
function auditSuccession({ plan, report }: PlanAudit, before: Records): void {
  const { block, harness, follows } = plan.predicate;
  const predecessor = predecessorOf(before, { block, tree: harness.tree });
  if (follows !== null && follows !== predecessor?.sha256) {
    report('RECOMPUTE_MISMATCH', `it follows ${follows}, which is not the voided plan before it`);
    return;
  }
  if (!predecessor) return;
  const kept = challengersIn(predecessor);
  const own = [...challengersIn(plan)];
  const stray = own.find((key) => kept.has(key) === (follows === null));
  if (stray === undefined) return;
  const what =
    follows === null
      ? 'was in the voided plan, whose seed it must keep'
      : 'was not in the voided plan';
  report('RECOMPUTE_MISMATCH', `${stray} ${what}`);
}

/** What a plan says of the past must be what the earlier records say. */
function auditHistory(audited: PlanAudit, history: History): void {
  const { plan, report } = audited;
  const { standing } = plan.predicate;
  const { winner, runnerUp } = history.standing;
  if (!possibleStandings(history.standing).has(compactJson(standing))) {
    const left = winner?.key ?? runnerUp?.key ?? 'none';
    report('RECOMPUTE_MISMATCH', `standing is not what round ${left} left`);
  }
  auditIncumbent(audited, 'winner');
  auditIncumbent(audited, 'runner-up');
  for (const submission of plan.predicate.submissions)
    auditSubmission(audited, history, submission);
  const controls = history.controls.slice(-audited.arena.takeover.controls);
  audited.derive('controls', plan.predicate.controls, controls);
}

/**
 * Offline an audit cannot tell which hotkeys are still registered, but only these outcomes are
 * possible.
 */
function possibleStandings(standing: Standing): Set<string> {
  const outcomes = [true, false].flatMap((first) =>
    [true, false].map((second) =>
      afterDeregistration(standing, ({ key }) => (key === standing.winner?.key ? first : second)),
    ),
  );
  return new Set(outcomes.map((outcome) => compactJson(outcome)));
}

/** A standing winner or runner-up must be measured again, with the image that it stands for. */
function auditIncumbent({ plan, report }: PlanAudit, role: 'winner' | 'runner-up'): void {
  const { standing, submissions } = plan.predicate;
  const place = role === 'winner' ? standing.winner : standing.runnerUp;
  if (!place) return;
  const listed = submissions.find(({ key }) => key === place.key);
  const asItStands =
    listed?.role === role &&
    listed.status === 'evaluate' &&
    listed.image === place.image &&
    listed.digest === place.digest;
  if (!asItStands)
    report(
      'RECOMPUTE_MISMATCH',
      `the ${role} ${place.key} is not listed for evaluation as it stands`,
    );
}

type Line = LedgerRecord<'plan'>['predicate']['submissions'][number];

/** One line of a plan against the earlier rounds. */
function auditSubmission(audited: PlanAudit, history: History, submission: Line): void {
  const { key, role, status, verdict } = submission;
  const { standing, judged } = history;
  const stood = [standing.winner, standing.runnerUp].some((place) => place?.key === key);
  if (role !== null && role !== 'challenger' && !stood)
    audited.report('RECOMPUTE_MISMATCH', `${key} is no standing ${role}`);
  if (status === 'judged' && judged.get(key)?.verdict !== verdict)
    audited.report('RECOMPUTE_MISMATCH', `${key} was never judged ${verdict ?? 'at all'}`);
  if (status === 'evaluate') auditPast(audited, history, submission);
}

/** What a line that is to be measured says of its own earlier rounds. */
function auditPast(
  { derive }: PlanAudit,
  { shut, suspects, images }: History,
  { key, role, digest, ...line }: Line,
): void {
  const suspect = role === 'challenger' ? (suspects.get(key) ?? null) : null;
  derive(`${key} shut`, line.shut ?? null, shut.get(key) ?? null);
  derive(`${key} suspect`, line.suspect ?? null, suspect);
  const history = digest === null ? null : (images.get(digest) ?? null);
  derive(`${key} history`, line.history, history);
}

/**
 * The plan against the chain. The audit blames no validator for what this node cannot tell it: that
 * is a warning.
 */
async function auditChain(
  audited: PlanAudit,
  chain: ChainReader,
  past: { readonly history: History; readonly before: Records },
): Promise<void> {
  const { plan, ports } = audited;
  const { network, block } = plan.predicate;
  try {
    const elsewhere = await otherChain(audited, chain);
    if (elsewhere !== null) {
      audited.report('WRONG_CONTEXT', elsewhere);
      return;
    }
    const snapshot = await chain.snapshot(network.netuid, block);
    auditPermit(audited, snapshot);
    await auditContent(audited, chain, { snapshot, ...past });
  } catch (error) {
    ports.log.warn(
      `${plan.path}: the chain no longer tells about block ${block.number} (${messageOf(error)}): use an archive endpoint`,
    );
  }
}

/** Why a plan is of another chain than the one at hand; null where it is of this one. */
async function otherChain(
  { plan: { predicate } }: PlanAudit,
  chain: ChainReader,
): Promise<string | null> {
  const { network, block } = predicate;
  const { genesisHash } = await chain.identity();
  if (genesisHash !== network.genesisHash)
    return `made for a chain with genesis ${network.genesisHash}`;
  if ((await chain.blockHash(block.number)) !== block.hash)
    return `block ${block.number} has another hash on the chain`;
  return null;
}

function auditPermit({ plan: { predicate }, report }: PlanAudit, { neurons }: Snapshot): void {
  const { validator, block } = predicate;
  if (!neurons.find(({ hotkey }) => hotkey === validator)?.validatorPermit)
    report('WRONG_KEY', `${validator} had no validator permit at block ${block.number}`);
}

/** Submissions, standing and shards, derived again from what the chain shows at the plan's block. */
async function auditContent(
  { plan, arena, ports, report, derive }: PlanAudit,
  chain: ChainReader,
  {
    snapshot,
    history,
    before,
  }: {
    readonly snapshot: Snapshot;
    readonly history: History;
    readonly before: Records;
  },
): Promise<void> {
  const { submissions, standing, shards, controls, block, network, calibration } = plan.predicate;
  const { follows, plannedMinutes: minutes, harness } = plan.predicate;
  const commitments = await readCommitments(chain, network.netuid, snapshot, history);
  const payments = await lookUpPayments(chain, arena, { ...snapshot, commitments }, history);
  const untold =
    [...payments.values()].some(({ state }) => state === 'unknown') ||
    commitments.some(({ content }) => content.kind === 'unknown');
  if (untold) {
    ports.log.warn(
      `${plan.path}: the chain no longer tells all of block ${block.number}: use an archive endpoint`,
    );
    return;
  }
  const view = { ...snapshot, commitments, payments };
  const predecessor = predecessorOf(before, { block, tree: harness.tree });
  const derived = planContent(arena, view, history, { calibration, predecessor });
  const missing = derived.submissions.find(
    ({ key }) => !submissions.some((submission) => submission.key === key),
  );
  if (missing)
    report('OMISSION', `the chain had a submission ${missing.key} that the plan does not list`);
  else {
    const recorded = { follows, plannedMinutes: minutes, submissions, standing, shards, controls };
    derive('content', recorded, derived);
  }
}
