// Judges a whole round from its signed plan and its traces: verdicts, takeovers, ranking.
import { isGone } from '../arena/history.ts';
import { rank, type RankedEntry, type Ranking } from '../arena/ranking.ts';
import { compactJson } from '../core/canonical.ts';
import type { Tokenizer } from '../core/tokenizer.ts';
import type { ArmVerdict } from './arm.ts';
import { readBoot, runOf } from './boot.ts';
import { suiteHash } from '../prompts/sampler.ts';
import type { BootPrompts } from '../prompts/suites.ts';
import { CHAT_TEMPLATES } from '../prompts/template.ts';
import type { EntryResult } from '../ledger/verified-result.ts';
import { type LedgerRecord, verifyResults } from '../ledger/verify.ts';
import { type Arena, parseArena } from '../schema/arena.ts';
import { DocumentError } from '../schema/errors.ts';
import { tracePath } from '../schema/paths.ts';
import type { Message, Prompt } from '../schema/prompt.ts';
import type { RoundBody, RoundEntry } from '../schema/records.ts';
import { requestBody } from '../schema/request.ts';
import type { Trace } from '../schema/trace.ts';
import type { Verdict } from '../schema/verdicts.ts';
import { armReport } from './evaluation.ts';

/**
 * 6 h of blocks of 12 s: an image that is gone in two rounds this far apart has left (RULES "Image
 * gone").
 */
const GONE_BLOCKS = 1800;

/** Traces of a round by path. */
export type RoundTraces = ReadonlyMap<string, Trace>;
type BootResult = RoundEntry['boots'][number] & {
  readonly verdict: Verdict;
  readonly reason: string;
  readonly promptScores: readonly (number | null)[];
};

const poolsOf = (arena: Arena): BootPrompts => {
  const range = (from: number, to: number): number[] =>
    Array.from({ length: to - from }, (_, i) => from + i);
  return {
    warmup: range(0, arena.warmupPrompts),
    scored: range(arena.warmupPrompts, arena.warmupPrompts + arena.scoredPrompts),
  };
};

/** The suite that a trace's requests spell out: it must hash to the signed plan's. */
function suiteOf(trace: Trace, tokenizer: Tokenizer, arena: Arena): Prompt[] {
  const render = CHAT_TEMPLATES[arena.model.chatTemplate];
  return trace.requests.map(({ prompt, warmup, body }) => {
    const messages = (body['messages'] ?? []) as Message[];
    return {
      index: prompt,
      pool: warmup ? 'warmup' : 'scored',
      messages,
      tokens: tokenizer.encodePrompt(render(messages, arena.model.systemMessage)).length,
    };
  });
}

/** Judges one boot of one shard: every entry that was to run in it. */
function judgeBoot(
  plan: LedgerRecord<'plan'>,
  arena: Arena,
  tokenizer: Tokenizer,
  traces: RoundTraces,
  shard: number,
  boot: number,
  keys: readonly string[],
): Map<string, BootResult> {
  const context = { arena, tokenizer, prompts: poolsOf(arena) };
  const trace = (name: string, run: number): Trace | null =>
    traces.get(tracePath(shard, boot, name, run)) ?? null;
  const place = `shard ${shard}, boot ${boot}`;
  const belongs = ({ header }: Trace): boolean =>
    header.shard === shard &&
    header.boot === boot &&
    header.blockHash === plan.predicate.seed &&
    (header.role === 'baseline') === (header.key === null);
  const reading = readBoot(trace, context, place, belongs, (key, own, baseline) => {
    if (own.header.key !== key) return false;
    assertSamePrompts(own, baseline, key);
    return true;
  });
  const { baseline, first, attempt } = reading;
  if (first && baseline.ok) {
    const path = tracePath(shard, boot, 'baseline', runOf(attempt, 'first'));
    const expected = plan.predicate.promptSuites.find((suite) => suite.boot === boot)?.sha256;
    if (suiteHash(suiteOf(first, tokenizer, arena)) !== expected)
      throw new DocumentError(
        'BAD_TRACE',
        'usage',
        `${path} asks other prompts than the plan`,
        'the trace belongs to another plan, or was edited',
      );
    assertPlannedRequests(first, arena, path);
  }
  const results = new Map<string, BootResult>();
  for (const key of keys) {
    const history =
      plan.predicate.submissions.find((submission) => submission.key === key)?.history ?? null;
    const missing = {
      verdict: 'INFRA_HOST' as const,
      reason: `${place}: no usable trace`,
      score: 0,
      gate: null,
      summary: null,
      improvement: null,
      timings: [],
      promptScores: [],
    };
    const arm = judgeOwn(() => reading.judge(key, history)) ?? missing;
    const { verdict, reason, promptScores } = arm;
    results.set(key, {
      shard,
      boot,
      verdict,
      reason,
      promptScores,
      report: armReport(arm, baseline),
    });
  }
  return results;
}

/**
 * Null where an entry's trace is cut or belongs elsewhere: an infrastructure fault, and no reason
 * to lose the whole round.
 */
function judgeOwn(judge: () => ArmVerdict | null): ArmVerdict | null {
  try {
    return judge();
  } catch (error) {
    if (error instanceof DocumentError && error.code === 'BAD_TRACE') return null;
    throw error;
  }
}

/**
 * Every field of a request must be the arena's: a dishonest runner could ask all arms the same
 * wrong thing, say another temperature or fewer tokens.
 */
function assertPlannedRequests(trace: Trace, arena: Arena, name: string): void {
  for (const { prompt, warmup, body } of trace.requests) {
    const messages = (body['messages'] ?? []) as Message[];
    const planned = requestBody(
      { index: prompt, pool: warmup ? 'warmup' : 'scored', messages, tokens: 0 },
      arena,
    );
    if (compactJson(planned) !== compactJson(body))
      throw new DocumentError(
        'BAD_TRACE',
        'usage',
        `${name}: the request of prompt ${prompt} is not the arena's`,
        'the trace belongs to another plan, or was edited',
      );
  }
}

function assertSamePrompts(own: Trace, baseline: Trace, name: string): void {
  for (const { prompt, body } of own.requests) {
    const other = baseline.requests.find((request) => request.prompt === prompt);
    if (other && JSON.stringify(other.body) !== JSON.stringify(body))
      throw new DocumentError(
        'BAD_TRACE',
        'usage',
        `${name}: prompt ${prompt} differs from the baseline's`,
        'the trace belongs to another plan, or was edited',
      );
  }
}

/** One entry's result over its boots: the first fault is the verdict. */
function resultOf(
  plan: LedgerRecord<'plan'>,
  key: string,
  boots: readonly BootResult[],
): EntryResult {
  const { hotkey, commitBlock, role, goneSince } = plan.predicate.submissions.find(
    (submission) => submission.key === key,
  )!;
  // A server's own fault counts, also where another shard or boot could not measure the server.
  const fault =
    boots.find((boot) => boot.verdict.startsWith('E_')) ??
    boots.find((boot) => boot.verdict !== 'VALID');
  const seen = fault ?? boots.at(-1) ?? { verdict: 'INFRA_HOST' as const, reason: 'not measured' };
  // The runner read the arena's own images in this round before any miner's: so the network works.
  const left =
    isGone(boots) &&
    goneSince !== undefined &&
    plan.predicate.block.number - goneSince >= GONE_BLOCKS;
  const verdict = left ? 'E_REF' : seen.verdict;
  const reason = left ? `${seen.reason}, as it was at block ${goneSince}` : seen.reason;
  const scores =
    verdict === 'VALID'
      ? boots.map(({ shard, boot, report, promptScores }) => ({
          shard,
          boot,
          score: report.score,
          promptScores,
        }))
      : [];
  return { key, hotkey, commitBlock, role: role!, verdict, reason, boots: scores };
}

function rankNow(
  plan: LedgerRecord<'plan'>,
  arena: Arena,
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
  plan: LedgerRecord<'plan'>,
  arena: Arena,
  judged: ReadonlyMap<string, BootResult>,
  challengers: readonly string[],
): string[] {
  const everyone = plan.predicate.submissions
    .filter(({ status }) => status === 'evaluate')
    .map(({ key }) => resultOf(plan, key, judged.has(key) ? [judged.get(key)!] : []));
  const { decisions } = rankNow(plan, { ...arena, boots: 1 }, everyone);
  return challengers.filter((key) =>
    decisions.some((decision) => decision.key === key && decision.takesOver),
  );
}

/** Incumbents and challengers of a shard. */
export function sidesOf(
  plan: LedgerRecord<'plan'>,
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
export function goesOn(
  plan: LedgerRecord<'plan'>,
  arena: Arena,
  tokenizer: Tokenizer,
  traces: RoundTraces,
  shard: number,
  boot: number,
  challengers: readonly string[],
): string[] {
  const keys = [...sidesOf(plan, shard).incumbents, ...challengers];
  return continuing(
    plan,
    arena,
    judgeBoot(plan, arena, tokenizer, traces, shard, boot, keys),
    challengers,
  );
}

/** What each shard's machine said of itself, from the header of its first trace. */
function hostsOf(plan: LedgerRecord<'plan'>, traces: RoundTraces): NonNullable<RoundBody['hosts']> {
  const hosts: NonNullable<RoundBody['hosts']> = {};
  for (const { index } of plan.predicate.shards) {
    const header = traces.get(tracePath(index, 1, 'baseline', 1))?.header;
    if (typeof header?.['host'] === 'object' && header['host'] !== null)
      hosts[index] = { ...header['host'], clock: header['clock'] ?? null };
  }
  return hosts;
}

/**
 * Judges a whole round from its signed plan and its traces: verdicts, takeovers, standing. Pure and
 * deterministic: the same bytes on every machine. An entry that no runner measured is INFRA_HOST,
 * never a loss for the miner.
 */
export function judgeRound(
  plan: LedgerRecord<'plan'>,
  traces: RoundTraces,
  tokenizer: Tokenizer,
): RoundBody {
  const arena = parseArena(plan.predicate.arena, 'the plan');
  if (tokenizer.id !== plan.predicate.tokenizerSha256)
    throw new DocumentError(
      'BAD_PLAN',
      'usage',
      `the plan's tokenizer has sha256 ${plan.predicate.tokenizerSha256}, this one ${tokenizer.id}`,
      'judge with the pinned tokenizer',
    );
  const boots = new Map<string, BootResult[]>();
  for (const { index: shard } of plan.predicate.shards) {
    const { incumbents, challengers } = sidesOf(plan, shard);
    let left = challengers;
    for (let boot = 1; boot <= arena.boots && left.length > 0; boot++) {
      const judged = judgeBoot(plan, arena, tokenizer, traces, shard, boot, [
        ...incumbents,
        ...left,
      ]);
      for (const [key, result] of judged) boots.set(key, [...(boots.get(key) ?? []), result]);
      left = continuing(plan, arena, judged, left);
    }
  }
  const results = plan.predicate.submissions
    .filter(({ status }) => status === 'evaluate')
    .map(({ key }) => resultOf(plan, key, boots.get(key) ?? []));
  const ranking = rankNow(plan, arena, results);
  const entries = plan.predicate.submissions.flatMap(
    ({
      key,
      hotkey,
      uid,
      commitBlock,
      image,
      digest,
      role,
      status,
      verdict,
      reason,
    }): RoundEntry[] => {
      const base = { key, hotkey, uid, commitBlock, image, digest, role };
      const result = results.find((item) => item.key === key);
      if (result) {
        const scores = result.boots.map(({ score }) => score);
        const least = role === 'challenger' ? Math.min(...scores) : scores[0];
        const score = scores.length === 0 ? 0 : least!;
        return [
          {
            ...base,
            verdict: result.verdict,
            reason: result.reason,
            score,
            boots: (boots.get(key) ?? []).map(({ shard, boot, report }) => ({
              shard,
              boot,
              report,
            })),
          },
        ];
      }
      return status === 'rejected'
        ? [{ ...base, verdict: verdict as Verdict, reason, score: 0, boots: [] }]
        : [];
    },
  );
  const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
  const decisions = ranking.decisions.map(({ key, takesOver, boots: list }) => ({
    key,
    takesOver,
    boots: list.map((boot) => ({
      boot: boot.boot,
      takesOver: boot.takesOver,
      bar: finite(boot.bar),
      lowerBound: finite(boot.lowerBound),
    })),
  }));
  const hosts = hostsOf(plan, traces);
  const body = {
    entries,
    decisions,
    standing: { winner: ranking.winner, runnerUp: ranking.runnerUp },
  };
  return Object.keys(hosts).length === 0 ? body : { ...body, hosts };
}
