// The statistical rule by which a challenger must beat the winner to take its place.
/**
 * One-sided 95 % quantiles of Student's t for 1..60 degrees of freedom; more use the last, which
 * errs on the side of "no".
 */
const T95 = [
  6.313752, 2.919986, 2.353363, 2.131847, 2.015048, 1.94318, 1.894579, 1.859548, 1.833113, 1.812461,
  1.795885, 1.782288, 1.770933, 1.76131, 1.75305, 1.745884, 1.739607, 1.734064, 1.729133, 1.724718,
  1.720743, 1.717144, 1.713872, 1.710882, 1.708141, 1.705618, 1.703288, 1.701131, 1.699127,
  1.697261, 1.695519, 1.693889, 1.69236, 1.690924, 1.689572, 1.688298, 1.687094, 1.685954, 1.684875,
  1.683851, 1.682878, 1.681952, 1.681071, 1.68023, 1.679427, 1.67866, 1.677927, 1.677224, 1.676551,
  1.675905, 1.675285, 1.674689, 1.674116, 1.673565, 1.673034, 1.672522, 1.672029, 1.671553,
  1.671093, 1.670649,
];

/** Score of one prompt, not clamped; null where the answer had no content. */
export type PromptScores = readonly (number | null)[];

/**
 * One-sided 95 % lower bound of the mean: mean - t(0.95, n-1) * sqrt(s^2/n + bootSd^2) (RULES
 * "Lower bound"). -Infinity for fewer than two values or where one is null: undecided is no.
 */
export function lowerBound(values: PromptScores, bootSd: number): number {
  const n = values.length;
  if (n < 2) return -Infinity;
  let sum = 0;
  for (const value of values) {
    if (value === null) return -Infinity;
    sum += value;
  }
  const mean = sum / n;
  let squares = 0;
  for (const value of values) squares += (value! - mean) * (value! - mean);
  const variance = squares / (n - 1);
  return mean - T95[Math.min(n - 1, T95.length) - 1]! * Math.sqrt(variance / n + bootSd * bootSd);
}

/** d(i) = challenger(i) - margin * winner(i); null where either answer had no content. */
export function differences(
  challenger: PromptScores,
  winner: PromptScores,
  margin: number,
): PromptScores {
  return challenger.map((score, i) => {
    const other = winner[i] ?? null;
    return score === null || other === null ? null : score - margin * other;
  });
}

/**
 * What stands in a challenger's way: the winner's fresh run, a bare score, nothing, or a door that
 * is shut this round.
 */
export type Bar =
  | { readonly kind: 'fresh'; readonly score: number; readonly promptScores: PromptScores }
  | { readonly kind: 'point'; readonly score: number }
  | { readonly kind: 'none' }
  | { readonly kind: 'shut' };

/** One boot's answer to "does it take over?", with the numbers behind it. */
export type BootDecision = { takesOver: boolean; bar: number; lowerBound: number };

/** The takeover rule in one boot (RULES "Takeover"). */
export function decideBoot(
  run: { score: number; promptScores: PromptScores },
  bar: Bar,
  rules: { takeoverMargin: number; bootSd: number },
): BootDecision {
  const own = lowerBound(run.promptScores, rules.bootSd);
  switch (bar.kind) {
    case 'shut':
      return { takesOver: false, bar: Infinity, lowerBound: own };
    case 'none':
      return { takesOver: run.score > 0 && own > 0, bar: 0, lowerBound: own };
    case 'point': {
      const height = rules.takeoverMargin * bar.score;
      return { takesOver: run.score > height, bar: height, lowerBound: own };
    }
    case 'fresh': {
      if (bar.score <= 0) return decideBoot(run, { kind: 'none' }, rules);
      const height = rules.takeoverMargin * bar.score;
      const bound = lowerBound(
        differences(run.promptScores, bar.promptScores, rules.takeoverMargin),
        rules.bootSd,
      );
      return { takesOver: run.score > height && bound > 0, bar: height, lowerBound: bound };
    }
  }
}
