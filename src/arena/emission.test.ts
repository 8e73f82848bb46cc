// What standing and uids come to in shares and u16 weights.
import { rulesArena as arena } from '../testing/arena-fixture.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { emissionShares, toWeights } from './emission.ts';
import type { Place, Standing } from '../schema/standing.ts';

const emission = { burnUid: 0, emission: arena.emission };

const nobody: Standing = { winner: null, runnerUp: null };

describe('emission', () => {
  const uids = (map: Record<string, number | null>) => (hotkey: string) => map[hotkey] ?? null;
  const place = (name: string, score: number): Place => ({
    key: name,
    hotkey: name,
    commitBlock: 1,
    image: '',
    digest: '',
    score,
    revealedAt: 1,
    base: null,
  });
  const shareMap = (standing: Standing, map: Record<string, number | null>) =>
    Object.fromEntries(
      emissionShares(standing, uids(map), emission).map(({ uid, share }) => [uid, share]),
    );
  it('burns everything without a winner', () => {
    expect(shareMap(nobody, {})).toEqual({ 0: 1 });
    expect(toWeights(emissionShares(nobody, uids({}), emission))).toEqual([
      { uid: 0, weight: 65535 },
    ]);
  });
  it('splits the pool 80 to 20 and burns the rest', () => {
    const shares = shareMap(
      { winner: place('w', 0.05), runnerUp: place('r', 0.04) },
      { w: 3, r: 5 },
    );
    expect(shares[0]).toBeCloseTo(0.5, 12);
    expect(shares[3]).toBeCloseTo(0.4, 12);
    expect(shares[5]).toBeCloseTo(0.1, 12);
  });
  it('gives a lone winner the pool, and lets the runner-up replace a winner that left', () => {
    expect(shareMap({ winner: place('w', 2), runnerUp: null }, { w: 3 })).toEqual({ 0: 0, 3: 1 });
    const left = shareMap({ winner: place('w', 2), runnerUp: place('r', 0.05) }, { w: null, r: 5 });
    expect([left[0], left[5]]).toEqual([0.5, 0.5]);
  });
  it('rounds half to even and drops zeros', () => {
    expect(
      toWeights([
        { uid: 9, share: 1 },
        { uid: 2, share: 0.5 },
        { uid: 4, share: 1e-9 },
      ]),
    ).toEqual([
      { uid: 2, weight: 32768 },
      { uid: 9, weight: 65535 },
    ]);
    expect(toWeights([])).toEqual([]);
  });
  it('always adds up to one, keeps the burn share, and has its largest weight at 65535', () => {
    const score = fc.double({ min: 0, max: 10, noNaN: true });
    fc.assert(
      fc.property(
        score,
        score,
        fc.constantFrom(null, 0, 3),
        fc.constantFrom(null, 5, 7),
        (w, r, winnerUid, runnerUid) => {
          const shares = emissionShares(
            { winner: place('w', w), runnerUp: place('r', r) },
            uids({ w: winnerUid, r: runnerUid }),
            emission,
          );
          expect(shares.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
          const second = runnerUid !== null ? r : 0;
          const top = winnerUid !== null ? w : second;
          if (winnerUid !== 0)
            expect(shares.find(({ uid }) => uid === 0)?.share ?? 0).toBeCloseTo(
              1 - Math.min(1, top / 0.1),
              9,
            );
          const weights = toWeights(shares);
          expect(Math.max(...weights.map(({ weight }) => weight))).toBe(65535);
          expect(weights.map(({ uid }) => uid)).toEqual(
            [...weights.map(({ uid }) => uid)].sort((a, b) => a - b),
          );
        },
      ),
    );
  });
});
