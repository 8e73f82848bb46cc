// Checks of a plan: its own numbers, what it says of the past, and what the chain showed.
import { plannedMinutes, shardCount } from '../../arena/deal.ts';
import { historyOf, marginHistory, type History } from '../../arena/history.ts';
import { afterDeregistration } from '../../arena/ranking.ts';
import { utf8 } from '../../core/bytes.ts';
import { compactJson, renderJson } from '../../core/canonical.ts';
import { sha256Hex } from '../../core/hash.ts';
import { imageSubjects } from '../../ledger/draft.ts';
import { endOf } from '../../ledger/plans.ts';
import { recordsOf } from '../../ledger/records-of.ts';
import type { LedgerRecord } from '../../ledger/verify.ts';
import { pinnedImage } from '../../schema/image-ref.ts';
import type { Standing } from '../../schema/standing.ts';
import { challengersIn, predecessorOf } from '../plan-life.ts';
import { PLAN_CHAIN_CHECKS } from './audit-submissions.ts';
import { derive } from './derive.ts';
import type { Check, Notes } from './check.ts';
import type { PlanSubject } from './subjects.ts';

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
  // The plan carries the file whole: nobody calibrates a plan of his own.
  const named = arena.calibration[tier] ?? null;
  if ((calibration && sha256Hex(utf8(renderJson(calibration)))) !== named)
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
  past: History,
  { key, hotkey, role, digest, ...line }: Line,
  notes: Notes,
): void {
  const { shut, suspects } = past;
  const suspect = role === 'challenger' ? (suspects.get(key) ?? null) : null;
  derive(subject, notes, [`${key} shut`, line.shut ?? null, shut.get(key) ?? null]);
  derive(subject, notes, [`${key} suspect`, line.suspect ?? null, suspect]);
  const seen = digest === null ? null : marginHistory(past, hotkey, digest);
  derive(subject, notes, [`${key} history`, line.history, seen]);
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
  ...PLAN_CHAIN_CHECKS,
];
