// What is worth telling people of a round's end: a new winner, a void, or that it went by.
import { counted } from '../core/counted.ts';
import type { Ledger } from '../ledger/read.ts';
import { endOf, planOf } from '../ledger/plans.ts';
import { recordsOf } from '../ledger/records-of.ts';

/** One notice, as a webhook gets it (RULES "Notices"). */
export type Notice = {
  readonly schema: 1;
  readonly kind: 'winner' | 'round' | 'void' | 'failure';
  readonly validator: string;
  /** Block of the plan; null for a failure before there was one. */
  readonly block: number | null;
  /** One sentence for people; programs read the other fields. */
  readonly text: string;
  readonly winner: string | null;
  readonly previous: string | null;
  readonly score: number | null;
};

const short = (key: string): string => key.slice(0, 8);

/** What the end of a plan is worth telling; null where it has none yet. */
export function noticeOf(ledger: Ledger, block: number): Notice | null {
  const { validator } = ledger;
  const end = endOf(ledger, planOf(ledger, block));
  if (!end) return null;
  const common = { schema: 1 as const, validator, block };
  const none = { winner: null, previous: null, score: null };
  if (end.kind === 'void')
    return {
      ...{ ...common, ...none, kind: 'void' },
      text: `the round of block ${block} is void: ${end.predicate.reason}`,
    };
  const { standing, entries, seq } = end.predicate;
  const before = recordsOf(ledger, 'round').findLast((round) => round.predicate.seq < seq);
  const previous = before?.predicate.standing.winner?.key ?? null;
  const winner = standing.winner?.key ?? null;
  const score = entries.find(({ key }) => key === winner)?.score ?? null;
  const said = { ...common, winner, previous, score };
  const measured = `${counted(entries.length, 'entry', 'entries')} measured in the round of block ${block}`;
  if (winner === previous)
    return {
      ...said,
      kind: 'round',
      text: `${measured}: ${winner === null ? 'nobody holds the throne' : `${short(winner)} stays winner`}`,
    };
  const told = winner === null ? 'the throne is empty' : `${short(winner)} is the new winner`;
  const by = score === null ? '' : ` with a score of ${score.toFixed(4)}`;
  return { ...said, kind: 'winner', text: `${told}${by}: ${measured}` };
}

/** What a pass that failed is worth telling. */
export function failureNotice(validator: string, text: string): Notice {
  const none = { block: null, winner: null, previous: null, score: null };
  return { schema: 1, kind: 'failure', validator, ...none, text: text.slice(0, 500) };
}
