// Who wins a round and who is runner-up, decided from verified results and the old standing.
import { compare } from '../core/order.ts';
import type { VerifiedResult } from '../ledger/verified-result.ts';
import type { Arena } from '../schema/arena.ts';
import { type Bar, type BootDecision, decideBoot, lowerBound } from './takeover.ts';

/** A holder of the throne or of the second place. `score` is its last valid one. */
export type Place = {
  readonly key: string;
  readonly hotkey: string;
  readonly commitBlock: number;
  readonly image: string;
  readonly digest: string;
  readonly score: number;
  readonly infraRounds: number;
};
export type Standing = { readonly winner: Place | null; readonly runnerUp: Place | null };

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

function barOf(
  standing: Place | null,
  fresh: VerifiedResult | undefined,
  at: { shard: number; boot: number },
  infraRounds: number,
  rules: RankingRules,
): Bar {
  if (!standing || !fresh) return { kind: 'none' };
  if (fresh.verdict === 'VALID') {
    const run = fresh.boots.find((item) => item.boot === at.boot && item.shard === at.shard);
    return run
      ? { kind: 'fresh', score: run.score, promptScores: run.promptScores }
      : { kind: 'shut' };
  }
  if (fresh.verdict.startsWith('E_')) return { kind: 'none' };
  return infraRounds <= rules.winnerInfraBar
    ? { kind: 'shut' }
    : { kind: 'point', score: standing.score };
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
  const place = ({ result, image, digest }: RankedEntry): Place => ({
    key: result.key,
    hotkey: result.hotkey,
    commitBlock: result.commitBlock,
    image,
    digest,
    score: scoreOf(result),
    infraRounds: 0,
  });
  const find = (key: string | undefined): RankedEntry | undefined =>
    entries.find((entry) => entry.result.key === key);
  const winnerEntry = find(standing.winner?.key);
  const runnerUpEntry = find(standing.runnerUp?.key);
  const winnerInfra =
    winnerEntry !== undefined &&
    !winnerEntry.result.verdict.startsWith('E_') &&
    winnerEntry.result.verdict !== 'VALID';
  // "of the winner alone": a round that could measure no other entry says nothing about the winner.
  const others = entries.some((entry) => entry !== winnerEntry && entry.result.verdict === 'VALID');
  const infraRounds = winnerInfra ? (standing.winner?.infraRounds ?? 0) + (others ? 1 : 0) : 0;

  const decisions: Decision[] = entries
    .filter((entry) => entry.result.role === 'challenger' && entry.result.verdict === 'VALID')
    .map(({ result }) => {
      const boots = result.boots.map((run) => {
        const bar = barOf(standing.winner, winnerEntry?.result, run, infraRounds, rules);
        return { boot: run.boot, ...decideBoot(run, bar, rules) };
      });
      return {
        key: result.key,
        takesOver: boots.length >= rules.boots && boots.every((boot) => boot.takesOver),
        boots,
      };
    })
    .sort((a, b) => (a.key < b.key ? -1 : 1));

  const crowned = decisions
    .filter((decision) => decision.takesOver)
    .map((decision) => place(find(decision.key)!))
    .sort(better);

  let kept: Place | null = null;
  if (standing.winner && winnerEntry) {
    if (winnerEntry.result.verdict === 'VALID') kept = place(winnerEntry);
    else if (winnerInfra && infraRounds < rules.winnerInfraLoss)
      kept = { ...standing.winner, infraRounds };
  }
  // The runner-up keeps its fresh score, or its last one where this round could not measure it.
  let second: Place | null = null;
  if (standing.runnerUp && runnerUpEntry) {
    const { verdict } = runnerUpEntry.result;
    if (verdict === 'VALID') second = place(runnerUpEntry);
    else if (!verdict.startsWith('E_')) second = standing.runnerUp;
  }

  let winner = crowned[0] ?? kept;
  if (!kept || kept.score <= 0) {
    const candidates = [...crowned, ...(second && second.score > 0 ? [second] : [])].sort(better);
    winner = candidates[0] ?? kept;
  }

  const remaining = [
    ...entries
      .filter(
        (entry) =>
          entry.result.verdict === 'VALID' &&
          entry.result.boots.every((boot) => lowerBound(boot.promptScores, rules.bootSd) > 0),
      )
      .map(place),
    ...(second && runnerUpEntry?.result.verdict !== 'VALID' ? [second] : []),
    ...(kept && winnerInfra ? [kept] : []),
  ]
    .filter((candidate) => candidate.score > 0 && candidate.key !== winner?.key)
    .sort(better);
  return { winner, runnerUp: remaining[0] ?? null, decisions };
}
