// Who holds the throne and the second place after a round, from verified results alone.
import { compare } from '../core/order.ts';
import type { Place, Standing } from '../schema/standing.ts';
import {
  entryOf,
  type RoundField,
  entryOutcome,
  type RankedEntry,
  type TakeoverTry,
  tryOf,
  zAgainst,
} from './contests.ts';
import { scoreOf } from './round-score.ts';

/** A round's outcome: who holds what, why, and which challengers are judged again. */
export type Ranking = Standing & {
  readonly tries: readonly TakeoverTry[];
  /** Measured challengers whose try could not be decided: they come first in the next plan. */
  readonly undecided: ReadonlySet<string>;
};

/**
 * Standing after deregistrations: a winner that left is replaced by the runner-up, whose own score
 * then counts.
 */
export function afterDeregistration(
  standing: Standing,
  registered: (place: Place) => boolean,
): Standing {
  const runnerUp = standing.runnerUp && registered(standing.runnerUp) ? standing.runnerUp : null;
  if (standing.winner && registered(standing.winner)) return { winner: standing.winner, runnerUp };
  return { winner: runnerUp, runnerUp: null };
}

function placeOf({ result, image, digest, base }: RankedEntry): Place {
  const { key, hotkey, commitBlock, revealedAt } = result;
  return { key, hotkey, commitBlock, revealedAt, image, digest, base, score: scoreOf(result) };
}

/** Best score first, then the earlier commit block, then the smaller hotkey (bytewise). */
function better(a: Place, b: Place): number {
  if (a.score !== b.score) return b.score - a.score;
  return older(a, b);
}

function older(a: Place, b: Place): number {
  return a.commitBlock - b.commitBlock || compare(a.hotkey, b.hotkey);
}

/** A round as the ranking reads it. */
type Round = {
  readonly field: RoundField;
  readonly standing: Standing;
  readonly winner: RankedEntry | null;
  readonly runnerUp: RankedEntry | null;
  readonly challengers: readonly RankedEntry[];
  readonly tries: readonly TakeoverTry[];
};

const triedBy = ({ tries }: Round, { result }: RankedEntry): TakeoverTry =>
  tries.find(({ key }) => key === result.key)!;

const isLive = (entry: RankedEntry): boolean =>
  entryOutcome(entry) === 'measured' && scoreOf(entry.result) > 0;

/**
 * Challengers that take the throne, the best first. Against an empty throne they must beat the
 * runner-up too, which would move up otherwise: else its copy could pass it by chance.
 */
function crownedOf(round: Round): RankedEntry[] {
  const { field, runnerUp, challengers } = round;
  const beatsSecond = (entry: RankedEntry): boolean =>
    triedBy(round, entry).against === 'winner' ||
    runnerUp === null ||
    !isLive(runnerUp) ||
    zAgainst(field, entry, runnerUp) >= field.rules.takeover.second;
  const mean = (entry: RankedEntry): number => triedBy(round, entry).decision.mean!;
  // A lead over the winner counts before a lead over the baseline, where shards differ.
  const apart = (entry: RankedEntry): number =>
    triedBy(round, entry).against === 'winner' ? 0 : 1;
  return challengers
    .filter((entry) => triedBy(round, entry).decision.takesOver && beatsSecond(entry))
    .sort((a, b) => apart(a) - apart(b) || mean(b) - mean(a) || older(placeOf(a), placeOf(b)));
}

/** The incumbent that keeps or takes the throne where no challenger does; null: it is empty. */
function heir({ standing, winner, runnerUp }: Round): Place | null {
  const kept = (entry: RankedEntry | null, place: Place | null): Place | null => {
    if (entry && isLive(entry)) return placeOf(entry);
    return entry && entryOutcome(entry) === 'unmeasured' ? place : null;
  };
  return kept(winner, standing.winner) ?? kept(runnerUp, standing.runnerUp);
}

/** Who may be second, and was beside the throne before: with its fresh score. */
function seated({ winner, runnerUp }: Round, throne: Place | null): RankedEntry[] {
  return [winner, runnerUp].flatMap((entry) =>
    entry && isLive(entry) && entry.result.key !== throne?.key ? [entry] : [],
  );
}

/** Whether a challenger may have the second place: worth something, and no copy of the new winner. */
function mightBeSecond(entry: RankedEntry, throne: Place | null): boolean {
  const { key, commitBlock } = entry.result;
  return isLive(entry) && key !== throne?.key && commitBlock < (throne?.revealedAt ?? Infinity);
}

/**
 * Newcomers to the second place (RULES "Second place"): committed before the new winner's image
 * could be seen, so that none is its copy, and surely better than everyone who would have the place
 * without them.
 */
function newcomers(round: Round, throne: Place | null, before: readonly RankedEntry[]): Place[] {
  const { field, challengers } = round;
  const { second } = field.rules.takeover;
  const rivals = before.length > 0 ? before : [null];
  return challengers
    .filter(
      (entry) =>
        mightBeSecond(entry, throne) &&
        !triedBy(round, entry).decision.goesOn &&
        rivals.every((rival) => zAgainst(field, entry, rival) >= second),
    )
    .map(placeOf);
}

function secondPlace(round: Round, throne: Place | null): Place | null {
  const { standing, runnerUp } = round;
  const before = seated(round, throne);
  const unmeasured =
    runnerUp && entryOutcome(runnerUp) === 'unmeasured' && standing.runnerUp!.key !== throne?.key;
  // Nothing is compared with an old score: a runner-up that was not measured gives way only to a
  // dethroned winner.
  if (unmeasured && before.length === 0) return standing.runnerUp;
  const candidates = [...before.map(placeOf), ...newcomers(round, throne, before)];
  return candidates.sort(better)[0] ?? null;
}

/** Shards in which the runner-up could not be measured: no newcomer could be held against it. */
function blindShards({ runnerUp }: Round): readonly number[] {
  if (!runnerUp || entryOutcome(runnerUp) === 'failed') return [];
  const { shards, boots } = runnerUp.result;
  return shards.filter((shard) => !boots.some((boot) => boot.shard === shard && boot.boot === 1));
}

/**
 * The holders of the throne and of the second place after a round (RULES "New winner", RULES "Second
 * place"). The order of the entries does not matter.
 */
export function rank(field: Omit<RoundField, 'winner' | 'runnerUp'>, standing: Standing): Ranking {
  const whole = {
    ...field,
    winner: standing.winner?.key ?? null,
    runnerUp: standing.runnerUp?.key ?? null,
  };
  const challengers = field.entries.filter(
    (entry) => entry.result.role === 'challenger' && entryOutcome(entry) === 'measured',
  );
  const tries = challengers
    .map((entry) => tryOf(whole, entry))
    .sort((a, b) => compare(a.key, b.key));
  const round = {
    field: whole,
    standing,
    winner: entryOf(whole, whole.winner),
    runnerUp: entryOf(whole, whole.runnerUp),
    challengers,
    tries,
  };
  const crowned = crownedOf(round);
  const winner = crowned[0] ? placeOf(crowned[0]) : heir(round);
  const blind = blindShards(round);
  const isOpen = ({ key, shard, decision }: TakeoverTry): boolean => {
    if (decision.goesOn) return true;
    if (decision.takesOver) return !crowned.some(({ result }) => result.key === key);
    // Only who might have had the second place is judged again for want of its holder.
    return blind.includes(shard) && mightBeSecond(entryOf(whole, key)!, winner);
  };
  const runnerUp = secondPlace(round, winner);
  // Who holds a place now is measured in every round anyway.
  const seat = ({ key }: TakeoverTry): boolean => key === winner?.key || key === runnerUp?.key;
  const open = tries.filter((item) => isOpen(item) && !seat(item));
  return { winner, runnerUp, tries, undecided: new Set(open.map(({ key }) => key)) };
}
