// Near-ties: honest noise explains some swaps of close tokens, and not more; simulated and by hand.
import { describe, expect, it } from 'vitest';
import { sha256 } from '../core/hash.ts';
import { utf8 } from '../core/bytes.ts';
import { Prng } from '../core/prng.ts';
import {
  honestNoise,
  type NearTie,
  nearTieLimit,
  nearTieSums,
  nearTiesOf,
  likeliestNoise,
} from './near-ties.ts';

const HONEST = 0.05;
const FACTOR = 2;
const Z = 3.7;

/** Runs of a server whose noise is `noiseNats`, by the logistic law that the gate assumes. */
function simulated(seed: string, noiseNats: number, runs: number, tiesPerRun = 150): NearTie[][] {
  const prng = new Prng(sha256(utf8(seed)), 'near-ties');
  const uniform = (): number => (prng.below(2 ** 30) + 0.5) / 2 ** 30;
  return Array.from({ length: runs }, () =>
    Array.from({ length: tiesPerRun }, () => {
      const gapNats = uniform();
      const u = uniform();
      return { gapNats, left: (noiseNats / 1.702) * Math.log(u / (1 - u)) > gapNats };
    }),
  );
}
const refusedShare = (runs: readonly NearTie[][]): number =>
  runs.filter((ties) => {
    const sums = nearTieSums(ties, HONEST, FACTOR);
    return sums.excess > nearTieLimit(sums, Z);
  }).length / runs.length;

describe('near-ties of an answer', () => {
  it('are gaps to the second best, or own margins where another token was taken', () => {
    const teacher = {
      top: [-1, -1, -1, -1, -1, null, -1, -1],
      second: [-1.25, -1.5, -1, -3, -1.125, -1, null, -9999],
      own: [-1, -1.5, -1, -1, -1.75, -1, -1, -1],
    };
    expect(nearTiesOf(teacher, 1)).toEqual([
      { gapNats: 0.25, left: false },
      { gapNats: 0.5, left: true },
      { gapNats: 0.75, left: true },
    ]);
  });
  it('are none where the second best was not asked for, or nothing was forced', () => {
    expect(nearTiesOf({ top: [-1], second: null, own: [-1] }, 1)).toEqual([]);
    expect(nearTiesOf({ top: [-1], second: [-1.1], own: [null] }, 1)).toEqual([]);
  });
});

describe('what near-ties say', () => {
  it('is nothing on the average of an honest server, whatever the gaps are', () => {
    const [kept, left] = [false, true].map((isLeft) =>
      nearTieSums([{ gapNats: 0.08, left: isLeft }], HONEST, FACTOR),
    );
    const chance = 1e-6 + (1 - 2e-6) / (1 + Math.exp((1.702 * 0.08) / HONEST));
    expect(chance * left!.excess + (1 - chance) * kept!.excess).toBeCloseTo(0, 12);
    const second = chance * left!.excess ** 2 + (1 - chance) * kept!.excess ** 2;
    expect(second).toBeCloseTo(kept!.variance, 12);
    const third = chance * left!.excess ** 3 + (1 - chance) * kept!.excess ** 3;
    expect(third).toBeCloseTo(kept!.skew, 12);
  });
  it('refuses no honest server, a quieter one neither, nor one whose prompts have more ties', () => {
    expect(refusedShare(simulated('honest', HONEST, 4000))).toBeLessThanOrEqual(0.00075);
    expect(refusedShare(simulated('quiet', HONEST / 2, 1000))).toBe(0);
    expect(refusedShare(simulated('many', HONEST, 1000, 600))).toBeLessThanOrEqual(0.001);
  });
  it('finds twice the honest noise in some short runs, and in almost all with ten times the ties', () => {
    expect(refusedShare(simulated('altered', 2 * HONEST, 500))).toBeGreaterThan(0.15);
    expect(refusedShare(simulated('long', 2 * HONEST, 200, 1500))).toBeGreaterThan(0.98);
  });
  it('has no limit where there is no tie', () => {
    expect(nearTieLimit(nearTieSums([], HONEST, FACTOR), Z)).toBe(0);
  });
  it('is not moved by one odd position more than by a few expected ones', () => {
    const odd = nearTieSums([{ gapNats: 0.99, left: true }], HONEST, FACTOR);
    expect(odd.excess).toBeLessThan(8);
  });
});

describe('the noise of a class', () => {
  it('is found again from its swaps', () => {
    const seeds = Array.from({ length: 20 }, (_, i) => `class ${i}`);
    const found = seeds.map((seed) => likeliestNoise(simulated(seed, HONEST, 20).flat())!);
    const mean = found.reduce((sum, noise) => sum + noise, 0) / found.length;
    expect(mean).toBeGreaterThan(0.93 * HONEST);
    expect(mean).toBeLessThan(1.07 * HONEST);
  });
  it('is the least that the grid has where no tie was swapped, and unknown without any', () => {
    expect(likeliestNoise([{ gapNats: 0.1, left: false }])).toBe(0.001);
    expect(likeliestNoise([])).toBeNull();
  });
  it('is never taken for less than the floor, and not looked at where none is known', () => {
    const gate = { floorNoiseNats: 0.03 } as Parameters<typeof honestNoise>[0]['gate'];
    expect(honestNoise({ gate, honestNoiseNats: 0.01 })).toBe(0.03);
    expect(honestNoise({ gate, honestNoiseNats: 0.04 })).toBe(0.04);
    expect(honestNoise({ gate, honestNoiseNats: null })).toBeNull();
  });
});
