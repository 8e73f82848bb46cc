// Takeover rules of before, to be compared with: a t bound in two boots, and a bare margin.
import type { PromptTerms } from '../../src/arena/takeover.ts';
import { measured, mediansOf, type NoiseModel, type Random, type Speed } from './noise.ts';

const PROMPTS = 10;
const MARGIN = 1.01;
/** One-sided 95 % quantile of Student's t for 9 degrees of freedom. */
const T95 = 1.833113;
const BOOT_SD = 0.005;
const SELF: Speed = { ttft: 1, rate: 1 };

const scoreOf = (baseline: PromptTerms, { ttftNs, tokensPerSecond }: PromptTerms): number =>
  0.5 * Math.max(0, 1 - ttftNs / baseline.ttftNs) +
  0.5 * Math.max(0, tokensPerSecond / baseline.tokensPerSecond - 1);

/** Whether a rule crowns a challenger that it tries once. */
export type Rule = (random: Random, model: NoiseModel, winner: Speed, challenger: Speed) => boolean;

/** One boot: medians above the margin, and a lower bound of the differences by prompt above 0. */
function saysYes([random, model, winner, challenger]: Parameters<Rule>, bounded: boolean): boolean {
  const [base, held, own] = [SELF, winner, challenger].map((speed) =>
    measured(random, model, speed, PROMPTS),
  ) as [PromptTerms[], PromptTerms[], PromptTerms[]];
  const baseline = mediansOf(base);
  const height = MARGIN * scoreOf(baseline, mediansOf(held));
  if (scoreOf(baseline, mediansOf(own)) <= height) return false;
  if (!bounded) return true;
  const s = (terms: PromptTerms, i: number): number =>
    0.5 * (1 - terms.ttftNs / base[i]!.ttftNs) +
    0.5 * (terms.tokensPerSecond / base[i]!.tokensPerSecond - 1);
  const differences = own.map((terms, i) => s(terms, i) - MARGIN * s(held[i]!, i));
  const mean = differences.reduce((sum, d) => sum + d, 0) / PROMPTS;
  const variance = differences.reduce((sum, d) => sum + (d - mean) * (d - mean), 0) / (PROMPTS - 1);
  return mean - T95 * Math.sqrt(variance / PROMPTS + BOOT_SD * BOOT_SD) > 0;
}

/** The rule before this one: both of two boots must say yes. */
export const oldRule: Rule = (...given) => saysYes(given, true) && saysYes(given, true);

/** Cacheon's first validator: the medians of one boot, with a margin. */
export const pointRule: Rule = (...given) => saysYes(given, false);
