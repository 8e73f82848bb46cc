// The gate over several boots: what each hides from one boot, all of them show.
import { describe, expect, it } from 'vitest';
import { sumsOf } from '../arena/margin-sums.ts';
import { encodeSs58 } from '../core/ss58.ts';
import { sha256 } from '../core/hash.ts';
import { testArena } from '../testing/test-arena.ts';
import { calibrated, limitNats, meanLimitNats, pooledLimitNats } from './margin-limits.ts';
import { pooledFault } from './pooled-gate.ts';

const base = testArena(encodeSs58(sha256('treasury')));
const arena = { ...base, gate: { ...base.gate, floorNats: 0, meanFactor: 1.25 } };
const margins = {
  ...{ noisiest: 'eager', runs: 25, tokens: 5120 },
  ...{ muNats: 1e-4, sigmaNats: 5e-5, p999Nats: 4e-4 },
};
const noTies = { excess: 0, variance: 0, skew: 0 };
const boot = (meanNats: number, nearTies = noTies) => ({
  ...{ tokens: 1000, clippedNats: 1000 * meanNats, nearTies },
});

describe('limits', () => {
  it('are those of Wilson and Hilferty: near normal for many boots, skewed for one', () => {
    expect(limitNats(margins, 1, 3.09)).toBeCloseTo(3.25e-4, 5);
    const many = limitNats(margins, 400, 3);
    expect(many).toBeCloseTo(1e-4 + (3 * 5e-5) / 20, 6);
    expect(limitNats({ ...margins, muNats: 0, sigmaNats: 0 }, 3, 4)).toBe(0);
    expect(limitNats({ ...margins, sigmaNats: 0 }, 3, 4)).toBe(1e-4);
  });
  it('are the calibrated ones of a tier, and never below the floor', () => {
    expect(meanLimitNats(calibrated(arena, { margins, nearTies: null }))).toBeCloseTo(5e-4, 12);
    const floored = { ...arena, gate: { ...arena.gate, floorNats: 0.01 } };
    expect(meanLimitNats(calibrated(floored, { margins, nearTies: null }))).toBe(0.01);
    expect(pooledLimitNats(margins, 2, floored)).toBe(0.01);
    expect(calibrated(arena, null)).toBe(arena);
    const nearTies = { noisiest: 'eager', ties: 900, noiseNats: 0.06 };
    expect(calibrated(arena, { margins, nearTies }).honestNoiseNats).toBe(0.06);
  });
});

describe('S13 boots together', () => {
  const faults = (...[gates, history = null]: [number[], Parameters<typeof pooledFault>[1]?]) =>
    pooledFault(
      gates.map((mean) => boot(mean)),
      history,
      margins,
      arena,
    )?.reasons.map(({ code }) => code) ?? [];

  it('pass where each is honest', () => {
    expect(faults([1e-4, 2e-4, 1.5e-4])).toEqual([]);
    expect(faults([])).toEqual([]);
  });
  it('fail where their mean is above what honest ones reach, though none fails alone', () => {
    expect(faults([3.5e-4])).toEqual([]);
    expect(faults([3.5e-4, 3.5e-4])).toEqual(['pooled-margin']);
    const told = pooledFault([boot(3.5e-4), boot(3.5e-4)], null, margins, arena)!;
    expect(told.reasons[0]!.code).toBe('pooled-margin');
    expect(told.reason).toMatch(/^mean over 2 boots 0.000350 nat, limit 0.000/);
  });
  it.each(['hotkey', 'image'] as const)('fail by all boots so far of the %s', (whose) => {
    const before = { boots: 20, tokens: 20_000, clippedNats: 20_000 * 2e-4, nearTies: noTies };
    const history = { hotkey: null, image: null, [whose]: before };
    expect(faults([2e-4], history)).toEqual(['running-sum']);
    expect(
      faults([2e-4], {
        ...history,
        [whose]: { ...before, boots: 1, tokens: 1000, clippedNats: 0.2 },
      }),
    ).toEqual([]);
  });
  it('are not asked without a calibration, nor of a history without a boot now', () => {
    const sums = { boots: 9, tokens: 9, clippedNats: 9, nearTies: noTies };
    const history = { hotkey: sums, image: null };
    expect(pooledFault([], history, margins, arena)).toBeNull();
    expect(pooledFault([boot(1), boot(1)], history, null, arena)).toBeNull();
  });
  it('add up', () => {
    const ties = { excess: 1, variance: 2, skew: 3 };
    expect(sumsOf([boot(1), boot(0, ties), { ...boot(0), nearTies: null }])).toEqual({
      ...{ boots: 3, tokens: 3000, clippedNats: 1000, nearTies: ties },
    });
  });
  it('fail by near-ties that none of them fails by, over a round or over all boots so far', () => {
    const ties = { excess: 3, variance: 1, skew: 0 };
    const now = [boot(0, ties), boot(0, ties)];
    const told = pooledFault(now, null, margins, arena)!;
    expect(told.reasons.map(({ code }) => code)).toEqual(['near-ties']);
    expect(told.reasons[0]!.detail).toMatch(/often over 2 boots than .* evidence 6.00, limit 5.23/);
    const before = { boots: 9, tokens: 9000, clippedNats: 0, nearTies: { ...ties, excess: 6 } };
    const running = pooledFault([now[0]!], { hotkey: null, image: before }, margins, arena)!;
    expect(running.reasons).toMatchObject([
      {
        code: 'running-sum',
        detail: expect.stringContaining('over all 10 boots of the image') as string,
      },
    ]);
  });
});
