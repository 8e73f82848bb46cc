// Verdict on a measured server: its answers, faults and timings beside those of the baseline.
import { promptScore } from '../arena/takeover.ts';
import { DocumentError } from '../schema/errors.ts';
import { because, type Reasoned, whyOf } from '../schema/reasons.ts';
import type { Trace } from '../schema/trace.ts';
import { isInfraFault, type Verdict } from '../schema/verdicts.ts';
import { acceptedEnds, gateOf } from './arm-gate.ts';
import { type ArmReading, cutTrace, type JudgeContext, readArm } from './arm-reading.ts';
import { arrivalsOf, type Baseline, type BaselineReading, paceCapNs } from './baseline.ts';
import { gateReasons } from './gate-reasons.ts';
import type { GateResult } from './margin-gate.ts';
import { type ArmSummary, improvements, type PromptTiming, score, summarise } from './score.ts';
import { tokensPerSecond, ttftNs } from './timing.ts';
import { slowLimitsNs, type TooSlow, tooSlowAt } from './allowance.ts';

/** What one boot says about one arm. Numbers are null where a fault left nothing to measure. */
export type ArmVerdict = Readonly<Reasoned> & {
  readonly verdict: Verdict;
  readonly score: number;
  readonly gate: GateResult | null;
  readonly summary: ArmSummary | null;
  readonly improvement: { readonly ttft: number; readonly throughput: number } | null;
  readonly timings: readonly PromptTiming[];
  /** s(i) by prompt; null where the answer had no content. */
  readonly promptScores: readonly (number | null)[];
};

export const withoutNumbers = (verdict: Verdict, why: Readonly<Reasoned>): ArmVerdict => ({
  verdict,
  ...whyOf(why),
  score: 0,
  gate: null,
  summary: null,
  improvement: null,
  timings: [],
  promptScores: [],
});

/** How an arm is looked at. */
export type Look = {
  /** Whether the baseline was asked the same prompts: in boot 1 alone. */
  readonly same: boolean;
  /** `times` before the reference forced anything: no gate is asked. */
  readonly look?: 'all' | 'times';
};

/** Timings of the scored prompts beside the baseline's (RULES "TTFT", RULES "Throughput"). */
function timingsOf(
  arm: ArmReading,
  baseline: Baseline,
  context: JudgeContext,
  same: boolean,
): PromptTiming[] {
  const { arena, prompts } = context;
  const ends = acceptedEnds(arm, context);
  return prompts.scored.map((index) => {
    const arrivals = arrivalsOf(arm, index);
    const tokens = arrivals.arrivalsNs.length;
    const theirs = same ? baseline.arm.answers.get(index)!.answer.arrivalsNs.length : tokens;
    const short = tokens < Math.ceil(arena.scoring.minTokensShare * theirs) && !ends.has(index);
    const k = Math.min(theirs, tokens);
    const yardstick = { k, paceCapNs: paceCapNs(baseline, index, same) };
    return {
      index,
      ttftNs: ttftNs(arrivals, yardstick, arena.scoring),
      tokens,
      tokensPerSecond: short ? 0 : tokensPerSecond(arrivals, yardstick),
    };
  });
}

/** When a run became too slow to go on; null where it never did. Throws `BAD_TRACE` for a false end. */
function slowAt(trace: Trace, baseline: Baseline, context: JudgeContext, same: boolean) {
  const { prompts, arena } = context;
  const others = prompts.warmup.length + prompts.scored.length;
  const limits = slowLimitsNs(baseline.arm.trace, arena.tooSlowFactor, same ? 'same' : { others });
  const slow = tooSlowAt(trace, limits);
  if (slow === null && trace.events.some(({ name }) => name === 'too-slow'))
    throw cutTrace(trace, 'it ends as too slow, and was not');
  return slow;
}

function tooSlow({ tookNs, limitNs }: TooSlow, factor: number): ArmVerdict {
  const [value, limit] = [tookNs, limitNs].map((ns) => ns / 1e9) as [number, number];
  const most = `${limit.toFixed(2)} s are ${factor} times the baseline's`;
  const detail = `its answers took ${value.toFixed(2)} s, ${most}`;
  return withoutNumbers('VALID', because('too-slow', detail, { value, limit }));
}

/** Judges one arm of a boot against the baseline of its shard's boot 1. */
export function judgeArm(
  trace: Trace,
  baseline: BaselineReading,
  context: JudgeContext,
  { same, look = 'all' }: Look,
): ArmVerdict {
  const arm = readArm(trace, context);
  const slow = baseline.ok ? slowAt(trace, baseline, context, same) : null;
  if (slow !== null && !(arm.fault && arm.fault.tNs < slow.atNs))
    return tooSlow(slow, context.arena.tooSlowFactor);
  // A miner's own fault stands whatever became of the baseline; so does a state that the server
  // left on the machine, which may be why there is no baseline.
  if (arm.fault && !isInfraFault(arm.fault.verdict))
    return withoutNumbers(arm.fault.verdict, arm.fault);
  if (!baseline.ok) return withoutNumbers(baseline.verdict, baseline);
  if (arm.fault) return withoutNumbers(arm.fault.verdict, arm.fault);
  if (arm.voided) return withoutNumbers(arm.voided.verdict, arm.voided);
  const gate = look === 'all' ? gateOf(arm, same ? baseline.arm : null, context) : null;
  if (gate && isWorthNothing(gate, context))
    return withoutNumbers('INFRA_ENGINE', because('no-teacher', 'no reference forced its answers'));
  return measuredVerdict(gate, timingsOf(arm, baseline, context, same), baseline, context);
}

/** A verdict by the fallback alone: the arena decides what that is worth, on a public network nothing. */
const isWorthNothing = ({ kind }: GateResult, { arena }: JudgeContext): boolean =>
  kind === 'first-divergence' && arena.network !== 'local';

function measuredVerdict(
  gate: GateResult | null,
  timings: readonly PromptTiming[],
  baseline: Baseline,
  { arena }: JudgeContext,
): ArmVerdict {
  const summary = summarise(timings);
  const passed = gate?.pass !== false;
  const why = gate
    ? gateReasons({ gate, rules: arena })
    : because('gate-unasked', 'times only: no reference has forced it yet');
  return {
    verdict: passed ? 'VALID' : 'E_GATE',
    ...why,
    score: score(passed, baseline.summary, summary, arena.scoring),
    gate,
    summary,
    improvement: improvements(baseline.summary, summary),
    timings,
    promptScores: timings.map((timing) =>
      Number.isFinite(timing.ttftNs) ? promptScore(baseline.summary, timing, arena.scoring) : null,
    ),
  };
}

/**
 * Null where an arm's trace is cut or belongs elsewhere: an infrastructure fault, and no reason to
 * lose the whole round.
 */
export function unlessCut<T>(judge: () => T | null): T | null {
  try {
    return judge();
  } catch (error) {
    if (error instanceof DocumentError && error.code === 'BAD_TRACE') return null;
    throw error;
  }
}
