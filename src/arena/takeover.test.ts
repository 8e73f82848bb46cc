// When a challenger takes the throne: the bound, the bar, and shut doors.
import { rulesArena as arena } from '../testing/arena-fixture.ts';
import { describe, expect, it } from 'vitest';

import { decideBoot, differences, lowerBound } from './takeover.ts';

/** P(T > t) of Student's t, by Simpson's rule over the density from 0 to t. */
function upperTail(t: number, freedom: number): number {
  let density = 1 / Math.PI;
  if (freedom > 1) {
    // Gamma((n+1)/2) / (sqrt(n pi) Gamma(n/2)), by the recurrence over n in steps of 2.
    density = freedom % 2 === 0 ? 1 / (2 * Math.SQRT2) : 1 / Math.PI;
    for (let n = freedom % 2 === 0 ? 2 : 1; n < freedom; n += 2)
      density *= ((n + 1) / n) * Math.sqrt(n / (n + 2));
  }
  const pdf = (x: number): number => density * (1 + (x * x) / freedom) ** (-(freedom + 1) / 2);
  const steps = 4000;
  const h = t / steps;
  let sum = pdf(0) + pdf(t);
  for (let i = 1; i < steps; i++) sum += pdf(i * h) * (i % 2 === 0 ? 2 : 4);
  return 0.5 - (sum * h) / 3;
}

describe('takeover', () => {
  it('takes the lower bound of the rules', () => {
    const values = [0.1, 0.2, 0.3, 0.4, 0.5];
    // mean 0.3, s^2 = 0.025, t(0.95, 4) = 2.131847
    expect(lowerBound(values, 0.05)).toBeCloseTo(
      0.3 - 2.131847 * Math.sqrt(0.025 / 5 + 0.0025),
      12,
    );
    expect(lowerBound([0.5], 0.05)).toBe(-Infinity);
    expect(lowerBound([0.5, null, 0.5], 0.05)).toBe(-Infinity);
    expect(differences([0.5, null], [0.25, 1], 1.01)).toEqual([0.5 - 1.01 * 0.25, null]);
  });
  it("uses Student's one-sided 95 % quantiles, as integrating the density gives them", () => {
    // With values 1, -1 around a mean of 0 (or 0 beside them) the bound is -t * sqrt(s^2 / n).
    for (let freedom = 1; freedom <= 80; freedom++) {
      const values = Array.from({ length: freedom + 1 }, (_, i) => (i % 2 === 0 ? 1 : -1));
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
      const error = Math.sqrt(squares / freedom / values.length);
      const t = (mean - lowerBound(values, 0)) / error;
      // More degrees of freedom than the table has use its last entry.
      expect(upperTail(t, Math.min(freedom, 60))).toBeCloseTo(0.05, 6);
    }
  });
  it('counts a bound of exactly 0, and a score of exactly the bar, as no', () => {
    const even = { score: 0.6, promptScores: [0, 0, 0] };
    const exact = { takeoverMargin: 1, bootSd: 0 };
    expect(decideBoot(even, { kind: 'none' }, exact).takesOver).toBe(false);
    const zero = { kind: 'fresh', score: 0.5, promptScores: [0, 0, 0] } as const;
    expect(decideBoot(even, zero, exact).takesOver).toBe(false);
    const strong = { score: 0.505, promptScores: [0.9, 0.9, 0.9] };
    const point = { kind: 'point', score: 0.5 } as const;
    expect(decideBoot(strong, point, arena)).toMatchObject({ takesOver: false, bar: 0.505 });
    expect(decideBoot({ ...strong, score: 0.506 }, point, arena).takesOver).toBe(true);
  });
  it('meets no bar where the fresh score of the winner is 0, whatever its prompts were', () => {
    const winner = { kind: 'fresh', score: 0, promptScores: [5, 5, 5] } as const;
    const run = { score: 0.1, promptScores: [0.1, 0.1, 0.1] };
    expect(decideBoot(run, winner, arena)).toMatchObject({ takesOver: true, bar: 0 });
  });
  it('wants the point and the bound', () => {
    const winner = { kind: 'fresh', score: 0.5, promptScores: [0.5, 0.5, 0.5] } as const;
    expect(decideBoot({ score: 0.6, promptScores: [0.6, 0.6, 0.6] }, winner, arena).takesOver).toBe(
      true,
    );
    expect(
      decideBoot({ score: 0.505, promptScores: [0.6, 0.6, 0.6] }, winner, arena).takesOver,
    ).toBe(false);
    expect(decideBoot({ score: 0.6, promptScores: [1.2, 0.3, 0.3] }, winner, arena).takesOver).toBe(
      false,
    );
  });
  it('has no bar where the winner scores 0', () => {
    const bar = { kind: 'fresh', score: 0, promptScores: [-0.1, -0.1] } as const;
    expect(decideBoot({ score: 0.05, promptScores: [0.05, 0.05] }, bar, arena)).toMatchObject({
      takesOver: true,
      bar: 0,
    });
    expect(decideBoot({ score: 0, promptScores: [0.05, 0.05] }, bar, arena).takesOver).toBe(false);
  });
  it('is shut to everyone while the winner could not be measured', () => {
    expect(decideBoot({ score: 9, promptScores: [9, 9] }, { kind: 'shut' }, arena).takesOver).toBe(
      false,
    );
  });
});
