// Everything that decided a verdict, from a validator's ledger alone.
import { endOf } from '../ledger/plans.ts';
import type { Ledger } from '../ledger/read.ts';
import { recordsOf } from '../ledger/records-of.ts';
import type { LedgerRecord } from '../ledger/verify.ts';
import type { Predicate, RoundEntry } from '../schema/records.ts';
import { folderOf, tracePath } from '../schema/paths.ts';
import type { Submission } from '../schema/submission.ts';

/** A file of evidence that a verdict was judged from, and its hash in the signed round. */
type Evidence = { readonly path: string; readonly sha256: string };

/** What `why --json` prints for one validator. */
export type WhyReport = {
  readonly validator: string;
  readonly key: string;
  /** Block of the plan that speaks of it last. */
  readonly round: number;
  /** The plan's own line: what was committed, paid, and decided before anything was measured. */
  readonly submission: Submission;
  /** What the round came to; null where the plan decided it, is open, or was voided. */
  readonly entry: RoundEntry | null;
  /** Its try for the throne, boot by boot; null where it had none. */
  readonly decision: Predicate<'round'>['decisions'][number] | null;
  /** Who took its throne in this round, and how; null where nobody did. */
  readonly beatenBy: Predicate<'round'>['decisions'][number] | null;
  /** Why there is no round: the reason of its void, or null. */
  readonly voided: string | null;
  /** What its prompts and orders were drawn from. */
  readonly draw: Pick<Predicate<'round'>, 'seed' | 'pulse'> | null;
  /** Where the plan stands on chain; null before its anchor. */
  readonly anchor: Predicate<'anchor'>['anchor']['block'] | null;
  /** The code that judged, by its tree hash. */
  readonly tree: string;
  readonly place: 'winner' | 'runner-up' | null;
  readonly evidence: readonly Evidence[];
  /** Weights that followed from the round: shares by uid, and what became of them. */
  readonly weights: readonly {
    readonly path: string;
    readonly status: string;
    readonly share: number;
  }[];
  /** Rounds that spoke of it before, newest first. */
  readonly earlier: readonly { readonly round: number; readonly verdict: string | null }[];
};

type Plan = LedgerRecord<'plan'>;
type Round = LedgerRecord<'round'>;

/** A line of a plan that a key or a hotkey means; of a hotkey its newest submission. */
function lineOf({ predicate }: Plan, what: string): Submission | undefined {
  const own = predicate.submissions.filter(({ key, hotkey }) => key === what || hotkey === what);
  return own.sort((a, b) => a.commitBlock - b.commitBlock).at(-1);
}

/** The files that an entry was judged from: its own traces, and the baseline's beside them. */
function evidenceOf({ path, predicate }: Round, entry: RoundEntry): Evidence[] {
  const folder = folderOf(path);
  const wanted = entry.boots.flatMap(({ shard, boot }) =>
    [1, 2].flatMap((run) => [
      tracePath(shard, boot, entry.key, run),
      tracePath(shard, boot, 'baseline', run),
    ]),
  );
  return wanted.flatMap((name) => {
    const sha256 = predicate.files[name];
    return sha256 === undefined ? [] : [{ path: `${folder}${name}`, sha256 }];
  });
}

function placeOf({ predicate: { standing } }: Round, key: string): WhyReport['place'] {
  if (standing.winner?.key === key) return 'winner';
  return standing.runnerUp?.key === key ? 'runner-up' : null;
}

/** Weights that followed from a round, and the share of a uid in them. */
function weightsAfter(ledger: Ledger, round: Round, uid: number): WhyReport['weights'] {
  return recordsOf(ledger, 'weights')
    .filter(({ predicate }) => predicate.round === round.sha256)
    .map(({ path, predicate: { status, shares } }) => ({
      ...{ path, status },
      share: shares.find((item) => item.uid === uid)?.share ?? 0,
    }));
}

/** The takeover that cost a key the throne that its plan knew it on; null for none. */
function beatenBy({ predicate }: Plan, round: Round, key: string): WhyReport['beatenBy'] {
  const { decisions, standing } = round.predicate;
  const now = standing.winner?.key;
  if (predicate.standing.winner?.key !== key || now === key) return null;
  return decisions.find((item) => item.key === now && item.takesOver) ?? null;
}

/** What a round adds to what its plan says of a key. */
function roundPart(
  { ledger, plan }: { readonly ledger: Ledger; readonly plan: Plan },
  round: Round,
  { key, uid }: Submission,
) {
  const { entries, decisions, seed, pulse, harness } = round.predicate;
  const entry = entries.find((item) => item.key === key) ?? null;
  return {
    entry,
    decision: decisions.find((item) => item.key === key) ?? null,
    beatenBy: beatenBy(plan, round, key),
    draw: { seed, pulse },
    tree: harness.tree,
    place: placeOf(round, key),
    evidence: entry ? evidenceOf(round, entry) : [],
    weights: weightsAfter(ledger, round, uid),
  };
}

/**
 * Everything that decided the last verdict on a submission, or on a hotkey's newest one (RULES
 * "Why"); null where the ledger never spoke of it. Nothing is derived: this is what is on record,
 * and an audit tells whether it is true.
 */
export function why(ledger: Ledger, what: string, block?: number): WhyReport | null {
  const plans = recordsOf(ledger, 'plan').filter(
    (plan) =>
      lineOf(plan, what) !== undefined &&
      (block === undefined || plan.predicate.block.number === block),
  );
  // The newest plan that decided something: one that only repeats an old verdict says less.
  const telling = plans.filter((plan) => lineOf(plan, what)!.status !== 'judged');
  const plan = telling.at(-1) ?? plans.at(-1);
  if (!plan) return null;
  const submission = lineOf(plan, what)!;
  const { key } = submission;
  const end = endOf(ledger, plan);
  const none = {
    ...{ entry: null, decision: null, beatenBy: null, draw: null, place: null },
    ...{ evidence: [], weights: [] },
  };
  const anchor = recordsOf(ledger, 'anchor').find(
    ({ predicate }) => predicate.plan === plan.sha256,
  );
  const before = plans.filter((item) => item.predicate.seq < plan.predicate.seq);
  return {
    ...{ validator: ledger.validator, key, round: plan.predicate.block.number, submission },
    anchor: anchor?.predicate.anchor.block ?? null,
    voided: end?.kind === 'void' ? end.predicate.reason : null,
    earlier: before.toReversed().map((item) => ({
      round: item.predicate.block.number,
      verdict: verdictIn(ledger, item, key),
    })),
    tree: plan.predicate.harness.tree,
    ...(end?.kind === 'round' ? roundPart({ ledger, plan }, end, submission) : none),
  };
}

function verdictIn(ledger: Ledger, plan: Plan, key: string): string | null {
  const end = endOf(ledger, plan);
  if (end?.kind !== 'round') return null;
  return end.predicate.entries.find((item) => item.key === key)?.verdict ?? null;
}

/** A submission in a list, with the verdict that decided it last. */
export type ListedVerdict = Pick<WhyReport, 'key' | 'validator' | 'round' | 'place'> & {
  /** Null: no verdict yet. */
  readonly verdict: string | null;
  readonly score: number | null;
  readonly reason: string;
};

/** Every submission that a ledger speaks of, with its last verdict; the newest round first. */
export function allVerdicts(ledger: Ledger): ListedVerdict[] {
  const plans = recordsOf(ledger, 'plan');
  const keys = new Set(
    plans.flatMap(({ predicate }) => predicate.submissions.map(({ key }) => key)),
  );
  const rows = [...keys].flatMap((key) => {
    const report = why(ledger, key);
    if (!report) return [];
    const { validator, round, place, entry, submission } = report;
    const { verdict, reason } = entry ?? submission;
    return [{ ...{ key, validator, round, place, verdict, reason }, score: entry?.score ?? null }];
  });
  return rows.toSorted((a, b) => b.round - a.round || (b.score ?? -1) - (a.score ?? -1));
}
