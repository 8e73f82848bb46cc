// What the ledger's past rounds say of submissions: verdicts, claims, payments and standing.
import { hasReason, type Reasoned, whyOf } from '../schema/reasons.ts';
import { type Ledger, recordsOf } from '../ledger/read.ts';
import type { LedgerRecord } from '../ledger/verify.ts';
import { isFinal, isMinerFault, type Verdict } from '../schema/verdicts.ts';
import type { Standing } from '../schema/standing.ts';
import type { ImageHistory } from '../schema/submission.ts';
import { submissionKey } from './submission-key.ts';

/** What the ledger says about earlier rounds. */
export type History = {
  readonly standing: Standing;
  /** Final verdicts by submission key. */
  readonly judged: ReadonlyMap<string, { readonly verdict: Verdict } & Reasoned>;
  /** Digests of earlier valid submissions. */
  readonly claims: readonly Claim[];
  /** Payment hash -> the submission it already served. */
  readonly payments: ReadonlyMap<string, string>;
  readonly images: ReadonlyMap<string, ImageHistory>;
  /**
   * Commit block of a revealed submission, by `hotkey:revealBlock`: the chain forgets it within the
   * hour.
   */
  readonly dated: ReadonlyMap<string, number>;
  /** Submissions that an earlier plan found paid, by key. */
  readonly paid: ReadonlySet<string>;
  /**
   * Block of the round that first found a submission's image gone from its registry, where no later
   * one found it there.
   */
  readonly gone: ReadonlyMap<string, number>;
};
export type Claim = {
  readonly digest: string;
  readonly hotkey: string;
  readonly commitBlock: number;
};

export const EMPTY_HISTORY: History = {
  standing: { winner: null, runnerUp: null },
  judged: new Map(),
  claims: [],
  payments: new Map(),
  images: new Map(),
  dated: new Map(),
  paid: new Set(),
  gone: new Map(),
};

type Plan = LedgerRecord<'plan'>;
type Round = LedgerRecord<'round'>;
/** A round with the plan that it follows. */
type Played = { readonly plan: Plan; readonly round: Round };

/**
 * What a ledger's rounds say about the past: verdicts, claims on digests, spent payments, margins
 * per image, and the standing.
 */
export function historyOf(ledger: Pick<Ledger, 'records'>): History {
  const plans = new Map(recordsOf(ledger, 'plan').map((plan) => [plan.sha256, plan]));
  const played = recordsOf(ledger, 'round').flatMap((round): Played[] => {
    const plan = plans.get(round.predicate.plan);
    return plan ? [{ plan, round }] : [];
  });
  const planned = [...plans.values()].flatMap(({ predicate }) => predicate.submissions);
  const measured = played.flatMap(({ plan }) => plan.predicate.submissions).filter(isChallenger);
  return {
    standing: played.at(-1)?.round.predicate.standing ?? EMPTY_HISTORY.standing,
    judged: verdictsOf(played),
    claims: claimsOf(measured),
    payments: new Map(
      measured.flatMap(({ paymentTx, key }) => (paymentTx === null ? [] : [[paymentTx, key]])),
    ),
    images: marginsOf(played),
    dated: new Map(
      planned.flatMap(({ hotkey, revealBlock, commitBlock, status }) =>
        revealBlock === null || status === 'waiting'
          ? []
          : [[submissionKey(hotkey, revealBlock), commitBlock]],
      ),
    ),
    paid: new Set(planned.filter(isChallenger).map(({ key }) => key)),
    gone: goneImages(played),
  };
}

type Planned = Plan['predicate']['submissions'][number];
const isChallenger = ({ status, role }: Planned): boolean =>
  status === 'evaluate' && role === 'challenger';

/** The first final verdict counts; but a winner that fails later is judged anew. */
function verdictsOf(played: readonly Played[]): History['judged'] {
  const judged = new Map<string, { verdict: Verdict } & Reasoned>();
  for (const { round } of played)
    for (const entry of round.predicate.entries) {
      const { key, verdict } = entry;
      if (isMinerFault(verdict) || (isFinal(verdict) && !judged.has(key)))
        judged.set(key, { verdict, ...whyOf(entry) });
    }
  return judged;
}

/** Each hotkey's first commitment of a digest. */
function claimsOf(challengers: readonly Planned[]): Claim[] {
  const claims = new Map<string, Claim>();
  for (const { digest, hotkey, commitBlock } of challengers) {
    const owned = `${hotkey} ${digest}`;
    if (digest !== null && !claims.has(owned)) claims.set(owned, { digest, hotkey, commitBlock });
  }
  return [...claims.values()];
}

/** Margins by digest, over every boot that the gate saw. */
function marginsOf(played: readonly Played[]): History['images'] {
  const images = new Map<string, ImageHistory>();
  for (const { digest, boots } of played.flatMap(({ round }) => round.predicate.entries)) {
    const gates = boots.flatMap(({ report }) => (report.gate ? [report.gate] : []));
    if (digest === null || gates.length === 0) continue;
    const before = images.get(digest) ?? { rounds: 0, tokens: 0, clippedNats: 0 };
    images.set(digest, {
      rounds: before.rounds + 1,
      tokens: gates.reduce((sum, gate) => sum + gate.tokens, before.tokens),
      clippedNats: gates.reduce((sum, gate) => sum + gate.clippedNats, before.clippedNats),
    });
  }
  return images;
}

/** Since which round an image is gone: it no longer is once a round found it. */
function goneImages(played: readonly Played[]): History['gone'] {
  const gone = new Map<string, number>();
  for (const { round } of played)
    for (const { key, boots, verdict } of round.predicate.entries) {
      if (isGone(boots.map(({ report }) => report)))
        gone.set(key, gone.get(key) ?? round.predicate.block.number);
      else if (boots.length > 0 && verdict !== 'INFRA_REGISTRY') gone.delete(key);
    }
  return gone;
}

/**
 * Whether a round found an entry's image gone wherever it looked: its registry answered, and has no
 * such image (for us).
 */
export function isGone(
  boots: readonly ({ readonly verdict: Verdict } & Pick<Reasoned, 'reasons'>)[],
): boolean {
  return (
    boots.length > 0 &&
    boots.every((boot) => boot.verdict === 'INFRA_REGISTRY' && hasReason(boot, 'image-gone'))
  );
}
