// Judges a whole round from its signed plan and its traces: verdicts, takeovers, ranking.
import { blameFor, type BlamedEntry } from '../arena/blame.ts';
import { rank, type Ranking } from '../arena/ranking.ts';
import { scoreOf } from '../arena/round-score.ts';
import { controlRatioOf, mostBoots } from '../arena/takeover.ts';
import type { Tokenizer } from '../core/tokenizer.ts';
import type { EntryResult } from '../ledger/verified-result.ts';
import type { LedgerRecord } from '../ledger/verify.ts';
import { parseArena } from '../schema/arena.ts';
import { DocumentError } from '../schema/errors.ts';
import { tracePath } from '../schema/paths.ts';
import type { RoundBody, RoundEntry } from '../schema/records.ts';
import { type Reasoned, whyOf } from '../schema/reasons.ts';
import { isFinal, type Verdict } from '../schema/verdicts.ts';
import { entryVerdict } from './entry-verdict.ts';
import type { DrawnPlan, RoundEvidence } from './drawn-plan.ts';
import { type BootResult, type Judging, suiteHashOf } from './planned-boot.ts';
import { calibrated } from './margin-limits.ts';
import { pooledFault } from './pooled-gate.ts';
import { headOf, judgeShard, plannedEntry, rankedEntries, type ShardResult } from './shard.ts';

type Plan = LedgerRecord<'plan'>;

/** Every shard, judged. */
type Judged = { readonly shards: readonly ShardResult[] };

const bootsOf = ({ shards }: Judged, key: string): BootResult[] =>
  shards.flatMap(({ boots }) => boots.get(key) ?? []);

/** Every entry that was to be measured, as far as blame goes. */
function seenIn({ predicate }: Plan, judged: Judged): BlamedEntry[] {
  return predicate.submissions
    .filter(({ status }) => status === 'evaluate')
    .map(({ key, image, role }) => ({ key, image, role, boots: bootsOf(judged, key) }));
}

/** What an entry's boots say together that none of them says alone; null where nothing. */
function togetherOf({ plan, arena }: Judging, key: string, boots: readonly BootResult[]) {
  const { calibration } = plan.predicate;
  const gates = boots.flatMap(({ report }) => (report.gate?.pass ? [report.gate] : []));
  const margins = calibration?.margins ?? null;
  const fault = pooledFault(gates, plannedEntry(plan, key).history, margins, arena);
  return fault && { verdict: 'E_GATE' as const, ...fault };
}

/** One entry's result over its shards and boots. */
function resultOf(
  judging: Judging,
  key: string,
  judged: Judged,
  all: readonly BlamedEntry[],
): EntryResult {
  const { plan } = judging;
  const head = headOf(plan, key);
  const boots = bootsOf(judged, key);
  const round = { all, block: plan.predicate.block.number };
  const seen = all.find((item) => item.key === key)!;
  const blame = blameFor(plannedEntry(plan, key), seen, round);
  const alone = blame ?? entryVerdict(head.role, boots);
  const found = alone.verdict === 'VALID' ? (togetherOf(judging, key, boots) ?? alone) : alone;
  // What was compared with an incumbent before its fault stays compared.
  const kept = found.verdict === 'VALID' || head.role !== 'challenger';
  const valid = kept ? boots.filter(({ verdict }) => verdict === 'VALID') : [];
  return {
    ...head,
    verdict: found.verdict,
    ...whyOf(found),
    boots: valid.flatMap(({ terms }) => (terms ? [terms] : [])),
    shards: [...new Set(boots.map(({ shard }) => shard))],
  };
}

function rankNow(
  { plan, arena }: Judging,
  judged: Judged,
  results: readonly EntryResult[],
): Ranking {
  const { calibration, controls, standing } = plan.predicate;
  const noise = calibration?.noise ?? null;
  const field = {
    entries: rankedEntries(plan, results),
    baselines: judged.shards.map(({ baseline }) => baseline),
    rules: arena,
    noise,
    controlRatio: controlRatioOf(controls, noise, arena),
  };
  return rank(field, standing);
}

/** What each shard's machine said of itself, from the header of its first trace. */
function hostsOf({ shards, traces }: Judging): NonNullable<RoundBody['hosts']> {
  const hosts: NonNullable<RoundBody['hosts']> = {};
  for (const { index } of shards) {
    const header = traces.get(tracePath(index, 1, 'baseline', 1))?.header;
    if (typeof header?.['host'] === 'object' && header['host'] !== null)
      hosts[index] = { ...header['host'], clock: header['clock'] ?? null };
  }
  return hosts;
}

/** Why an entry came to what it came to: of a challenger, how its try went too. */
function whyEntry(result: EntryResult, { tries }: Ranking): Reasoned {
  const decision = tries.find(({ key }) => key === result.key)?.decision;
  const slow = result.boots.every(({ prompts }) =>
    prompts.every(({ ttftNs }) => !Number.isFinite(ttftNs)),
  );
  if (!decision || slow) return whyOf(result);
  return { reason: decision.reason, reasons: [...result.reasons, ...decision.reasons] };
}

/** The part of a round's record that judging derives: what an audit compares. */
export function derivedPart(round: RoundBody): RoundBody {
  const { shards, promptSuites, entries, decisions, control, standing, hosts } = round;
  const body = { shards, promptSuites, entries, decisions, control, standing };
  return hosts === undefined ? body : { ...body, hosts };
}

/** The row of a submission in its round; null where the round has nothing to say of it. */
function entryOf(
  submission: Plan['predicate']['submissions'][number],
  result: EntryResult | undefined,
  boots: readonly BootResult[],
  ranking: Ranking,
): RoundEntry | null {
  const { key, hotkey, uid, commitBlock, image, digest, role } = submission;
  const base = { key, hotkey, uid, commitBlock, image, digest, role };
  if (!result) {
    const { status, verdict } = submission;
    if (status !== 'rejected') return null;
    const refused = { verdict: verdict as Verdict, ...whyOf(submission) };
    return { ...base, ...refused, score: 0, final: true, boots: [] };
  }
  return {
    ...base,
    verdict: result.verdict,
    ...whyEntry(result, ranking),
    score: scoreOf(result),
    final: isFinal(result.verdict) && !ranking.undecided.has(key),
    boots: boots.map(({ shard, boot, report }) => ({ shard, boot, report })),
  };
}

const finite = (value: number | null): number | null => (Number.isFinite(value) ? value : null);

/** Decisions as a record holds them: numbers that are not finite are null. */
function decisionsOf({ tries }: Ranking): RoundBody['decisions'] {
  return tries.map(({ key, shard, against, decision }) => ({
    ...{ key, shard, against, takesOver: decision.takesOver, goesOn: decision.goesOn },
    bar: finite(decision.bar),
    mean: finite(decision.mean),
    boots: decision.boots.map((step) => ({ ...step, z: finite(step.z) })),
    ...whyOf(decision),
  }));
}

/** The hashes of the prompts of every boot that asked any. */
function suitesOf(judging: Judging): RoundBody['promptSuites'] {
  const boots = Array.from({ length: mostBoots(judging.arena) }, (_, i) => i + 1);
  return judging.shards.flatMap(({ index: shard }) =>
    boots.flatMap((boot) => {
      const sha256 = suiteHashOf(judging, { shard, boot });
      return sha256 === null ? [] : [{ shard, boot, sha256 }];
    }),
  );
}

/**
 * Judges a whole round from its plan, its seed and its evidence: verdicts, takeovers, standing. Pure
 * and deterministic: the same bytes on every machine. An entry that no runner measured is
 * INFRA_HOST, never a loss for the miner. Throws `BAD_TRACE` where a boot was asked something else.
 */
export function judgeRound(
  drawn: DrawnPlan,
  evidence: RoundEvidence,
  tokenizer: Tokenizer,
): RoundBody {
  const { plan, shards } = drawn;
  const { calibration } = plan.predicate;
  const arena = calibrated(parseArena(plan.predicate.arena, 'the plan'), calibration);
  if (tokenizer.id !== plan.predicate.tokenizerSha256)
    throw new DocumentError(
      'BAD_PLAN',
      'usage',
      `the plan's tokenizer has sha256 ${plan.predicate.tokenizerSha256}, this one ${tokenizer.id}`,
      'judge with the pinned tokenizer',
    );
  const judging = { ...drawn, ...evidence, arena, tokenizer };
  const judged = { shards: shards.map(({ index }) => judgeShard(judging, index)) };
  const { submissions } = plan.predicate;
  const seen = seenIn(plan, judged);
  const results = seen.map(({ key }) => resultOf(judging, key, judged, seen));
  const ranking = rankNow(judging, judged, results);
  const body = {
    shards: shards.map(({ index, entries }) => ({ index, entries: [...entries] })),
    promptSuites: suitesOf(judging),
    entries: submissions.flatMap((submission) => {
      const result = results.find((item) => item.key === submission.key);
      return entryOf(submission, result, bootsOf(judged, submission.key), ranking) ?? [];
    }),
    decisions: decisionsOf(ranking),
    control: judged.shards.find(({ control }) => control !== null)?.control ?? null,
    standing: { winner: ranking.winner, runnerUp: ranking.runnerUp },
  };
  const hosts = hostsOf(judging);
  return Object.keys(hosts).length === 0 ? body : { ...body, hosts };
}
