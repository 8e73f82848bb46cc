// What the ledger's past rounds say of submissions: verdicts, claims, payments and standing.
import { type Ledger, recordsOf } from '../ledger/read.ts';
import { isFinal, type Verdict } from '../schema/verdicts.ts';
import {
  type Claim,
  EMPTY_HISTORY,
  type History,
  type ImageHistory,
  submissionKey,
} from './submissions.ts';

/**
 * What a ledger's rounds say about the past: verdicts, claims on digests, spent payments, margins
 * per image, and the standing.
 */
export function historyOf(ledger: Pick<Ledger, 'records'>): History {
  const plans = new Map(recordsOf(ledger, 'plan').map((plan) => [plan.sha256, plan]));
  const judged = new Map<string, { verdict: Verdict; reason: string }>();
  const claims: Claim[] = [];
  const payments = new Map<string, string>();
  const images = new Map<string, ImageHistory>();
  const dated = new Map<string, number>();
  for (const { predicate } of plans.values())
    for (const { hotkey, revealBlock, commitBlock, status } of predicate.submissions)
      if (revealBlock !== null && status !== 'waiting')
        dated.set(submissionKey(hotkey, revealBlock), commitBlock);
  const paid = new Set<string>();
  const gone = new Map<string, number>();
  for (const { predicate } of plans.values())
    for (const { key, status, role } of predicate.submissions)
      if (status === 'evaluate' && role === 'challenger') paid.add(key);
  let standing = EMPTY_HISTORY.standing;
  for (const round of recordsOf(ledger, 'round')) {
    const plan = plans.get(round.predicate.plan);
    if (!plan) continue;
    standing = round.predicate.standing;
    for (const submission of plan.predicate.submissions) {
      if (
        submission.status !== 'evaluate' ||
        submission.role !== 'challenger' ||
        submission.digest === null
      )
        continue;
      if (
        !claims.some(
          (claim) => claim.digest === submission.digest && claim.hotkey === submission.hotkey,
        )
      )
        claims.push({
          digest: submission.digest,
          hotkey: submission.hotkey,
          commitBlock: submission.commitBlock,
        });
      if (submission.paymentTx !== null) payments.set(submission.paymentTx, submission.key);
    }
    for (const entry of round.predicate.entries) {
      if (isGone(entry.boots.map(({ report }) => report)))
        gone.set(entry.key, gone.get(entry.key) ?? round.predicate.block.number);
      else if (entry.boots.length > 0 && entry.verdict !== 'INFRA_REGISTRY') gone.delete(entry.key);
      if (isFinal(entry.verdict) && !judged.has(entry.key))
        judged.set(entry.key, { verdict: entry.verdict, reason: entry.reason });
      // A winner that fails later is judged anew: its last verdict counts.
      else if (entry.verdict.startsWith('E_'))
        judged.set(entry.key, { verdict: entry.verdict, reason: entry.reason });
      const gates = entry.boots.flatMap(({ report }) => (report.gate ? [report.gate] : []));
      if (entry.digest === null || gates.length === 0) continue;
      const before = images.get(entry.digest) ?? { rounds: 0, tokens: 0, clippedNats: 0 };
      images.set(entry.digest, {
        rounds: before.rounds + 1,
        tokens: gates.reduce((sum, gate) => sum + gate.tokens, before.tokens),
        clippedNats: gates.reduce((sum, gate) => sum + gate.clippedNats, before.clippedNats),
      });
    }
  }
  return { standing, judged, claims, payments, images, dated, paid, gone };
}

/**
 * Whether a round found an entry's image gone wherever it looked: its registry answered, and has no
 * such image (for us).
 */
export function isGone(
  boots: readonly { readonly verdict: Verdict; readonly reason: string }[],
): boolean {
  return (
    boots.length > 0 &&
    boots.every(
      ({ verdict, reason }) => verdict === 'INFRA_REGISTRY' && reason.startsWith('image-gone'),
    )
  );
}
