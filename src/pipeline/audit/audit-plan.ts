// Checks of a plan: its own numbers, what it says of the past, and what the chain showed.
import { plannedMinutes, shardCount } from '../../arena/deal.ts';
import { historyOf, type History } from '../../arena/history.ts';
import { afterDeregistration } from '../../arena/ranking.ts';
import type { Snapshot } from '../../chain/chain.ts';
import { compactJson } from '../../core/canonical.ts';
import { firstDifference } from '../../core/difference.ts';
import { imageSubjects } from '../../ledger/draft.ts';
import { endOf } from '../../ledger/plans.ts';
import { recordsOf } from '../../ledger/records-of.ts';
import type { LedgerRecord } from '../../ledger/verify.ts';
import { pinnedImage } from '../../schema/image-ref.ts';
import type { Standing } from '../../schema/standing.ts';
import { challengersIn, predecessorOf } from '../plan-life.ts';
import { lookUpPayments, planContent, readCommitments } from '../scan.ts';
import type { Check, Notes } from './check.ts';
import type { PlanSubject } from './subjects.ts';

/** Names the first difference between what a plan says and what follows. */
function derive(
  { plan }: PlanSubject,
  { fault }: Notes,
  [what, recorded, derived]: readonly [what: string, recorded: unknown, derived: unknown],
): void {
  const difference = firstDifference(recorded, derived, what);
  if (difference !== null) fault('RECOMPUTE_MISMATCH', plan.path, difference);
}

/** The plan's context against its arena: chain, subnet, rules, tokenizer, images (A9). */
function checkContext(subject: PlanSubject, notes: Notes): void {
  const { plan, arena, ports } = subject;
  const { network, harness, submissions, tokenizerSha256, tier, calibration } = plan.predicate;
  const otherChain = arena.genesisHash !== null && network.genesisHash !== arena.genesisHash;
  if (network.netuid !== arena.netuid || otherChain)
    notes.fault('WRONG_CONTEXT', plan.path, 'another chain or subnet than its arena');
  if (harness.rules !== arena.rules)
    notes.fault('WRONG_CONTEXT', plan.path, `judged by rules ${harness.rules}, not ${arena.rules}`);
  const images = [arena.images.baseline, arena.images.reference].map(pinnedImage);
  const measured = submissions.filter(({ status }) => status === 'evaluate');
  derive(subject, notes, ['subject', plan.subject, imageSubjects([...images, ...measured])]);
  const { id } = ports.tokenizerOf(arena.tokenizer);
  derive(subject, notes, ['tokenizerSha256', tokenizerSha256, id]);
  const named = arena.calibration[tier] !== undefined;
  if ((calibration !== null) !== named || (calibration && calibration.tier !== tier))
    notes.fault('WRONG_CONTEXT', plan.path, `its calibration is not that of the tier ${tier}`);
}

function checkShards(subject: PlanSubject, notes: Notes): void {
  const { shards, submissions, plannedMinutes: minutes } = subject.plan.predicate;
  derive(subject, notes, ['shards', shards, shardCount(submissions, subject.arena)]);
  const planned = plannedMinutes(submissions, subject.arena);
  derive(subject, notes, ['plannedMinutes', minutes, planned]);
}

/**
 * After a void, a plan has the voided plan's challengers and no others, or else none of them: a
 * validator must not void a round until its prompts please it.
 */
function checkSuccession({ plan, before }: PlanSubject, { fault }: Notes): void {
  const { block, harness, follows } = plan.predicate;
  const predecessor = predecessorOf(before, { block, tree: harness.tree });
  if (follows !== null && follows !== predecessor?.sha256) {
    const what = `it follows ${follows}, which is not the voided plan before it`;
    fault('RECOMPUTE_MISMATCH', plan.path, what);
    return;
  }
  if (!predecessor) return;
  const kept = challengersIn(predecessor);
  const stray = [...challengersIn(plan)].find((key) => kept.has(key) === (follows === null));
  if (stray === undefined) return;
  const what =
    follows === null
      ? 'was in the voided plan, whose seed it must keep'
      : 'was not in the voided plan';
  fault('RECOMPUTE_MISMATCH', plan.path, `${stray} ${what}`);
}

/** What a plan says of the past must be what the earlier records say. */
function checkHistory(subject: PlanSubject, notes: Notes): void {
  const { plan, arena } = subject;
  const { standing, submissions, controls } = plan.predicate;
  const history = historyOf(subject.before);
  const { winner, runnerUp } = history.standing;
  if (!possibleStandings(history.standing).has(compactJson(standing))) {
    const left = winner?.key ?? runnerUp?.key ?? 'none';
    notes.fault('RECOMPUTE_MISMATCH', plan.path, `standing is not what round ${left} left`);
  }
  checkIncumbent(subject, 'winner', notes);
  checkIncumbent(subject, 'runner-up', notes);
  for (const submission of submissions) checkSubmission(subject, history, submission, notes);
  const last = history.controls.slice(-arena.takeover.controls);
  derive(subject, notes, ['controls', controls, last]);
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
function checkIncumbent(
  { plan }: PlanSubject,
  role: 'winner' | 'runner-up',
  { fault }: Notes,
): void {
  const { standing, submissions } = plan.predicate;
  const place = role === 'winner' ? standing.winner : standing.runnerUp;
  if (!place) return;
  const listed = submissions.find(({ key }) => key === place.key);
  const asItStands =
    listed?.role === role &&
    listed.status === 'evaluate' &&
    listed.image === place.image &&
    listed.digest === place.digest;
  if (asItStands) return;
  const what = `the ${role} ${place.key} is not listed for evaluation as it stands`;
  fault('RECOMPUTE_MISMATCH', plan.path, what);
}

type Line = LedgerRecord<'plan'>['predicate']['submissions'][number];

/** One line of a plan against the earlier rounds. */
function checkSubmission(
  subject: PlanSubject,
  history: History,
  submission: Line,
  notes: Notes,
): void {
  const { key, role, status, verdict } = submission;
  const { standing, judged } = history;
  const wrong = (what: string): void => notes.fault('RECOMPUTE_MISMATCH', subject.plan.path, what);
  const stood = [standing.winner, standing.runnerUp].some((place) => place?.key === key);
  if (role !== null && role !== 'challenger' && !stood) wrong(`${key} is no standing ${role}`);
  if (status === 'judged' && judged.get(key)?.verdict !== verdict)
    wrong(`${key} was never judged ${verdict ?? 'at all'}`);
  if (status === 'evaluate') checkPast(subject, history, submission, notes);
}

/** What a line that is to be measured says of its own earlier rounds. */
function checkPast(
  subject: PlanSubject,
  { shut, suspects, images }: History,
  { key, role, digest, ...line }: Line,
  notes: Notes,
): void {
  const suspect = role === 'challenger' ? (suspects.get(key) ?? null) : null;
  derive(subject, notes, [`${key} shut`, line.shut ?? null, shut.get(key) ?? null]);
  derive(subject, notes, [`${key} suspect`, line.suspect ?? null, suspect]);
  const history = digest === null ? null : (images.get(digest) ?? null);
  derive(subject, notes, [`${key} history`, line.history, history]);
}

/** The plan's block is one of this chain. */
async function checkBlock({ plan, ports }: PlanSubject, { fault }: Notes): Promise<void> {
  const { network, block } = plan.predicate;
  const chain = ports.chain!;
  if ((await chain.identity()).genesisHash !== network.genesisHash)
    fault('WRONG_CONTEXT', plan.path, `made for a chain with genesis ${network.genesisHash}`);
  else if ((await chain.blockHash(block.number)) !== block.hash)
    fault('WRONG_CONTEXT', plan.path, `block ${block.number} has another hash on the chain`);
  else {
    const { specName, specVersion } = await chain.identity(block);
    if (specName !== network.specName || specVersion !== network.specVersion)
      fault(
        'WRONG_CONTEXT',
        plan.path,
        `block ${block.number} ran on ${specName} ${specVersion}, the plan says ${network.specName} ${network.specVersion}`,
      );
  }
}

/**
 * The validator's permit; submissions, standing and shards, derived again from what the chain shows
 * at the plan's block.
 */
async function checkSubmissions(subject: PlanSubject, notes: Notes): Promise<void> {
  const { plan, arena, ports, before } = subject;
  const { block, network, harness, calibration, validator } = plan.predicate;
  const chain = ports.chain!;
  // Of another chain nothing follows: the check of the block has said so.
  if ((await chain.blockHash(block.number)) !== block.hash) return;
  const history = historyOf(before);
  const snapshot: Snapshot = await chain.snapshot(network.netuid, block);
  if (!snapshot.neurons.find(({ hotkey }) => hotkey === validator)?.validatorPermit)
    notes.fault(
      'WRONG_KEY',
      plan.path,
      `${validator} had no validator permit at block ${block.number}`,
    );
  const commitments = await readCommitments(chain, network.netuid, snapshot, history);
  const payments = await lookUpPayments(chain, arena, { ...snapshot, commitments }, history);
  const predecessor = predecessorOf(before, { block, tree: harness.tree });
  const view = { ...snapshot, commitments, payments };
  const derived = planContent(arena, view, history, { calibration, predecessor });
  compareContent(subject, derived, untoldKeys(view), notes);
}

/** Keys of submissions of which the chain no longer tells the payment, or the date of the reveal. */
function untoldKeys({
  payments,
  commitments,
}: {
  readonly payments: Awaited<ReturnType<typeof lookUpPayments>>;
  readonly commitments: Awaited<ReturnType<typeof readCommitments>>;
}): ReadonlySet<string> {
  const unpaid = [...payments].filter(([, { state }]) => state === 'unknown');
  const undated = commitments.filter(({ content }) => content.kind === 'unknown');
  return new Set([
    ...unpaid.map(([key]) => key),
    ...undated.map(({ hotkey, commitBlock }) => `${hotkey}:${commitBlock}`),
  ]);
}

/**
 * A plan's content beside what the chain says. One payment that no node tells any longer must not
 * switch off the comparison of all others.
 */
function compareContent(
  subject: PlanSubject,
  derived: ReturnType<typeof planContent>,
  untold: ReadonlySet<string>,
  notes: Notes,
): void {
  const { plan } = subject;
  const { submissions, standing, shards, controls, follows } = plan.predicate;
  const told = (line: Line): boolean => !untold.has(line.key);
  const missing = derived.submissions.find(
    ({ key }) => !submissions.some((submission) => submission.key === key),
  );
  if (missing) {
    const what = `the chain had a submission ${missing.key} that the plan does not list`;
    notes.fault('OMISSION', plan.path, what);
    return;
  }
  for (const key of untold)
    notes.unchecked(plan.path, `the chain no longer tells all of ${key}: use an archive endpoint`);
  const minutes = plan.predicate.plannedMinutes;
  const rest = untold.size === 0 ? { follows, plannedMinutes: minutes, shards } : {};
  const recorded = { standing, controls, submissions: submissions.filter(told), ...rest };
  const own = { ...derived, submissions: derived.submissions.filter(told) };
  const wanted = Object.fromEntries(
    Object.keys(recorded).map((name) => [name, own[name as keyof typeof own]]),
  );
  derive(subject, notes, ['content', recorded, wanted]);
}

/**
 * What was made after a plan's last block cannot stand before its round (A7): a round that came too
 * late would have been kept back until its result pleased.
 */
function checkInTime({ plan, ledger }: PlanSubject, { fault }: Notes): void {
  const end = endOf(ledger, plan);
  const notAfter = recordsOf(ledger, 'anchor').find(
    ({ predicate }) => predicate.plan === plan.sha256,
  )?.predicate.notAfter;
  if (end?.kind !== 'round' || notAfter === undefined || notAfter === null) return;
  const { seq } = plan.predicate;
  const later = ledger.records.find(
    ({ kind, predicate }) =>
      (kind === 'plan' || kind === 'weights-intent' || kind === 'anchor') &&
      predicate.seq > seq &&
      predicate.seq < end.predicate.seq &&
      predicate.block.number > notAfter,
  );
  if (later)
    fault(
      'TIME',
      end.path,
      `after ${later.path}, which is later than the plan's last block ${notAfter}`,
    );
}

/** Every check of a plan. */
export const PLAN_CHECKS: readonly Check<PlanSubject>[] = [
  { name: 'plan-context', needs: 'ledger', rule: 'Record context', run: checkContext },
  { name: 'plan-shards', needs: 'ledger', rule: 'Shards', run: checkShards },
  { name: 'succession', needs: 'ledger', rule: 'Voids', run: checkSuccession },
  { name: 'history', needs: 'ledger', rule: 'Audit of a plan', run: checkHistory },
  { name: 'round-in-time', needs: 'ledger', rule: 'Voids', run: checkInTime },
  {
    name: 'plan-block',
    needs: 'chain',
    rule: 'Audit of a plan against the chain',
    run: checkBlock,
  },
  {
    name: 'submissions',
    needs: 'chain',
    rule: 'Audit of a plan against the chain',
    run: checkSubmissions,
  },
];
