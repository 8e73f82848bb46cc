// What the ledger's past rounds say of submissions: verdicts, claims, payments and standing.
import { hasReason, type Reasoned, whyOf } from '../schema/reasons.ts';
import { type Ledger, recordsOf } from '../ledger/read.ts';
import type { LedgerRecord } from '../ledger/verify.ts';
import { isFinal, isMinerFault, type MinerFault, type Verdict } from '../schema/verdicts.ts';
import { QUEUED } from './deal.ts';
import { brokeHost, metShutDoor, type BlamedEntry } from './blame.ts';
import { compactJson } from '../core/canonical.ts';
import { sha256Hex } from '../core/hash.ts';
import type { Standing } from '../schema/standing.ts';
import type { MarginHistory, MarginSums } from '../schema/submission.ts';
import { addSums, sumsOf } from './margin-sums.ts';
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
  /** Margins over all boots so far, by hotkey and by digest. */
  readonly margins: MarginsSoFar;
  /**
   * Commit block of a revealed submission, by `hotkey:revealBlock`: the chain forgets it within the
   * hour.
   */
  readonly dated: ReadonlyMap<string, number>;
  /** Submissions that an earlier plan found paid, by key. */
  readonly paid: ReadonlySet<string>;
  /** Submissions that an earlier plan admitted: whose copy they are is decided once. */
  readonly admitted: ReadonlySet<string>;
  /** Measured submissions whose try the last rounds could not decide. */
  readonly returning: ReadonlySet<string>;
  /** Submissions whose registry gave nothing in the last round that tried: others go first. */
  readonly unreached: ReadonlySet<string>;
  /** Rounds in a row in which a submission's own registry kept it from being measured. */
  readonly shut: ReadonlyMap<string, { readonly rounds: number; readonly since: number }>;
  /** Rounds that broke off while a submission ran. */
  readonly suspects: ReadonlyMap<string, number>;
  /** Differences of the role controls, the oldest first. */
  readonly controls: readonly number[];
  /** By digest and base (`failureKey`): the last fault of its own that ended an image. */
  readonly failures: ReadonlyMap<string, Failure>;
};
/** Margins added up over boots, by hotkey and by digest. */
type MarginsSoFar = {
  readonly hotkeys: ReadonlyMap<string, MarginSums>;
  readonly images: ReadonlyMap<string, MarginSums>;
};
/** A fault that is not measured again under the same rules. */
type Failure = Reasoned & {
  readonly verdict: MinerFault;
  readonly block: number;
  /** Of the rules that it fell under. */
  readonly rulesSha256: string;
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
  margins: { hotkeys: new Map(), images: new Map() },
  dated: new Map(),
  paid: new Set(),
  admitted: new Set(),
  returning: new Set(),
  unreached: new Set(),
  shut: new Map(),
  suspects: new Map(),
  controls: [],
  failures: new Map(),
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
    margins: marginsOf(played),
    dated: new Map(
      planned.flatMap(({ hotkey, revealBlock, commitBlock, status }) =>
        revealBlock === null || status === 'waiting'
          ? []
          : [[submissionKey(hotkey, revealBlock), commitBlock]],
      ),
    ),
    paid: new Set(planned.filter(isAdmitted).map(({ key }) => key)),
    admitted: new Set(planned.filter(isAdmitted).map(({ key }) => key)),
    returning: returningFrom(played),
    unreached: unreachedBy(played),
    ...blameOf(played),
    controls: played.flatMap(({ round }) => round.predicate.control?.d ?? []),
    failures: failuresOf(played),
  };
}

type Planned = Plan['predicate']['submissions'][number];
const isChallenger = ({ status, role }: Planned): boolean =>
  status === 'evaluate' && role === 'challenger';
/** A challenger of its plan, or one that waits for its turn. */
const isAdmitted = (line: Planned): boolean =>
  isChallenger(line) || (line.status === 'waiting' && hasReason(line, QUEUED));

/** The first final verdict counts; but a winner that fails later is judged anew. */
function verdictsOf(played: readonly Played[]): History['judged'] {
  const judged = new Map<string, { verdict: Verdict } & Reasoned>();
  for (const { round } of played)
    for (const entry of round.predicate.entries) {
      const { key, verdict, final } = entry;
      if (isMinerFault(verdict) || (final && isFinal(verdict) && !judged.has(key)))
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

/**
 * Margins over every boot of entries that passed the gate, by hotkey and by digest. One that failed
 * had its verdict: counted here too it would shut its miner out for ever.
 */
function marginsOf(played: readonly Played[]): MarginsSoFar {
  const hotkeys = new Map<string, MarginSums>();
  const images = new Map<string, MarginSums>();
  const add = (sums: Map<string, MarginSums>, name: string, boot: MarginSums): void => {
    const before = sums.get(name);
    sums.set(name, before ? addSums(before, boot) : boot);
  };
  for (const { round } of played)
    for (const { hotkey, digest, verdict, boots } of round.predicate.entries)
      for (const { report } of boots) {
        if (!report.gate?.pass || digest === null || verdict === 'E_GATE') continue;
        const boot = sumsOf([report.gate]);
        add(hotkeys, hotkey, boot);
        add(images, digest, boot);
      }
  return { hotkeys, images };
}

/** What a plan says of the margins of a hotkey and of its image so far. */
export function marginHistory(
  { margins: { hotkeys, images } }: Pick<History, 'margins'>,
  hotkey: string,
  digest: string,
): MarginHistory {
  return { hotkey: hotkeys.get(hotkey) ?? null, image: images.get(digest) ?? null };
}

/** Who comes first in the next plan: measured, and never decided since. */
function returningFrom(played: readonly Played[]): Set<string> {
  const returning = new Set<string>();
  for (const { round } of played)
    for (const { key, verdict, final, role } of round.predicate.entries)
      if (role === 'challenger' && verdict === 'VALID' && !final) returning.add(key);
      else if (final) returning.delete(key);
  return returning;
}

/** Whose image no registry gave in the last round that asked for it. */
function unreachedBy(played: readonly Played[]): Set<string> {
  const unreached = new Set<string>();
  for (const { round } of played)
    for (const { key, verdict, boots } of round.predicate.entries)
      if (verdict === 'INFRA_REGISTRY') unreached.add(key);
      else if (boots.length > 0) unreached.delete(key);
  return unreached;
}

/** Shut doors and broken hosts, by submission. */
function blameOf(played: readonly Played[]): Pick<History, 'shut' | 'suspects'> {
  const shut = new Map<string, { rounds: number; since: number }>();
  const suspects = new Map<string, number>();
  for (const { round } of played) {
    const { entries, block } = round.predicate;
    const all = entries.map(({ key, image, role, boots }): BlamedEntry => ({
      ...{ key, image, role },
      boots: boots.map(({ shard, report }) => ({ shard, ...report })),
    }));
    for (const seen of all) {
      const { key, boots } = seen;
      const before = shut.get(key) ?? { rounds: 0, since: block.number };
      if (metShutDoor(seen, all)) shut.set(key, { ...before, rounds: before.rounds + 1 });
      else if (boots.some(({ verdict }) => verdict === 'VALID' || isMinerFault(verdict)))
        shut.delete(key);
      if (brokeHost(seen)) suspects.set(key, (suspects.get(key) ?? 0) + 1);
    }
  }
  return { shut, suspects };
}

/** Faults that measuring, or looking at the image, found: the same image has them again. */
const REPLAYED: readonly Verdict[] = [
  ...(['E_START_TIMEOUT', 'E_EXIT', 'E_OOM', 'E_API', 'E_TIMEOUT', 'E_HTTP_PROTO'] as const),
  ...(['E_HTTP_LIMIT', 'E_STREAM', 'E_CONTENT', 'E_GATE', 'E_IMAGE_POLICY'] as const),
];

/** What a fault was found under: it is found again only under the same rules. */
export function rulesSha256(arena: unknown, calibration: unknown): string {
  return sha256Hex(compactJson({ arena, calibration }));
}

/** An image and what it says that it builds on: a wrong base is not the image's fault. */
export function failureKey(digest: string, base: string | null): string {
  return `${digest} ${base ?? ''}`;
}

function failuresOf(played: readonly Played[]): Map<string, Failure> {
  const failures = new Map<string, Failure>();
  for (const { plan, round } of played) {
    const { arena, calibration } = plan.predicate;
    const rules = rulesSha256(arena, calibration);
    for (const entry of round.predicate.entries) {
      const { key, digest, verdict, boots } = entry;
      if (digest === null || boots.length === 0) continue;
      const line = plan.predicate.submissions.find((item) => item.key === key);
      const image = failureKey(digest, line?.base ?? null);
      if (verdict === 'VALID') failures.delete(image);
      if (!isMinerFault(verdict) || !REPLAYED.includes(verdict)) continue;
      const block = round.predicate.block.number;
      failures.set(image, { verdict, ...whyOf(entry), block, rulesSha256: rules });
    }
  }
  return failures;
}
