// The report of one arm beside its baseline.
import { whyOf } from '../schema/reasons.ts';
import type { ArmReport } from '../schema/report.ts';
import type { ArmVerdict } from './arm.ts';
import type { BaselineReading } from './baseline.ts';

const finite = (value: number | undefined): number | null =>
  value !== undefined && Number.isFinite(value) ? value : null;
const wholeNs = (value: number | undefined): number | null =>
  value !== undefined && Number.isFinite(value) ? Math.round(value) : null;

/**
 * What one arm came to beside its baseline, in the form of the report (RULES "Report of an arm").
 * `same`: whether the baseline was asked the same prompts; else its medians are those of boot 1.
 */
export function armReport(arm: ArmVerdict, baseline: BaselineReading, same: boolean): ArmReport {
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
      const other = same ? base!.timings[i]! : null;
      return {
        index: timing.index,
        ttftNs: { baseline: wholeNs(other?.ttftNs), challenger: wholeNs(timing.ttftNs) },
        tokens: { baseline: other?.tokens ?? null, challenger: timing.tokens },
        tokensPerSecond: {
          baseline: other?.tokensPerSecond ?? null,
          challenger: timing.tokensPerSecond,
        },
        score: arm.promptScores[i]!,
      };
    }),
  };
}
