// How long a server's answers may take beside the baseline's, before it is not worth more time.
import type { MeasuringRules } from '../schema/arena.ts';
import type { Trace } from '../schema/trace.ts';

/** Ns that a run's answers took, after each of them, in the order in which they were asked. */
function elapsedNs(trace: Trace): number[] {
  let sum = 0;
  return trace.requests.map(({ sentNs, end }) => {
    sum += (end?.tNs ?? sentNs) - sentNs;
    return sum;
  });
}

/**
 * Ns that a server's answers may take in all, after each of them (RULES "Too slow"): `factor` times
 * what the baseline took for the same prompts; in later boots, whose prompts the baseline is not
 * asked, for as many prompts of boot 1 on average.
 */
export function slowLimitsNs(
  baseline: Trace,
  factor: number,
  asked: 'same' | { readonly others: number },
): number[] {
  const elapsed = elapsedNs(baseline);
  if (asked === 'same') return elapsed.map((ns) => factor * ns);
  const mean = (elapsed.at(-1) ?? 0) / Math.max(1, elapsed.length);
  return Array.from({ length: asked.others }, (_, i) => factor * mean * (i + 1));
}

/** The end of the answer that was one too many, what all took until then, and what they might. */
export type TooSlow = { readonly atNs: number; readonly tookNs: number; readonly limitNs: number };

/** When a run was too slow; null where it never was. */
export function tooSlowAt(trace: Trace, limitsNs: readonly number[]): TooSlow | null {
  for (const [index, tookNs] of elapsedNs(trace).entries()) {
    const end = trace.requests[index]!.end;
    const limitNs = limitsNs[index] ?? Infinity;
    if (end !== null && tookNs > limitNs) return { atNs: end.tNs, tookNs, limitNs };
  }
  return null;
}

/** How long a server may take to start, in seconds, and for its answers, in ns. */
export type Allowance = {
  readonly startSeconds: number;
  readonly slowLimitsNs: readonly number[];
};

/** What a baseline allows the servers beside it (RULES "Start beside the baseline", "Too slow"). */
export function allowanceOf(
  { arm, startNs }: { readonly arm: { readonly trace: Trace }; readonly startNs: number },
  rules: Pick<MeasuringRules, 'deadlines' | 'startFactor' | 'startSlack' | 'tooSlowFactor'>,
  asked: 'same' | { readonly others: number },
): Allowance {
  const beside = (rules.startFactor * startNs) / 1e9 + rules.startSlack;
  return {
    startSeconds: Math.min(rules.deadlines.start, beside),
    slowLimitsNs: slowLimitsNs(arm.trace, rules.tooSlowFactor, asked),
  };
}
