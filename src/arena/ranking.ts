// Who wins a round and who is runner-up, decided from verified results and the old standing.
import { isMinerFault } from '../schema/verdicts.ts';
import { compare } from '../core/order.ts';
import type { VerifiedResult } from '../ledger/verified-result.ts';
import type { Arena } from '../schema/arena.ts';
import type { Place, Standing } from '../schema/standing.ts';
import { type Bar, type BootDecision, decideBoot, lowerBound } from './takeover.ts';

/** Why a challenger did or did not take over, boot by boot. */
type Decision = {
  readonly key: string;
  readonly takesOver: boolean;
  readonly boots: readonly (BootDecision & { readonly boot: number })[];
};
export type Ranking = Standing & { readonly decisions: readonly Decision[] };

/** A result with the image it belongs to. */
export type RankedEntry = {
  readonly result: VerifiedResult;
  readonly image: string;
  readonly digest: string;
};

export type RankingRules = Pick<
  Arena,
  'boots' | 'bootSd' | 'takeoverMargin' | 'winnerInfraBar' | 'winnerInfraLoss'
>;

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

/** Best score first, then the earlier commit block, then the smaller hotkey (bytewise). */
function better(a: Place, b: Place): number {
  if (a.score !== b.score) return b.score - a.score;
  if (a.commitBlock !== b.commitBlock) return a.commitBlock - b.commitBlock;
  return compare(a.hotkey, b.hotkey);
}

/**
 * A challenger's score is the lower of its boots; an incumbent's is its first boot's, so that
 * challengers cannot lower it by asking for another.
 */
function scoreOf(result: VerifiedResult): number {
  const scores = result.boots.map((boot) => boot.score);
  if (scores.length === 0 || result.verdict !== 'VALID') return 0;
  return result.role === 'challenger' ? Math.min(...scores) : scores[0]!;
}

/** What a round says of a server: measured, failed by its own fault, or not measured (`INFRA`). */
type Outcome = 'measured' | 'failed' | 'unmeasured';
function outcomeOf({ result: { verdict } }: RankedEntry): Outcome {
  if (verdict === 'VALID') return 'measured';
  return isMinerFault(verdict) ? 'failed' : 'unmeasured';
}

function placeOf({ result, image, digest }: RankedEntry): Place {
  const { key, hotkey, commitBlock } = result;
  return { key, hotkey, commitBlock, image, digest, score: scoreOf(result), infraRounds: 0 };
}

/** A round as the ranking reads it. */
type Round = {
  readonly entries: readonly RankedEntry[];
  readonly rules: RankingRules;
  /** The standing winner and runner-up, each with its entry of this round; null: no such place. */
  readonly winner: { readonly place: Place; readonly entry: RankedEntry } | null;
  readonly runnerUp: { readonly place: Place; readonly entry: RankedEntry } | null;
  /** Rounds in a row, this one included, that could not measure the winner alone. */
  readonly infraRounds: number;
};

function readRound(
  entries: readonly RankedEntry[],
  standing: Standing,
  rules: RankingRules,
): Round {
  const held = (place: Place | null): Round['winner'] => {
    const entry = entries.find(({ result }) => result.key === place?.key);
    return place && entry ? { place, entry } : null;
  };
  const winner = held(standing.winner);
  const round = { entries, rules, winner, runnerUp: held(standing.runnerUp) };
  return { ...round, infraRounds: infraRoundsOf(entries, winner) };
}

/**
 * "Of the winner alone": a round that could measure no other entry says nothing about the winner.
 */
function infraRoundsOf(entries: readonly RankedEntry[], winner: Round['winner']): number {
  if (!winner || outcomeOf(winner.entry) !== 'unmeasured') return 0;
  const others = entries.some((entry) => outcomeOf(entry) === 'measured');
  return winner.place.infraRounds + (others ? 1 : 0);
}

/** What a challenger has to pass in one boot. */
function barOf(
  { winner, rules, infraRounds }: Round,
  at: { readonly shard: number; readonly boot: number },
): Bar {
  if (!winner) return { kind: 'none' };
  const outcome = outcomeOf(winner.entry);
  if (outcome === 'failed') return { kind: 'none' };
  if (outcome === 'unmeasured')
    return infraRounds <= rules.winnerInfraBar
      ? { kind: 'shut' }
      : { kind: 'point', score: winner.place.score };
  const run = winner.entry.result.boots.find(
    ({ boot, shard }) => boot === at.boot && shard === at.shard,
  );
  return run
    ? { kind: 'fresh', score: run.score, promptScores: run.promptScores }
    : { kind: 'shut' };
}

/** Why a challenger takes over or does not: it must in every boot, and in as many as the arena's. */
function decide(round: Round, { result }: RankedEntry): Decision {
  const boots = result.boots.map((run) => ({
    boot: run.boot,
    ...decideBoot(run, barOf(round, run), round.rules),
  }));
  const takesOver = boots.length >= round.rules.boots && boots.every((boot) => boot.takesOver);
  return { key: result.key, takesOver, boots };
}

/** The winner as this round leaves it, before any takeover; null where it lost its place. */
function keptWinner({ winner, rules, infraRounds }: Round): Place | null {
  if (!winner) return null;
  const outcome = outcomeOf(winner.entry);
  if (outcome === 'measured') return placeOf(winner.entry);
  return outcome === 'unmeasured' && infraRounds < rules.winnerInfraLoss
    ? { ...winner.place, infraRounds }
    : null;
}

/** The runner-up with its fresh score, or its last one where this round could not measure it. */
function keptRunnerUp({ runnerUp }: Round): Place | null {
  if (!runnerUp) return null;
  const outcome = outcomeOf(runnerUp.entry);
  if (outcome === 'measured') return placeOf(runnerUp.entry);
  return outcome === 'unmeasured' ? runnerUp.place : null;
}

/** A winner without a positive score gives way to the runner-up too, if that has one. */
function winnerOf(crowned: readonly Place[], kept: Place | null, second: Place | null) {
  if (kept && kept.score > 0) return crowned[0] ?? kept;
  const candidates = second && second.score > 0 ? [...crowned, second] : crowned;
  return [...candidates].sort(better)[0] ?? kept;
}

/** Everyone who may be second: better than the baseline beyond doubt in every boot, or kept. */
function secondPlace(round: Round, winner: Place | null, kept: readonly (Place | null)[]) {
  const proven = ({ result: { boots } }: RankedEntry): boolean =>
    boots.every((boot) => lowerBound(boot.promptScores, round.rules.bootSd) > 0);
  const candidates = [
    ...round.entries
      .filter((entry) => outcomeOf(entry) === 'measured' && proven(entry))
      .map(placeOf),
    ...kept.filter((place) => place !== null),
  ];
  return (
    candidates.filter(({ score, key }) => score > 0 && key !== winner?.key).sort(better)[0] ?? null
  );
}

/**
 * The holders of the throne and of the second place after a round (RULES "Ranking order", RULES
 * "New winner", RULES "Second place"). The order of `entries` does not matter. A winner in INFRA
 * keeps its last score; too many such rounds cost it the place.
 */
export function rank(
  entries: readonly RankedEntry[],
  standing: Standing,
  rules: RankingRules,
): Ranking {
  const round = readRound(entries, standing, rules);
  const challengers = entries.filter(
    (entry) => entry.result.role === 'challenger' && outcomeOf(entry) === 'measured',
  );
  const decisions = challengers
    .map((entry) => decide(round, entry))
    .sort((a, b) => compare(a.key, b.key));
  const crowned = challengers
    .filter(({ result }) => decisions.some(({ key, takesOver }) => takesOver && key === result.key))
    .map(placeOf)
    .sort(better);
  const kept = keptWinner(round);
  const second = keptRunnerUp(round);
  const winner = winnerOf(crowned, kept, second);
  // Measured ones are among the entries already.
  const unmeasured = [
    round.runnerUp && outcomeOf(round.runnerUp.entry) === 'unmeasured' ? second : null,
    round.winner && outcomeOf(round.winner.entry) === 'unmeasured' ? kept : null,
  ];
  return { winner, runnerUp: secondPlace(round, winner, unmeasured), decisions };
}
