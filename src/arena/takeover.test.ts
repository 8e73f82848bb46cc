// When a challenger takes the throne: differences, their scale, and the bounds boot by boot.
import { rulesArena as arena } from '../testing/arena-fixture.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bootDifference,
  clipped,
  type Contest,
  controlRatioOf,
  decide,
  firstZ,
  mostBoots,
  type Pair,
  promptScore,
  type PromptTerms,
} from './takeover.ts';

const baseline = { ttftNs: 100, tokensPerSecond: 10 };
/** A server whose score is this, all of it by throughput. */
const at = (score: number): PromptTerms => ({ ttftNs: 100, tokensPerSecond: 10 + 20 * score });
const contest = (score: number, more: Partial<Contest> = {}): Contest => ({
  baseline,
  opponent: { ...at(score), score },
  clamped: true,
  noise: null,
  controlRatio: 1,
  ...more,
});
const pair = (boot: number, own: readonly number[], theirs: readonly number[]): Pair => ({
  boot,
  challenger: own.map(at),
  opponent: theirs.map(at),
});
const same = (score: number, n = 4): number[] => Array.from({ length: n }, () => score);
/** Boots in which the challenger is ahead by these, with the margin of a winner at 0.5 taken off. */
const ahead = (...means: readonly number[]): Pair[] =>
  means.map((mean, i) => pair(i + 1, same(0.505 + mean), same(0.5)));

describe('the difference of one boot', () => {
  it('is s of the challenger less s of the winner less 0.01 of its score, by prompt', () => {
    const found = bootDifference(contest(0.5), pair(1, same(0.6), same(0.5)), arena)!;
    expect(found.d).toBeCloseTo(0.6 - 0.5 - 0.01 * 0.5, 12);
    expect(found.variance).toBe(0);
    const spread = bootDifference(contest(0), pair(1, [0.1, 0.2, 0.3], [0, 0, 0]), arena)!;
    expect(spread.d).toBeCloseTo(0.2, 12);
    expect(spread.variance).toBeCloseTo(0.01 / 3, 12);
  });
  it('clamps each term at 0, but none against the baseline itself', () => {
    const slow = { ttftNs: 150, tokensPerSecond: 8 };
    expect(promptScore(baseline, slow, arena.scoring)).toBe(0);
    expect(promptScore(baseline, slow, arena.scoring, false)).toBeCloseTo(-0.35, 12);
    expect(promptScore(baseline, { ttftNs: 70, tokensPerSecond: 13 }, arena.scoring)).toBeCloseTo(
      0.3,
      12,
    );
    const pairs = { challenger: [slow], opponent: [baseline] };
    expect(bootDifference(contest(0), pairs, arena)!.d).toBe(0);
    expect(bootDifference(contest(0, { clamped: false }), pairs, arena)!.d).toBeCloseTo(-0.35, 12);
  });
  it('counts an odd prompt at most three scaled MADs from the median', () => {
    expect(clipped([1, 2, 3, 4, 100], 3)).toEqual([1, 2, 3, 4, 3 + 3 * 1.4826]);
    expect(clipped([5, 5, 5, 900], 3)).toEqual([5, 5, 5, 5]);
  });
  it('is none where an answer had no content', () => {
    const empty = { ttftNs: Infinity, tokensPerSecond: 0 };
    const pairs = { challenger: [at(1), empty], opponent: [at(0), at(0)] };
    expect(bootDifference(contest(0), pairs, arena)).toBeNull();
    expect(bootDifference(contest(0), { challenger: [], opponent: [] }, arena)).toBeNull();
    expect(firstZ(contest(0), pairs, arena)).toBe(-Infinity);
    const pairsOf = (list: typeof pairs) => [{ boot: 1, ...list }];
    expect(decide(contest(0), 0.5, pairsOf(pairs), arena)).toMatchObject({
      ...{ takesOver: false, goesOn: false },
      reason: 'no answer in boot 1',
    });
  });
});

describe('a try', () => {
  it('needs a score above 1.01 times the winner’s', () => {
    const decision = decide(contest(0.5), 0.505, ahead(0.1), arena);
    expect(decision).toMatchObject({ takesOver: false, goesOn: false, boots: [] });
    expect(decision.reasons[0]).toMatchObject({ code: 'below-bar', value: 0.505, limit: 0.505 });
  });
  it('is crowned by no single boot, and by the second where it is sure', () => {
    const one = decide(contest(0.5), 0.6, ahead(0.1), arena);
    expect(one).toMatchObject({ takesOver: false, goesOn: true });
    const two = decide(contest(0.5), 0.6, ahead(0.1, 0.1), arena);
    expect(two).toMatchObject({ takesOver: true, goesOn: false });
    // Without noise the scale is its floor: Z2 = 0.1 sqrt(2) / 0.002.
    expect(two.boots[1]!.z).toBeCloseTo((0.1 * Math.SQRT2) / 0.002, 6);
    expect(two.boots[1]).toMatchObject({ boot: 2, sd: 0.002, stop: 1, crown: 4.02 });
  });
  it('goes on between its bounds, and ends after the fifth boot: undecided is no', () => {
    expect(mostBoots(arena)).toBe(5);
    // Z_k = 0.0025 sqrt(k) / 0.002: 1.25, 1.77, 2.17, 2.5, 2.80.
    const decisions = [1, 2, 3, 4, 5].map((boots) =>
      decide(contest(0.5), 0.6, ahead(...Array.from({ length: boots }, () => 0.0025)), arena),
    );
    expect(decisions.map(({ goesOn }) => goesOn)).toEqual([true, true, true, true, false]);
    const [, , , , last] = decisions;
    expect(last!.takesOver).toBe(false);
    expect(last!.reason).toBe(
      '0.6000 is above the bar 0.5050, ahead by 0.0025 on average, not sure enough after 5 boots (Z 2.80 of 3.2)',
    );
    expect(last!.reasons[0]).toMatchObject({ code: 'not-sure', limit: 3.2 });
  });
  it('passes a bound that it just reaches', () => {
    // A quarter and its scale are exact: Z is 1 after one boot, and the root of 2 after two.
    const exact = { stop: [1], crown: [Math.SQRT2], sdFloor: 0.25 };
    const rules = { ...arena, takeover: { ...arena.takeover, ...exact } };
    const boots = (count: number) =>
      Array.from({ length: count }, (_, i) => pair(i + 1, same(0.25), same(0)));
    const one = decide(contest(0), 0.25, boots(1), rules);
    expect([one.boots[0]!.z, one.goesOn]).toEqual([1, true]);
    expect(one.reason).toBe(
      '0.2500 is above the bar 0.0000, ahead by 0.2500 on average, goes on after 1 boot (Z 1.00)',
    );
    expect(decide(contest(0), 0.25, boots(2), rules).takesOver).toBe(true);
  });
  it('says in words that it is no faster than the baseline', () => {
    expect(decide(contest(0), 0, ahead(0.1), arena).reason).toBe('no faster than the baseline');
    expect(decide(contest(0.5), 0.4, ahead(0.1), arena).reason).toMatch(/0.4000 is not above/);
  });
  it('ends at once where it falls below a stop', () => {
    const decision = decide(contest(0.5), 0.6, ahead(0.01, -0.02, 0.5), arena);
    expect(decision).toMatchObject({ takesOver: false, goesOn: false });
    expect(decision.boots).toHaveLength(2);
  });
});

describe('the scale', () => {
  const noise = { ttftSd: 0.02, throughputSd: 0.03, covariance: 0 };
  it('is the calibration’s for an opponent as fast as this one, times 1.215', () => {
    const opponent = { ttftNs: 50, tokensPerSecond: 20, score: 0.75 };
    const found = decide(
      contest(0.75, { opponent, noise }),
      1,
      [pair(1, same(1), same(0.75))],
      arena,
    );
    const expected = 1.215 * Math.sqrt((0.25 * 0.02) ** 2 + (1 * 0.03) ** 2);
    expect(found.boots[0]!.sd).toBeCloseTo(expected, 12);
  });
  it('grows with the covariance, and with role controls noisier than the calibration', () => {
    const sdOf = (more: Partial<Contest>): number =>
      decide(contest(0.5, { noise, ...more }), 1, ahead(0.1), arena).boots[0]!.sd!;
    expect(sdOf({ noise: { ...noise, covariance: 0.0006 } })).toBeGreaterThan(sdOf({}));
    expect(sdOf({ controlRatio: 2 })).toBeCloseTo(sdOf({}) * 1.8, 12);
    expect(sdOf({ controlRatio: 0.5 })).toBe(sdOf({}));
  });
  it('takes what prompts differ by, a boot’s variance counting at most twice the smallest', () => {
    const even = pair(1, [0.7, 0.72, 0.68, 0.7], same(0.5));
    const wild = pair(2, [0.5, 0.9, 0.3, 1.1], same(0.5));
    const { boots } = decide(contest(0.5), 1, [even, wild], arena);
    const variance = bootDifference(contest(0.5), even, arena)!.variance;
    expect(boots[0]!.sd).toBeCloseTo(1.25 * Math.sqrt(variance), 12);
    expect(boots[1]!.sd).toBeCloseTo(1.25 * Math.sqrt(1.5 * variance), 12);
  });
  it('counts a boot at most 2.5 scales above the smallest, and their own sd from the third on', () => {
    const { boots, mean } = decide(contest(0.5), 0.6, ahead(0.004, 0.5), arena);
    expect(boots[1]!.d).toBeCloseTo(0.5, 12);
    expect(mean).toBeCloseTo((0.004 + 0.004 + 2.5 * 0.002) / 2, 12);
    const three = decide(contest(0.5), 0.6, ahead(0.003, 0.0035, 0.004), arena);
    expect(three.boots[2]!.sd).toBe(0.002);
    const wide = decide(contest(0.5), 0.6, ahead(0.004, 0.004, 0.009), arena);
    expect(wide.boots[2]!.sd).toBeCloseTo(Math.sqrt((2 * 0.005 ** 2) / 3 / 2), 12);
  });
  it('asks role controls only once there are five, and the last twenty of them', () => {
    const expected = 0.5 * Math.sqrt(0.02 ** 2 + 0.03 ** 2);
    const together = { ...noise, covariance: 0.0006 };
    expect(controlRatioOf(same(0.025, 5), together, arena)).toBeCloseTo(1, 12);
    const ratio = (controls: readonly number[]) => controlRatioOf(controls, noise, arena);
    expect(ratio([1, 1, 1, 1])).toBe(1);
    expect(ratio(same(2 * expected, 5))).toBeCloseTo(2, 12);
    expect(ratio([...same(9, 30), ...same(-expected, 20)])).toBeCloseTo(1, 12);
    expect(controlRatioOf(same(9, 20), null, arena)).toBe(1);
  });
});

describe('role controls', () => {
  it('make takeovers harder, never easier, whatever their signs and what came before the last twenty', () => {
    const noise = { ttftSd: 0.02, throughputSd: 0.03, covariance: 0 };
    const list = fc.array(fc.double({ min: -0.2, max: 0.2, noNaN: true }), { maxLength: 40 });
    fc.assert(
      fc.property(list, list, (controls, before) => {
        const ratio = controlRatioOf(controls, noise, arena);
        const z = (controlRatio: number) =>
          decide(contest(0.5, { noise, controlRatio }), 0.6, ahead(0.05), arena).boots[0]!.z!;
        expect(z(ratio)).toBeLessThanOrEqual(z(0));
        expect(
          controlRatioOf(
            controls.map((d) => -d),
            noise,
            arena,
          ),
        ).toBe(ratio);
        if (controls.length >= 20)
          expect(controlRatioOf([...before, ...controls], noise, arena)).toBe(ratio);
      }),
    );
  });
});

describe('any try', () => {
  const scores = fc.array(fc.double({ min: 0, max: 2, noNaN: true }), {
    minLength: 3,
    maxLength: 3,
  });
  const boots = fc.array(fc.tuple(scores, scores), { minLength: 1, maxLength: 5 });
  it('is never both crowned and going on, nor crowned by one boot or below the bar', () => {
    fc.assert(
      fc.property(boots, fc.double({ min: 0, max: 2, noNaN: true }), (list, score) => {
        const pairs = list.map(([own, theirs], i) => pair(i + 1, own, theirs));
        const decision = decide(contest(0.5), score, pairs, arena);
        expect(decision.takesOver && decision.goesOn).toBe(false);
        if (decision.takesOver) {
          expect(decision.boots.length).toBeGreaterThan(1);
          expect(score).toBeGreaterThan(decision.bar);
        }
        expect(decision.reasons.length).toBeGreaterThan(0);
      }),
    );
  });
  it('never gains by a boot in which the winner was slower', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (more) => {
        const z = (gap: number): number =>
          decide(contest(0.5), 1, ahead(0.004, 0.004 + gap), arena).boots.at(-1)!.z!;
        // Beyond 2.5 scales a boot counts no more.
        expect(z(0.01 + more)).toBeLessThanOrEqual(z(0.005) + 1e-9);
      }),
    );
  });
});
