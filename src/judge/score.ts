// The competition's score: relative gains in latency and throughput over the baseline.
import { median } from '../core/median.ts';
import type { MeasuringRules } from '../schema/arena.ts';

/**
 * What was measured of one scored prompt. `ttftNs` is Infinity and `tokensPerSecond` 0 for an
 * answer without content.
 */
export type PromptTiming = {
  readonly index: number;
  readonly ttftNs: number;
  readonly tokens: number;
  readonly tokensPerSecond: number;
};

/** Medians over the scored prompts. */
export type ArmSummary = { readonly ttftNs: number; readonly tokensPerSecond: number };

export function summarise(timings: readonly PromptTiming[]): ArmSummary {
  return {
    ttftNs: median(timings.map((item) => item.ttftNs)),
    tokensPerSecond: median(timings.map((item) => item.tokensPerSecond)),
  };
}

/** Relative gains over the baseline; negative where slower. */
export function improvements(
  baseline: ArmSummary,
  arm: ArmSummary,
): { ttft: number; throughput: number } {
  return {
    ttft: (baseline.ttftNs - arm.ttftNs) / baseline.ttftNs,
    throughput: (arm.tokensPerSecond - baseline.tokensPerSecond) / baseline.tokensPerSecond,
  };
}

/**
 * The rule of the competition: 0 if the gate fails, else 0.5 max(0, (Tb-Tm)/Tb) + 0.5 max(0,
 * (Pm-Pb)/Pb).
 */
export function score(
  gatePassed: boolean,
  baseline: ArmSummary,
  arm: ArmSummary,
  weights: MeasuringRules['scoring'],
): number {
  if (!gatePassed) return 0;
  const { ttft, throughput } = improvements(baseline, arm);
  return (
    weights.ttftWeight * Math.max(0, ttft) + weights.throughputWeight * Math.max(0, throughput)
  );
}

/**
 * Drift of the baseline inside a boot: the larger of |last/first - 1| over median TTFT and
 * throughput.
 */
export function drift(first: ArmSummary, last: ArmSummary): number {
  return Math.max(
    Math.abs(last.ttftNs / first.ttftNs - 1),
    Math.abs(last.tokensPerSecond / first.tokensPerSecond - 1),
  );
}
