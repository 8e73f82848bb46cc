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
const boot = (meanNats: number) => ({ tokens: 1000, clippedNats: 1000 * meanNats });

describe('limits', () => {
  it('are those of Wilson and Hilferty: near normal for many boots, skewed for one', () => {
    expect(limitNats(margins, 1, 3.09)).toBeCloseTo(3.25e-4, 5);
    const many = limitNats(margins, 400, 3);
    expect(many).toBeCloseTo(1e-4 + (3 * 5e-5) / 20, 6);
    expect(limitNats({ ...margins, muNats: 0, sigmaNats: 0 }, 3, 4)).toBe(0);
    expect(limitNats({ ...margins, sigmaNats: 0 }, 3, 4)).toBe(1e-4);
  });
  it('are the calibrated ones of a tier, and never below the floor', () => {
    expect(meanLimitNats(calibrated(arena, { margins }))).toBeCloseTo(5e-4, 12);
    const floored = { ...arena, gate: { ...arena.gate, floorNats: 0.01 } };
    expect(meanLimitNats(calibrated(floored, { margins }))).toBe(0.01);
    expect(pooledLimitNats(margins, 2, floored)).toBe(0.01);
    expect(calibrated(arena, null)).toBe(arena);
  });
});

describe('S13 boots together', () => {
  const faults = (...[gates, history = null]: [number[], Parameters<typeof pooledFault>[1]?]) =>
    pooledFault(gates.map(boot), history, margins, arena)?.reasons.map(({ code }) => code) ?? [];

  it('pass where each is honest', () => {
    expect(faults([1e-4, 2e-4, 1.5e-4])).toEqual([]);
    expect(faults([])).toEqual([]);
  });
  it('fail where their mean is above what honest ones reach, though none fails alone', () => {
    expect(faults([3.5e-4])).toEqual([]);
    expect(faults([3.5e-4, 3.5e-4])).toEqual(['pooled-margin']);
    const told = pooledFault([boot(3.5e-4), boot(3.5e-4)], null, margins, arena)!;
    expect(told.reason).toBe('gate: pooled-margin');
    expect(told.reasons[0]!.detail).toMatch(/^mean over 2 boots 0.000350 nat, limit 0.000/);
  });
  it.each(['hotkey', 'image'] as const)('fail by all boots so far of the %s', (whose) => {
    const before = { boots: 20, tokens: 20_000, clippedNats: 20_000 * 2e-4 };
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
    const history = { hotkey: { boots: 9, tokens: 9, clippedNats: 9 }, image: null };
    expect(pooledFault([], history, margins, arena)).toBeNull();
    expect(pooledFault([boot(1), boot(1)], history, null, arena)).toBeNull();
  });
  it('add up', () => {
    expect(sumsOf([boot(1), boot(0)])).toEqual({ boots: 2, tokens: 2000, clippedNats: 1000 });
  });
});
