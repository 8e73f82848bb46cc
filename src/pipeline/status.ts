// Tells where submissions stand: payment, verdicts so far, place in the queue.
import { historyOf } from '../arena/history.ts';
import type { Submission } from '../arena/submissions.ts';
import type { ChainReader } from '../chain/chain.ts';
import { openPlan } from '../ledger/plans.ts';
import { type Ledger, recordsOf } from '../ledger/read.ts';
import type { Arena } from '../schema/arena.ts';
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
> & {
  /** Place among the challengers that wait to be measured, from 1; null for all others. */
  queue: number | null;
  last: { block: number; verdict: string; reason: string; score: number } | null;
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
  const history = historyOf(records);
  const commitments = await readCommitments(chain, arena.netuid, snapshot, history);
  // Without a treasury no payment can be looked up, and none is asked for: the arena is not open
  // yet.
  const payments =
    arena.treasury === null
      ? new Map()
      : await lookUpPayments(chain, arena, { ...snapshot, commitments }, history);
  const { submissions } = planContent(arena, { ...snapshot, commitments, payments }, history);
  const queue = submissions
    .filter((item) => item.status === 'evaluate' && item.role === 'challenger')
    .map(({ key }) => key);
  const rounds = recordsOf(records, 'round');
  const lines = submissions
    .filter((item) => hotkey === null || item.hotkey === hotkey)
    .map((item): SubmissionReport => {
      const { key, uid, image, digest, commitBlock, revealBlock, role, verdict, reason } = item;
      const last = rounds
        .flatMap(({ predicate }) =>
          predicate.entries
            .filter((entry) => entry.key === key)
            .map((entry) => ({ entry, predicate })),
        )
        .at(-1);
      const place = queue.indexOf(key);
      return {
        ...{
          key,
          hotkey: item.hotkey,
          uid,
          image,
          digest,
          commitBlock,
          revealBlock,
          status: item.status,
          role,
          verdict,
          reason,
        },
        queue: place < 0 ? null : place + 1,
        last: last
          ? {
              block: last.predicate.block.number,
              verdict: last.entry.verdict,
              reason: last.entry.reason,
              score: last.entry.score,
            }
          : null,
      };
    });
  const open = openPlan(records);
  return {
    validator: ledger?.validator ?? null,
    block: snapshot.block.number,
    registered:
      hotkey === null ? null : snapshot.neurons.some((neuron) => neuron.hotkey === hotkey),
    submissions: lines,
    waiting: queue.length,
    openRound: open && {
      block: open.predicate.block.number,
      notAfter: open.predicate.notAfter,
      measured: open.predicate.submissions.some(
        (item) => item.status === 'evaluate' && (hotkey === null || item.hotkey === hotkey),
      ),
    },
    nextRound: open
      ? `round ${open.predicate.block.number} is being measured, until block ${open.predicate.notAfter} at the latest; the next one is planned after it`
      : 'planned at the next scan, twice an hour',
  };
}
