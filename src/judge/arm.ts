// Verdict on a measured server: its answers, faults and timings beside those of the baseline.
import { verdictOfEvent } from '../schema/trace-events.ts';
import type { ImageHistory } from '../schema/submission.ts';
import { type Answer, type Fault, readAnswer } from '../answers/answer.ts';
import type { Tokenizer } from '../core/tokenizer.ts';
import type { BootPrompts } from '../prompts/suites.ts';
import type { MeasuringRules } from '../schema/arena.ts';
import { headerClockFault } from '../schema/clock-receipt.ts';
import { DocumentError } from '../schema/errors.ts';
import { missingPart } from '../schema/missing-part.ts';
import type { Trace } from '../schema/trace.ts';
import { because, type Reasoned, said, whyOf } from '../schema/reasons.ts';
import { isInfraFault, type Verdict } from '../schema/verdicts.ts';
import { divergenceGate, divergesHonestly } from './divergence-gate.ts';
import { gateReasons } from './gate-reasons.ts';
import { type GateResult, marginGate } from './margin-gate.ts';
import {
  type ArmSummary,
  drift,
  improvements,
  promptScore,
  type PromptTiming,
  score,
  summarise,
} from './score.ts';
import { tokensPerSecond, ttftNs } from './timing.ts';
import { voidSampleReason } from './void-samples.ts';
/** What judging needs beside the traces. */
export type JudgeContext = {
  readonly arena: MeasuringRules;
  readonly tokenizer: Tokenizer;
  readonly prompts: BootPrompts;
};

/** One arm's run, read: its answers by prompt, or the fault that ended it. */
export type ArmReading = {
  readonly trace: Trace;
  readonly fault: Fault | null;
  /** The first scored sample that the client itself spoilt. */
  readonly voided: Fault | null;
  readonly answers: ReadonlyMap<number, { answer: Answer; sentNs: number }>;
};

/**
 * Reads every answer of a run. Throws `BAD_TRACE` where the run was not ended by a fault and yet
 * lacks a prompt.
 */
export function readArm(trace: Trace, { arena, tokenizer, prompts }: JudgeContext): ArmReading {
  const faults: Fault[] = trace.events.flatMap(({ name, tNs, detail }) => {
    const verdict = verdictOfEvent(name);
    const sentence = detail === null ? name : `${name}: ${detail}`.slice(0, 300);
    return verdict === null ? [] : [{ verdict, ...because(name, sentence), tNs }];
  });
  const voids: Fault[] = [];
  const answers = new Map<number, { answer: Answer; sentNs: number }>();
  for (const request of trace.requests) {
    if (request.end === null) continue;
    const spoilt = voidSampleReason(request, arena.clock);
    if (spoilt !== null) {
      const fault = {
        verdict: 'INFRA_CLOCK',
        ...said(`prompt ${request.prompt}: ${spoilt.reason}`, spoilt),
        tNs: request.end.tNs,
      } as const;
      if (!request.warmup) voids.push(fault);
      // A deadline that passed while the client had no core is no miner's loss.
      if (request.end.outcome === 'timeout') {
        faults.push(fault);
        continue;
      }
    }
    const read = readAnswer(request, tokenizer, arena.limits);
    if ('fault' in read) {
      faults.push(read.fault);
      continue;
    }
    const { answer } = read;
    answers.set(request.prompt, { answer, sentNs: request.sentNs });
    if (
      request.warmup &&
      (answer.logprobs.length === 0 || answer.logprobs.some((entry) => entry.top.length === 0))
    ) {
      faults.push({
        verdict: 'E_API',
        ...because('no-logprobs', `prompt ${request.prompt}: no logprobs, though asked for`),
        tNs: request.end.tNs,
      });
    }
  }
  // The earliest fault in time; the sort is stable, so at one moment the order above (lifecycle,
  // protocol, content) decides.
  const fault = faults.sort((a, b) => a.tNs - b.tNs)[0] ?? null;
  const missing = missingPart(trace, [...prompts.warmup, ...prompts.scored], fault !== null);
  if (missing !== null) {
    const { role, key, run } = trace.header;
    throw new DocumentError(
      'BAD_TRACE',
      'usage',
      `the trace of ${key ?? role} run ${run} is cut: ${missing}`,
      'fetch the trace again, or measure again',
    );
  }
  return { trace, fault, voided: voids[0] ?? null, answers };
}

/** Timings of the scored prompts. `baseline` gives k: the baseline's own k is all its tokens. */
function timingsOf(
  arm: ArmReading,
  baseline: ArmReading,
  { arena, prompts }: JudgeContext,
): PromptTiming[] {
  return prompts.scored.map((index) => {
    const own = arm.answers.get(index)!;
    const k = baseline.answers.get(index)!.answer.arrivalsNs.length;
    return {
      index,
      ttftNs: ttftNs(own.answer, own.sentNs, arena.scoring),
      tokens: own.answer.arrivalsNs.length,
      tokensPerSecond: tokensPerSecond(own.answer, own.sentNs, k, arena.scoring),
    };
  });
}

function gateOf(
  arm: ArmReading,
  baseline: ArmReading,
  context: JudgeContext,
  history: ImageHistory | null,
): GateResult {
  const { arena, tokenizer, prompts } = context;
  const requests = arm.trace.requests.filter((request) => prompts.scored.includes(request.prompt));
  const pairs = prompts.scored.map((index) => ({
    baseline: baseline.answers.get(index)!.answer,
    miner: arm.answers.get(index)!.answer,
  }));
  const forced = requests.filter((request) => request.teacher !== null);
  if (forced.length === 0 && arena.scoredLogprobs)
    return divergenceGate(pairs, arena.gate.divergenceNats);
  const missing = requests.find((request) => request.teacher === null);
  if (missing)
    throw new DocumentError(
      'BAD_TRACE',
      'usage',
      `prompt ${missing.prompt} of ${arm.trace.header.key ?? arm.trace.header.role} was not teacher-forced`,
      'the trace is cut: fetch it again, or measure again',
    );
  const gated = requests.map((request) => ({
    answer: arm.answers.get(request.prompt)!.answer,
    teacher: request.teacher!,
    maxTokens: request.maxTokens,
  }));
  const result = marginGate(gated, tokenizer, arena, history);
  if (
    !arena.scoredLogprobs ||
    pairs.every(({ baseline: b, miner }) => divergesHonestly(b, miner, arena.gate.divergenceNats))
  )
    return result;
  const reasons: GateResult['reasons'] = [...result.reasons, 'first-divergence'];
  return { ...result, pass: false, reasons };
}

/** What one boot says about one arm. Numbers are null where a fault left nothing to measure. */
export type ArmVerdict = Readonly<Reasoned> & {
  readonly verdict: Verdict;
  readonly score: number;
  readonly gate: GateResult | null;
  readonly summary: ArmSummary | null;
  readonly improvement: { readonly ttft: number; readonly throughput: number } | null;
  readonly timings: readonly PromptTiming[];
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

/** A boot's baseline: usable, or the reason why nothing can be scored against it. */
export type BaselineReading =
  | {
      readonly ok: true;
      readonly arm: ArmReading;
      readonly timings: readonly PromptTiming[];
      readonly summary: ArmSummary;
      readonly drift: number | null;
    }
  | ({ readonly ok: false; readonly verdict: Verdict } & Readonly<Reasoned>);

/** What a fault of the baseline is called; every other one is `INFRA_BASELINE`. */
const BASELINE_FAULTS: Readonly<Partial<Record<Verdict, Verdict>>> = {
  E_START_TIMEOUT: 'INFRA_ENGINE',
  INFRA_ENGINE: 'INFRA_ENGINE',
  INFRA_CLOCK: 'INFRA_CLOCK',
};

/**
 * Reads the baseline's first and last run: the baseline must answer everything, pass its own gate,
 * and not drift.
 */
export function readBaseline(
  first: Trace,
  last: Trace | null,
  context: JudgeContext,
  look: 'all' | 'times' = 'all',
): BaselineReading {
  const bad = (verdict: Verdict, why: Reasoned): BaselineReading => ({
    ok: false,
    verdict,
    ...why,
  });
  const arm = readArm(first, context);
  if (arm.fault)
    return bad(
      BASELINE_FAULTS[arm.fault.verdict] ?? 'INFRA_BASELINE',
      said(`baseline: ${arm.fault.reason}`, arm.fault),
    );
  const clock = headerClockFault(first.header, context.arena.clock);
  if (clock !== null) return bad('INFRA_CLOCK', clock);
  if (arm.voided) return bad('INFRA_CLOCK', said(`baseline: ${arm.voided.reason}`, arm.voided));
  const timings = timingsOf(arm, arm, context);
  if (timings.some((timing) => timing.tokens === 0))
    return bad('INFRA_BASELINE', because('baseline-empty', 'the baseline gave an empty answer'));
  // The runner looks before the reference forces anything; the judge and the audit look at
  // everything.
  const gate = look === 'all' ? gateOf(arm, arm, context, null) : null;
  if (gate?.pass === false)
    return bad(
      'INFRA_BASELINE',
      said(
        `the baseline fails its own gate: ${gate.reasons.join(', ')}`,
        gateReasons({ gate, rules: context.arena, history: null }),
      ),
    );
  const summary = summarise(timings);
  if (!last) return { ok: true, arm, timings, summary, drift: null };
  const again = readArm(last, context);
  if (again.fault)
    return bad(
      again.fault.verdict === 'INFRA_CLOCK' ? 'INFRA_CLOCK' : 'INFRA_BASELINE',
      said(`baseline, last run: ${again.fault.reason}`, again.fault),
    );
  if (again.voided)
    return bad('INFRA_CLOCK', said(`baseline, last run: ${again.voided.reason}`, again.voided));
  const moved = drift(summary, summarise(timingsOf(again, arm, context)));
  if (moved > context.arena.driftLimit)
    return bad(
      'INFRA_DRIFT',
      because(
        'drift',
        `the baseline drifted by ${(moved * 100).toFixed(1)} % (limit ${context.arena.driftLimit * 100} %)`,
        { value: moved, limit: context.arena.driftLimit },
      ),
    );
  return { ok: true, arm, timings, summary, drift: moved };
}

/** Judges one arm of a boot against its baseline. */
export function judgeArm(
  trace: Trace,
  baseline: BaselineReading,
  context: JudgeContext,
  history: ImageHistory | null,
): ArmVerdict {
  const arm = readArm(trace, context);
  // A miner's own fault stands whatever became of the baseline; so does a state that the server
  // left on the machine, which may be why there is no baseline.
  if (arm.fault && !isInfraFault(arm.fault.verdict))
    return withoutNumbers(arm.fault.verdict, arm.fault);
  if (!baseline.ok) return withoutNumbers(baseline.verdict, baseline);
  if (arm.fault) return withoutNumbers(arm.fault.verdict, arm.fault);
  if (arm.voided) return withoutNumbers(arm.voided.verdict, arm.voided);
  const timings = timingsOf(arm, baseline.arm, context);
  const gate = gateOf(arm, baseline.arm, context, history);
  const summary = summarise(timings);
  return {
    verdict: gate.pass ? 'VALID' : 'E_GATE',
    ...gateReasons({ gate, rules: context.arena, history }),
    score: score(gate.pass, baseline.summary, summary, context.arena.scoring),
    gate,
    summary,
    improvement: improvements(baseline.summary, summary),
    timings,
    promptScores: timings.map((timing, i) =>
      promptScore(baseline.timings[i]!, timing, context.arena.scoring),
    ),
  };
}
