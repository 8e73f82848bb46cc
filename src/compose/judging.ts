// Judges what a plan's runners left, for the action and the command alike.
import { firstDifference } from '../core/difference.ts';
import { drawnPlan } from '../judge/drawn-plan.ts';
import { judgeRound } from '../judge/round.ts';
import { readEvidence } from '../ledger/io/evidence-files.ts';
import { type Ledger, recordsOf } from '../ledger/read.ts';
import type { FileSet } from '../ledger/store.ts';
import type { LedgerRecord } from '../ledger/verify.ts';
import { loadTokenizer } from '../prompts/io/tokenizer-file.ts';
import { parseArena } from '../schema/arena.ts';
import type { Judged } from '../schema/artifacts.ts';
import type { RoundBody } from '../schema/records.ts';
import { spentMinutes } from './plan-cost.ts';

/** What evidence comes to, and the minutes that it took by shard. */
export type JudgedEvidence = {
  readonly judged: Judged;
  readonly spent: ReadonlyMap<number, number>;
};

/** A plan's round from its seed and its evidence, or a void where the runners left none. */
export function judgeEvidence(
  plan: LedgerRecord<'plan'>,
  seed: string,
  evidence: FileSet,
  root: string,
): JudgedEvidence {
  if (evidence.size === 0)
    return { judged: { void: 'the evaluation left no trace' }, spent: new Map() };
  const { tokenizer } = parseArena(plan.predicate.arena, 'the plan');
  const drawn = drawnPlan(plan, seed);
  const read = readEvidence(evidence);
  const body = judgeRound(drawn, read, loadTokenizer(tokenizer, root));
  return { judged: { body }, spent: spentMinutes(read.traces.values()) };
}

/** The first verdict that differs from the round on record; null where none does, or none is. */
export function recordedDifference(
  ledger: Pick<Ledger, 'records'>,
  plan: LedgerRecord<'plan'>,
  body: RoundBody,
): { readonly difference: string | null } | null {
  const recorded = recordsOf(ledger, 'round').find(
    ({ predicate }) => predicate.plan === plan.sha256,
  );
  if (!recorded) return null;
  const verdicts = ({ entries }: Pick<RoundBody, 'entries'>): string[] =>
    entries.map(({ key, verdict }) => `${key} ${verdict}`);
  return { difference: firstDifference(verdicts(recorded.predicate), verdicts(body)) };
}
