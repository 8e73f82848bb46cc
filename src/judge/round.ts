// Judges a whole round from its signed plan and its traces: verdicts, takeovers, ranking.
import { isGone } from '../arena/history.ts';
import { rank, type RankedEntry, type Ranking } from '../arena/ranking.ts';
import type { Tokenizer } from '../core/tokenizer.ts';
import type { EntryResult } from '../ledger/verified-result.ts';
import { type LedgerRecord, verifyResults } from '../ledger/verify.ts';
import { parseArena } from '../schema/arena.ts';
import { DocumentError } from '../schema/errors.ts';
import { tracePath } from '../schema/paths.ts';
import type { RoundBody, RoundEntry } from '../schema/records.ts';
import { because, said, whyOf } from '../schema/reasons.ts';
import { isMinerFault, type Verdict } from '../schema/verdicts.ts';
import {
  type BootPlace,
  type BootResult,
  judgeBoot,
  type Judging,
  type RoundTraces,
} from './planned-boot.ts';

type Plan = LedgerRecord<'plan'>;

/**
 * 6 h of blocks of 12 s: an image that is gone in two rounds this far apart has left (RULES "Image
 * gone").
 */
const GONE_BLOCKS = 1800;

const NOT_MEASURED = {
  verdict: 'INFRA_HOST' as const,
  ...because('not-measured', 'not measured'),
};

/** One entry's result over its boots: the first fault is the verdict. */
function resultOf(plan: Plan, key: string, boots: readonly BootResult[]): EntryResult {
  const { hotkey, commitBlock, role, goneSince } = plan.predicate.submissions.find(
    (submission) => submission.key === key,
  )!;
  // A server's own fault counts, also where another shard or boot could not measure the server.
  const fault =
    boots.find((boot) => isMinerFault(boot.verdict)) ??
    boots.find((boot) => boot.verdict !== 'VALID');
  const seen = fault ?? boots.at(-1) ?? NOT_MEASURED;
  // The runner read the arena's own images in this round before any miner's: so the network works.
  const left =
    isGone(boots) &&
    goneSince !== undefined &&
    plan.predicate.block.number - goneSince >= GONE_BLOCKS;
  const verdict = left ? 'E_REF' : seen.verdict;
  const why = left ? said(`${seen.reason}, as it was at block ${goneSince}`, seen) : whyOf(seen);
  const scores =
    verdict === 'VALID'
      ? boots.map(({ shard, boot, report, promptScores }) => ({
          shard,
          boot,
          score: report.score,
          promptScores,
        }))
      : [];
  return { key, hotkey, commitBlock, role: role!, verdict, ...why, boots: scores };
}

function rankNow(
  { plan, arena }: Pick<Judging, 'plan' | 'arena'>,
  results: readonly EntryResult[],
): Ranking {
  const entries = verifyResults(plan, results).map((result): RankedEntry => {
    const { image, digest } = plan.predicate.submissions.find(
      (submission) => submission.key === result.key,
    )!;
    return { result, image: image!, digest: digest! };
  });
  return rank(entries, plan.predicate.standing, arena);
}

/** Challengers that said yes in this boot: only they are worth another. */
function continuing(
  { plan, arena }: Judging,
  judged: ReadonlyMap<string, BootResult>,
  challengers: readonly string[],
): string[] {
  const everyone = plan.predicate.submissions
    .filter(({ status }) => status === 'evaluate')
    .map(({ key }) => resultOf(plan, key, judged.has(key) ? [judged.get(key)!] : []));
  const { decisions } = rankNow({ plan, arena: { ...arena, boots: 1 } }, everyone);
  return challengers.filter((key) =>
    decisions.some((decision) => decision.key === key && decision.takesOver),
  );
}

/** Incumbents and challengers of a shard. */
export function sidesOf(
  plan: Plan,
  shard: number,
): { incumbents: string[]; challengers: string[] } {
  const { entries } = plan.predicate.shards.find(({ index }) => index === shard)!;
  const challengers = entries.filter((key) =>
    plan.predicate.submissions.some(
      (submission) => submission.key === key && submission.role === 'challenger',
    ),
  );
  return { challengers, incumbents: entries.filter((key) => !challengers.includes(key)) };
}

/** For the runner: which challengers go on to the next boot, from the traces of this one. */
export function goesOn(judging: Judging, at: BootPlace, challengers: readonly string[]): string[] {
  const keys = [...sidesOf(judging.plan, at.shard).incumbents, ...challengers];
  return continuing(judging, judgeBoot(judging, at, keys), challengers);
}

/** What each shard's machine said of itself, from the header of its first trace. */
function hostsOf(plan: Plan, traces: RoundTraces): NonNullable<RoundBody['hosts']> {
  const hosts: NonNullable<RoundBody['hosts']> = {};
  for (const { index } of plan.predicate.shards) {
    const header = traces.get(tracePath(index, 1, 'baseline', 1))?.header;
    if (typeof header?.['host'] === 'object' && header['host'] !== null)
      hosts[index] = { ...header['host'], clock: header['clock'] ?? null };
  }
  return hosts;
}

/** Every boot that took place, by entry: the next one only for challengers that said yes. */
function judgeBoots(judging: Judging): Map<string, BootResult[]> {
  const { plan, arena } = judging;
  const boots = new Map<string, BootResult[]>();
  for (const { index: shard } of plan.predicate.shards) {
    const { incumbents, challengers } = sidesOf(plan, shard);
    let left = challengers;
    for (let boot = 1; boot <= arena.boots && left.length > 0; boot++) {
      const judged = judgeBoot(judging, { shard, boot }, [...incumbents, ...left]);
      for (const [key, result] of judged) boots.set(key, [...(boots.get(key) ?? []), result]);
      left = continuing(judging, judged, left);
    }
  }
  return boots;
}

/** The row of a submission in its round; null where the round has nothing to say of it. */
function entryOf(
  submission: Plan['predicate']['submissions'][number],
  result: EntryResult | undefined,
  boots: readonly BootResult[],
): RoundEntry | null {
  const { key, hotkey, uid, commitBlock, image, digest, role } = submission;
  const base = { key, hotkey, uid, commitBlock, image, digest, role };
  if (!result) {
    const { status, verdict } = submission;
    if (status !== 'rejected') return null;
    return { ...base, verdict: verdict as Verdict, ...whyOf(submission), score: 0, boots: [] };
  }
  const scores = result.boots.map(({ score }) => score);
  const least = role === 'challenger' ? Math.min(...scores) : scores[0];
  return {
    ...base,
    verdict: result.verdict,
    ...whyOf(result),
    score: scores.length === 0 ? 0 : least!,
    boots: boots.map(({ shard, boot, report }) => ({ shard, boot, report })),
  };
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** Decisions as a record holds them: numbers that are not finite are null. */
const decisionsOf = ({ decisions }: Ranking): RoundBody['decisions'] =>
  decisions.map(({ key, takesOver, boots }) => ({
    key,
    takesOver,
    boots: boots.map(({ boot, takesOver: own, bar, lowerBound }) => ({
      boot,
      takesOver: own,
      bar: finite(bar),
      lowerBound: finite(lowerBound),
    })),
  }));

/**
 * Judges a whole round from its signed plan and its traces: verdicts, takeovers, standing. Pure and
 * deterministic: the same bytes on every machine. An entry that no runner measured is INFRA_HOST,
 * never a loss for the miner.
 */
export function judgeRound(plan: Plan, traces: RoundTraces, tokenizer: Tokenizer): RoundBody {
  const arena = parseArena(plan.predicate.arena, 'the plan');
  if (tokenizer.id !== plan.predicate.tokenizerSha256)
    throw new DocumentError(
      'BAD_PLAN',
      'usage',
      `the plan's tokenizer has sha256 ${plan.predicate.tokenizerSha256}, this one ${tokenizer.id}`,
      'judge with the pinned tokenizer',
    );
  const boots = judgeBoots({ plan, arena, tokenizer, traces });
  const { submissions } = plan.predicate;
  const results = submissions
    .filter(({ status }) => status === 'evaluate')
    .map(({ key }) => resultOf(plan, key, boots.get(key) ?? []));
  const ranking = rankNow({ plan, arena }, results);
  const body = {
    entries: submissions.flatMap((submission) => {
      const { key } = submission;
      const result = results.find((item) => item.key === key);
      return entryOf(submission, result, boots.get(key) ?? []) ?? [];
    }),
    decisions: decisionsOf(ranking),
    standing: { winner: ranking.winner, runnerUp: ranking.runnerUp },
  };
  const hosts = hostsOf(plan, traces);
  return Object.keys(hosts).length === 0 ? body : { ...body, hosts };
}
