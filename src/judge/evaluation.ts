// Plan and verdict of a single evaluation of a server outside of the competition's rounds.
import { isMinerFault } from '../schema/verdicts.ts';
import { whyOf } from '../schema/reasons.ts';
import { type Bar, decideBoot } from '../arena/takeover.ts';
import type { Log } from '../core/log.ts';
import type { Tokenizer } from '../core/tokenizer.ts';
import type { ArmVerdict, BaselineReading } from './arm.ts';
import { readBoot } from './boot.ts';
import type { Corpus } from '../prompts/corpus.ts';
import { suiteHash } from '../prompts/sampler.ts';
import { bootSuite, poolsOf } from '../prompts/suites.ts';
import type { Arena } from '../schema/arena.ts';
import { DocumentError } from '../schema/errors.ts';
import type { EvalPlan } from '../schema/evaluation-plan.ts';
import type { ArmReport, Report } from '../schema/report.ts';
import type { Trace } from '../schema/trace.ts';

/** Traces of an evaluation, by role and run. */
export type EvalTraces = (name: string, run: number) => Trace | null;

/** The plan of one evaluation. */
export function evalPlan(
  arena: Arena,
  corpus: Corpus,
  tokenizer: Tokenizer,
  { blockHash, targets }: Pick<EvalPlan, 'blockHash' | 'targets'>,
): EvalPlan {
  const prompts = bootSuite(arena, { corpus, tokenizer }, blockHash, 1);
  return {
    schema: 1,
    kind: 'evaluation',
    arena,
    blockHash,
    tokenizerSha256: tokenizer.id,
    corpus: corpus.id,
    promptSuiteSha256: suiteHash(prompts),
    prompts,
    targets,
  };
}

const finite = (value: number | undefined): number | null =>
  value !== undefined && Number.isFinite(value) ? value : null;
const wholeNs = (value: number | undefined): number | null =>
  value !== undefined && Number.isFinite(value) ? Math.round(value) : null;

/** What one arm came to beside its baseline, in the form of the report. */
export function armReport(arm: ArmVerdict, baseline: BaselineReading): ArmReport {
  const base = baseline.ok ? baseline : null;
  return {
    schema: 1,
    verdict: arm.verdict,
    ...whyOf(arm),
    score: arm.score,
    ttft: {
      baselineNs: wholeNs(base?.summary.ttftNs),
      challengerNs: wholeNs(arm.summary?.ttftNs),
      improvement: finite(arm.improvement?.ttft),
    },
    throughput: {
      baselineTokensPerSecond: finite(base?.summary.tokensPerSecond),
      challengerTokensPerSecond: finite(arm.summary?.tokensPerSecond),
      improvement: finite(arm.improvement?.throughput),
    },
    gate: arm.gate && { ...arm.gate, reasons: [...arm.gate.reasons] },
    drift: base?.drift ?? null,
    prompts: arm.timings.map((timing, i) => {
      const other = base!.timings[i]!;
      return {
        index: timing.index,
        ttftNs: { baseline: wholeNs(other.ttftNs), challenger: wholeNs(timing.ttftNs) },
        tokens: { baseline: other.tokens, challenger: timing.tokens },
        tokensPerSecond: { baseline: other.tokensPerSecond, challenger: timing.tokensPerSecond },
        score: arm.promptScores[i]!,
      };
    }),
  };
}

/** What the challenger of one evaluation must beat: the incumbent's fresh score, if it has one. */
function barOf({ verdict, score, promptScores }: ArmVerdict): Bar {
  if (verdict === 'VALID') return { kind: 'fresh', score, promptScores };
  return { kind: isMinerFault(verdict) ? 'none' : 'shut' };
}

/**
 * Judges one evaluation from its plan and traces alone. Pure: the same folder gives the same bytes
 * anywhere.
 */
export function judgeEvaluation(
  plan: EvalPlan,
  traces: EvalTraces,
  tokenizer: Tokenizer,
  log?: Log,
): Report {
  if (tokenizer.id !== plan.tokenizerSha256)
    throw new DocumentError(
      'BAD_PLAN',
      'usage',
      `the plan's tokenizer has sha256 ${plan.tokenizerSha256}, this one ${tokenizer.id}`,
      'judge with the pinned tokenizer',
    );
  const context = { arena: plan.arena, tokenizer, prompts: poolsOf(plan.prompts) };
  const reading = readBoot({
    given: traces,
    context,
    place: 'this evaluation',
    belongs: () => true,
  });
  const { baseline } = reading;
  const arm = (role: string): ArmVerdict => {
    const verdict = reading.judge(role, null);
    if (verdict) return verdict;
    throw new DocumentError(
      'BAD_TRACE',
      'usage',
      `the ${role} has no trace`,
      'fetch the traces again, or measure again',
    );
  };
  const challenger = arm('challenger');
  const incumbent = plan.targets.incumbent === null ? null : arm('incumbent');
  if (incumbent) log?.info(`incumbent: ${incumbent.verdict}, score ${incumbent.score.toFixed(4)}`);
  let takeover: Report['takeover'] = null;
  if (incumbent) {
    const bar = barOf(incumbent);
    const decision =
      challenger.verdict === 'VALID'
        ? decideBoot(
            { score: challenger.score, promptScores: challenger.promptScores },
            bar,
            plan.arena,
          )
        : null;
    takeover = {
      takesOver: decision?.takesOver ?? false,
      lowerBound: finite(decision?.lowerBound),
      bar: finite(decision?.bar),
    };
  }
  return { ...armReport(challenger, baseline), takeover };
}
