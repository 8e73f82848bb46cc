// Reads all submissions from the chain and drafts the plan of the next round.
import { counted } from '../core/counted.ts';
import { plannedMinutes, shardCount } from '../arena/deal.ts';
import { historyOf, rulesSha256 } from '../arena/history.ts';
import type { Calibration } from '../schema/calibration.ts';
import { acceptedRemarks, parsePayload } from '../arena/payload.ts';
import {
  type ChainView,
  type Commitment,
  type PaymentCheck,
  listSubmissions,
} from '../arena/submissions.ts';
import type { Submission } from '../schema/submission.ts';
import { submissionKey } from '../arena/submission-key.ts';
import { type History } from '../arena/history.ts';
import type { ChainReader, Snapshot } from '../chain/chain.ts';
import { countedCommitments, revealToDate } from '../chain/commitments.ts';
import { ChainError } from '../chain/errors.ts';
import type { Log } from '../core/log.ts';
import type { Tokenizer } from '../core/tokenizer.ts';
import { type Draft, imageSubjects } from '../ledger/draft.ts';
import type { Ledger } from '../ledger/read.ts';
import type { Corpus } from '../prompts/corpus.ts';
import { type Arena, ArenaError, feeRao } from '../schema/arena.ts';
import { pinnedImage } from '../schema/image-ref.ts';
import type { PlanPredicate } from '../schema/records.ts';
import type { LedgerRecord } from '../ledger/verify.ts';
import { type Operator, planContext } from './context.ts';
import { challengersIn, predecessorOf } from './plan-life.ts';
import { assertReady } from './readiness.ts';
import { assertNotBehind } from './freshness.ts';

export type ScanPorts = {
  readonly chain: ChainReader;
  /** Of the arena file's bytes: plans name it by that. */
  readonly arenaSha256: string;
  readonly tokenizer: Tokenizer;
  readonly corpus: Corpus;
  /** What a hardware tier was measured to differ by; null where the arena names no calibration. */
  readonly calibrationOf: (tier: string) => Calibration | null;
  readonly log: Log;
};

/**
 * A scan's result: the plan that would be signed now. Without shards there is nothing to measure.
 */
export type PlanDraft = Draft<'plan'>;

/**
 * Commitments of a snapshot as the arena reads them. The ledger dates a reveal that must be dated
 * in the past, else the chain does. Where no node at hand knows, the submission waits: that is not
 * the miner's fault, and one miner's commitment never stops the round of all.
 */
export async function readCommitments(
  chain: ChainReader,
  netuid: number,
  snapshot: Snapshot,
  history: Pick<History, 'dated'>,
): Promise<Commitment[]> {
  const lines: Commitment[] = [];
  for (const commitment of snapshot.commitments) {
    const { hotkey } = commitment;
    const revealBlock = revealToDate(commitment);
    let commitBlock =
      revealBlock === null ? null : (history.dated.get(submissionKey(hotkey, revealBlock)) ?? null);
    if (revealBlock !== null && commitBlock === null) {
      try {
        commitBlock = await chain.lastCommitment(hotkey, netuid, revealBlock - 1);
      } catch (error) {
        if (!(error instanceof ChainError) || error.code !== 'STATE_DISCARDED') throw error;
      }
    }
    lines.push(...countedCommitments(commitment, commitBlock).map((line) => ({ hotkey, ...line })));
  }
  return lines;
}

/** The chain at the plan's block, before its payments are looked up. */
export type Seen = Omit<ChainView, 'payments'> & Pick<Snapshot, 'block'>;

/**
 * Looks up the payment of every submission that has none on record yet. Where a node cannot tell,
 * that is an infrastructure fault.
 */
export async function lookUpPayments(
  chain: ChainReader,
  arena: Arena,
  { block: before, neurons, commitments }: Seen,
  history: Pick<History, 'judged' | 'paid'>,
): Promise<Map<string, PaymentCheck>> {
  const found = new Map<string, PaymentCheck>();
  if (arena.fee === 0) return found;
  if (arena.treasury === null)
    throw new ArenaError(
      'BAD_ARENA',
      'usage',
      `the arena ${arena.name} takes a fee, but names no treasury`,
      'set treasury to an ss58 address, or fee to 0',
    );
  for (const commitment of commitments) {
    const key = submissionKey(commitment.hotkey, commitment.commitBlock);
    const neuron = neurons.find(({ hotkey }) => hotkey === commitment.hotkey);
    if (!neuron || history.judged.has(key) || commitment.content.kind !== 'payload') continue;
    // An earlier signed plan found it paid; by now the node may no longer know.
    if (history.paid.has(key)) {
      found.set(key, { state: 'paid' });
      continue;
    }
    const parsed = parsePayload(commitment.content.bytes, {
      loopbackImages: arena.loopbackImages,
      baseRepositories: arena.images.baseRepositories,
      needsPayment: true,
    });
    if (!parsed.ok || !parsed.payload.payment) continue;
    const { digest, payment } = parsed.payload;
    const { tx, block, salt } = payment;
    const outcome = await chain.payment({
      tx,
      block,
      coldkey: neuron.coldkey,
      treasury: arena.treasury,
      amountRao: feeRao(arena),
      remarks: acceptedRemarks(commitment.hotkey, digest, salt),
      // Paid no later than committed: else a commitment would be an option that is paid when it pays.
      before: { ...before, number: Math.min(before.number, commitment.commitBlock) },
    });
    found.set(key, outcome);
  }
  return found;
}

/** What a plan's content follows from, beside chain and ledger. */
export type PlanRules = {
  readonly calibration: Calibration | null;
  /** The voided plan that this one follows; null: none. */
  readonly predecessor: LedgerRecord<'plan'> | null;
};

/**
 * Everything in a plan that follows from chain and ledger: submissions, standing, how many shards.
 * After a void the challengers of the voided plan, as far as they are still ready.
 */
export function planContent(
  arena: Arena,
  chain: ChainView,
  history: History,
  { calibration, predecessor }: PlanRules,
): Pick<
  PlanPredicate,
  'submissions' | 'standing' | 'shards' | 'controls' | 'follows' | 'plannedMinutes'
> {
  const rules = rulesSha256(arena, calibration);
  const kept = predecessor && challengersIn(predecessor);
  const listed = (kept: ReadonlySet<string> | null) =>
    listSubmissions(arena, chain, history, { rulesSha256: rules, kept });
  const after = listed(kept);
  // None of them is left: nobody can gain by the old seed.
  const alone = kept !== null && shardCount(after.submissions, arena) === 0;
  const { submissions, standing } = alone ? listed(null) : after;
  return {
    follows: alone ? null : (predecessor?.sha256 ?? null),
    plannedMinutes: plannedMinutes(submissions, arena),
    submissions,
    standing,
    shards: shardCount(submissions, arena),
    controls: history.controls.slice(-arena.takeover.controls),
  };
}

/**
 * Reads the chain at its finalized head and draws up the plan of a round. Level-triggered: it looks
 * at what is there, not at what changed, so any number of missed ticks loses nothing. Changes
 * nothing anywhere.
 */
export async function scan(
  ports: ScanPorts,
  arena: Arena,
  operator: Operator,
  ledger: Ledger,
): Promise<PlanDraft> {
  const { chain, tokenizer, corpus, log, calibrationOf } = ports;
  assertReady(arena, operator.tier);
  const calibration = calibrationOf(operator.tier);
  const snapshot = await chain.snapshot(arena.netuid);
  const { block } = snapshot;
  log.info(`scanning subnet ${arena.netuid} at block ${block.number}`);
  assertNotBehind(ledger, block);
  await chain.confirm(block);
  const history = historyOf(ledger);
  const commitments = await readCommitments(chain, arena.netuid, snapshot, history);
  const payments = await lookUpPayments(chain, arena, { ...snapshot, commitments }, history);
  const view = { ...snapshot, commitments, payments };
  const predecessor = predecessorOf(ledger, { block, tree: operator.tree });
  const content = planContent(arena, view, history, { calibration, predecessor });
  const count = (status: Submission['status']): number =>
    content.submissions.filter((submission) => submission.status === status).length;
  log.info(
    `${counted(snapshot.neurons.length, 'neuron')}, ${counted(content.submissions.length, 'submission')}: ${count('evaluate')} to evaluate, ${count('rejected')} rejected, ${count('judged')} judged before, ${count('waiting')} waiting`,
  );
  const context = await planContext(chain, operator, arena, block);
  const images = [
    pinnedImage(arena.images.baseline),
    pinnedImage(arena.images.reference),
    ...content.submissions.filter(({ status }) => status === 'evaluate'),
  ];
  return {
    kind: 'plan',
    path: `rounds/${block.number}/plan.json`,
    subject: imageSubjects(images),
    predicate: {
      ...context,
      tier: operator.tier,
      arena,
      arenaSha256: ports.arenaSha256,
      tokenizerSha256: tokenizer.id,
      corpus: corpus.id,
      calibration,
      ...content,
    },
  };
}
