// Reads the baseline of a boot: what every other server is held against.
import { median } from '../core/median.ts';
import { headerClockFault } from '../schema/clock-receipt.ts';
import { because, type Reasoned, said } from '../schema/reasons.ts';
import type { Trace } from '../schema/trace.ts';
import type { Verdict } from '../schema/verdicts.ts';
import { type ArmReading, type JudgeContext, readArm } from './arm-reading.ts';
import { gateOf } from './arm-gate.ts';
import { gateReasons } from './gate-reasons.ts';
import { type ArmSummary, drift, type PromptTiming, summarise } from './score.ts';
import { type Arrivals, paceNs, tokensPerSecond, ttftNs } from './timing.ts';

/** A baseline that can be used. */
export type Baseline = {
  readonly arm: ArmReading;
  readonly timings: readonly PromptTiming[];
  readonly summary: ArmSummary;
  /** Its own pace by prompt, where the answer was long enough to have one. */
  readonly pacesNs: ReadonlyMap<number, number>;
  /** What it took to become healthy. */
  readonly startNs: number;
  readonly drift: number | null;
};

/** A boot's baseline: usable, or the reason why nothing can be scored against it. */
export type BaselineReading =
  | ({ readonly ok: true } & Baseline)
  | ({ readonly ok: false; readonly verdict: Verdict } & Readonly<Reasoned>);

/** What a fault of the baseline is called; every other one is `INFRA_BASELINE`. */
const BASELINE_FAULTS: Readonly<Partial<Record<Verdict, Verdict>>> = {
  E_START_TIMEOUT: 'INFRA_ENGINE',
  INFRA_ENGINE: 'INFRA_ENGINE',
  INFRA_CLOCK: 'INFRA_CLOCK',
};

/** When the tokens of a prompt's answer arrived. */
export function arrivalsOf(arm: ArmReading, prompt: number): Arrivals {
  const { answer, sentNs } = arm.answers.get(prompt)!;
  return { arrivalsNs: answer.arrivalsNs, sentNs };
}

/** The baseline's timings: its own k is all its tokens, its own pace has no cap. */
export function ownTimings(arm: ArmReading, { arena, prompts }: JudgeContext): PromptTiming[] {
  return prompts.scored.map((index) => {
    const arrivals = arrivalsOf(arm, index);
    const yardstick = { k: arrivals.arrivalsNs.length, paceCapNs: Infinity };
    return {
      index,
      ttftNs: ttftNs(arrivals, yardstick, arena.scoring),
      tokens: yardstick.k,
      tokensPerSecond: tokensPerSecond(arrivals, yardstick),
    };
  });
}

function pacesOf(arm: ArmReading, { arena, prompts }: JudgeContext): Map<number, number> {
  const paces = new Map<number, number>();
  for (const index of prompts.scored) {
    const arrivals = arrivalsOf(arm, index);
    const pace = paceNs(arrivals, arrivals.arrivalsNs.length, arena.scoring);
    if (pace !== null) paces.set(index, pace);
  }
  return paces;
}

/** The pace that a server's own may not exceed: of the same prompt, or the median in later boots. */
export function paceCapNs({ pacesNs }: Baseline, prompt: number, same: boolean): number {
  if (same) return pacesNs.get(prompt) ?? Infinity;
  return pacesNs.size === 0 ? Infinity : median([...pacesNs.values()]);
}

/** Ns from a server's start to its health; 0 where its trace has no such event. */
function startNsOf({ events }: Trace): number {
  const at = (name: string): number => events.find((event) => event.name === name)?.tNs ?? 0;
  return Math.max(0, at('healthy') - at('start'));
}

const bad = (verdict: Verdict, why: Reasoned): BaselineReading => ({ ok: false, verdict, ...why });

/** What keeps a baseline's first run from being used; null where nothing does. */
function faultOf(arm: ArmReading, { arena }: JudgeContext): BaselineReading | null {
  const { fault, voided, trace } = arm;
  if (fault)
    return bad(
      BASELINE_FAULTS[fault.verdict] ?? 'INFRA_BASELINE',
      said(`baseline: ${fault.reason}`, fault),
    );
  const clock = headerClockFault(trace.header, arena.clock);
  if (clock !== null) return bad('INFRA_CLOCK', clock);
  return voided && bad('INFRA_CLOCK', said(`baseline: ${voided.reason}`, voided));
}

/** What the baseline's last run says against the boot; null where nothing. */
function lastFault(again: ArmReading): BaselineReading | null {
  const { fault, voided } = again;
  if (fault)
    return bad(
      fault.verdict === 'INFRA_CLOCK' ? 'INFRA_CLOCK' : 'INFRA_BASELINE',
      said(`baseline, last run: ${fault.reason}`, fault),
    );
  return voided && bad('INFRA_CLOCK', said(`baseline, last run: ${voided.reason}`, voided));
}

/**
 * Reads the baseline's first and last run: the baseline must answer everything, pass its own gate,
 * and not drift (RULES "Baseline of a boot").
 */
export function readBaseline(
  first: Trace,
  last: Trace | null,
  context: JudgeContext,
  look: 'all' | 'times' = 'all',
): BaselineReading {
  const arm = readArm(first, context);
  const fault = faultOf(arm, context);
  if (fault) return fault;
  const timings = ownTimings(arm, context);
  if (timings.some((timing) => timing.tokens === 0))
    return bad('INFRA_BASELINE', because('baseline-empty', 'the baseline gave an empty answer'));
  // The runner looks before the reference forces anything; the judge and the audit look at
  // everything.
  const gate = look === 'all' ? gateOf(arm, arm, context) : null;
  if (gate?.pass === false) {
    const why = gateReasons({ gate, rules: context.arena });
    return bad('INFRA_BASELINE', said(`the baseline fails its own gate: ${why.reason}`, why));
  }
  const summary = summarise(timings);
  const pacesNs = pacesOf(arm, context);
  const read = { ok: true, arm, timings, summary, pacesNs, startNs: startNsOf(first) } as const;
  if (!last) return { ...read, drift: null };
  const again = readArm(last, context);
  const spoilt = lastFault(again);
  if (spoilt) return spoilt;
  return withDrift(read, drift(summary, summarise(ownTimings(again, context))), context);
}

function withDrift(
  read: Omit<Extract<BaselineReading, { ok: true }>, 'drift'>,
  moved: number,
  { arena: { driftLimit } }: JudgeContext,
): BaselineReading {
  if (moved <= driftLimit) return { ...read, drift: moved };
  const detail = `the baseline drifted by ${(moved * 100).toFixed(1)} % (limit ${driftLimit * 100} %)`;
  return bad('INFRA_DRIFT', because('drift', detail, { value: moved, limit: driftLimit }));
}
