// Tells where submissions stand: payment, verdicts so far, place in the queue.
import { QUEUED } from '../arena/deal.ts';
import { historyOf } from '../arena/history.ts';
import type { Submission } from '../schema/submission.ts';
import type { ChainReader, Snapshot } from '../chain/chain.ts';
import { lastBlockOf, openPlan } from '../ledger/plans.ts';
import { type Ledger, recordsOf } from '../ledger/read.ts';
import type { Arena } from '../schema/arena.ts';
import { hasReason, type Reasoned, whyOf } from '../schema/reasons.ts';
import { lookUpPayments, planContent, readCommitments } from './scan.ts';

/** One submission as the next scan would list it, and what this validator has said of it so far. */
type SubmissionReport = Pick<
  Submission,
  | 'key'
  | 'hotkey'
  | 'uid'
  | 'image'
  | 'digest'
  | 'commitBlock'
  | 'revealBlock'
  | 'status'
  | 'role'
  | 'verdict'
  | 'reason'
  | 'reasons'
> & {
  /** Place among the challengers that wait to be measured, from 1; null for all others. */
  queue: number | null;
  last: ({ block: number; verdict: string; score: number } & Reasoned) | null;
};
/** What one validator's ledger and the chain say now. */
export type StatusReport = {
  validator: string | null;
  block: number;
  registered: boolean | null;
  submissions: SubmissionReport[];
  waiting: number;
  /** The round that runners measure now, or null: then the next scan makes one. */
  openRound: { block: number; notAfter: number; measured: boolean } | null;
  nextRound: string;
};

/** What the ledger's newest round with this submission says of it. */
function lastVerdict(ledger: Pick<Ledger, 'records'>, key: string): SubmissionReport['last'] {
  for (const { predicate } of recordsOf(ledger, 'round').toReversed()) {
    const entry = predicate.entries.find((item) => item.key === key);
    if (!entry) continue;
    const { verdict, reason, reasons, score } = entry;
    return { block: predicate.block.number, verdict, reason, reasons, score };
  }
  return null;
}

/** One submission's line. `queue`: the keys that wait to be measured, in order. */
function lineOf(
  ledger: Pick<Ledger, 'records'>,
  submission: Submission,
  queue: readonly string[],
): SubmissionReport {
  const { key, hotkey, uid, image, digest, commitBlock, revealBlock, status, role, verdict } =
    submission;
  const place = queue.indexOf(key);
  return {
    ...{ key, hotkey, uid, image, digest, commitBlock, revealBlock, status, role, verdict },
    ...whyOf(submission),
    queue: place < 0 ? null : place + 1,
    last: lastVerdict(ledger, key),
  };
}

/** Keys in the order of their turns: those that the next plan takes, then those that wait. */
function queueOf(submissions: readonly Submission[]): string[] {
  const taken = submissions.filter(
    (item) => item.status === 'evaluate' && item.role === 'challenger',
  );
  const placeOf = ({ reasons }: Submission): number => reasons[0]?.value ?? 0;
  const queued = submissions
    .filter((item) => item.status === 'waiting' && hasReason(item, QUEUED))
    .sort((a, b) => placeOf(a) - placeOf(b));
  return [...taken, ...queued].map(({ key }) => key);
}

/** When the next round is planned, in words. */
function nextRoundOf(open: StatusReport['openRound']): string {
  if (!open) return 'planned at the next scan, twice an hour';
  const { block, notAfter } = open;
  return `round ${block} is being measured, until block ${notAfter} at the latest; the next one is planned after it`;
}

/** Every submission as the next scan would list it. */
async function submissionsNow(
  chain: ChainReader,
  arena: Arena,
  snapshot: Snapshot,
  ledger: Pick<Ledger, 'records'>,
): Promise<readonly Submission[]> {
  const history = historyOf(ledger);
  const commitments = await readCommitments(chain, arena.netuid, snapshot, history);
  const view = { ...snapshot, commitments };
  // Without a treasury no payment can be looked up, and none is asked for: the arena is not open
  // yet.
  const payments =
    arena.treasury === null ? new Map() : await lookUpPayments(chain, arena, view, history);
  return planContent(arena, { ...view, payments }, history, {
    calibration: null,
    predecessor: null,
  }).submissions;
}

/**
 * Where submissions stand: all of them, or one hotkey's. Reads only, and derives everything as a
 * scan would.
 */
export async function status(
  chain: ChainReader,
  arena: Arena,
  ledger: Ledger | null,
  hotkey: string | null,
): Promise<StatusReport> {
  const snapshot = await chain.snapshot(arena.netuid);
  const records = ledger ?? { records: [] };
  const submissions = await submissionsNow(chain, arena, snapshot, records);
  const queue = queueOf(submissions);
  const isOurs = (item: { readonly hotkey: string }): boolean =>
    hotkey === null || item.hotkey === hotkey;
  const plan = openPlan(records);
  const open = plan && {
    block: plan.predicate.block.number,
    notAfter: lastBlockOf(records, plan),
    measured: plan.predicate.submissions.some((item) => item.status === 'evaluate' && isOurs(item)),
  };
  return {
    validator: ledger?.validator ?? null,
    block: snapshot.block.number,
    registered: hotkey === null ? null : snapshot.neurons.some(isOurs),
    submissions: submissions.filter(isOurs).map((item) => lineOf(records, item, queue)),
    waiting: queue.length,
    openRound: open,
    nextRound: nextRoundOf(open),
  };
}
