// Shows an evaluation's report in a terminal, and turns its verdict into an exit code.
import type { Report } from '../schema/report.ts';
import { isMinerFault, type Verdict } from '../schema/verdicts.ts';

/**
 * Exit code of a verdict: 0 VALID, 1 the miner's fault, 3 an infrastructure fault or a security
 * event.
 */
export function exitCodeOf(verdict: Verdict): number {
  if (verdict === 'VALID') return 0;
  return isMinerFault(verdict) ? 1 : 3;
}

const ms = (ns: number | null): string => (ns === null ? '-' : `${(ns / 1e6).toFixed(1)} ms`);
const rate = (value: number | null): string => (value === null ? '-' : `${value.toFixed(1)} tok/s`);
const percent = (value: number | null): string =>
  value === null ? '-' : `${value >= 0 ? '+' : ''}${(value * 100).toFixed(1)} %`;

/** A report as people read it. */
export function reportLines(report: Report): string[] {
  const { ttft, throughput, gate, takeover } = report;
  return [
    `${report.verdict}  score ${report.score.toFixed(4)}  (${report.reason})`,
    `  TTFT        baseline ${ms(ttft.baselineNs)}, challenger ${ms(ttft.challengerNs)}, improvement ${percent(ttft.improvement)}`,
    `  throughput  baseline ${rate(throughput.baselineTokensPerSecond)}, challenger ${rate(throughput.challengerTokensPerSecond)}, improvement ${percent(throughput.improvement)}`,
    ...(gate
      ? [
          `  gate        ${gate.kind}, ${gate.pass ? 'pass' : `fail: ${gate.reasons.join(', ')}`}, ${gate.tokens} tokens, mean margin ${gate.meanMarginNats?.toExponential(2) ?? '-'} nat`,
        ]
      : []),
    ...(takeover
      ? [
          `  takeover    ${takeover.goesOn ? 'goes on' : 'no'}: ${takeover.reason} (bar ${takeover.bar?.toFixed(4) ?? '-'})`,
        ]
      : []),
  ];
}
