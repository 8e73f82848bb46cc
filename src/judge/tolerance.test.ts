// Tolerance limits and intervals, against factors of the noncentral t distribution (scipy 1.16).
import { describe, expect, it } from 'vitest';
import { Prng } from '../core/prng.ts';
import { sha256 } from '../core/hash.ts';
import { covarianceOf, sdOf, shareInterval, toleranceFactor, toleranceLimit } from './tolerance.ts';

describe('a tolerance factor', () => {
  it.each([
    [10, 5.2033],
    [20, 4.3182],
    [25, 4.1424],
    [50, 3.7656],
    [200, 3.3954],
  ])('for %i values is %d', (count, factor) => {
    expect(toleranceFactor(count)).toBeCloseTo(factor, 3);
  });
});

describe('a tolerance limit of run means', () => {
  /** Means of squares: skewed as margins are. */
  const drawn = (prng: Prng): number => {
    let sum = 0;
    for (let i = 0; i < 8; i++) {
      const [a, b] = [(prng.below(1e6) + 1) / 1e6, prng.below(1e6) / 1e6];
      sum += -2 * Math.log(a) * Math.cos(2 * Math.PI * b) ** 2;
    }
    return sum / 8 / 1e5;
  };
  it('holds 99.9 % of later runs in at least nine of ten calibrations', () => {
    const prng = new Prng(sha256('tolerance'), 'test');
    const later = Array.from({ length: 20_000 }, () => drawn(prng)).sort((a, b) => a - b);
    const p999 = later[Math.floor(later.length * 0.999)]!;
    const limits = Array.from({ length: 60 }, () =>
      toleranceLimit(Array.from({ length: 25 }, () => drawn(prng))),
    );
    expect(limits.filter((limit) => limit >= p999).length).toBeGreaterThanOrEqual(54);
    expect(Math.max(...limits)).toBeLessThan(6 * p999);
  });
  it('is 0 where every run is', () => {
    expect(toleranceLimit([0, 0, 0])).toBe(0);
  });
});

describe('samples', () => {
  it('have a deviation and a covariance', () => {
    expect(sdOf([1, 2, 3, 4])).toBeCloseTo(1.29099, 5);
    expect(sdOf([7])).toBe(0);
    expect(covarianceOf([1, 2, 3], [2, 4, 6])).toBeCloseTo(2, 12);
    expect(covarianceOf([1], [2])).toBe(0);
  });
  it('give a share an interval, narrower with more tries', () => {
    expect(shareInterval(1, 12).low).toBeCloseTo(0.757, 2);
    expect(shareInterval(0, 12).high).toBeCloseTo(0.243, 2);
    expect(shareInterval(0.5, 1000).high).toBeCloseTo(0.531, 2);
    expect(shareInterval(0.5, 0)).toEqual({ low: 0, high: 1 });
  });
});
