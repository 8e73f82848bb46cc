// What timings of an arm and its baseline come to.
import { tinyArena as arena } from '../testing/answer-fixture.ts';

import { describe, expect, it } from 'vitest';

import { score } from './score.ts';

describe('the score', () => {
  const base = { ttftNs: 100, tokensPerSecond: 10 };
  it('is the formula of the competition, and 0 where the gate fails', () => {
    expect(score(true, base, { ttftNs: 70, tokensPerSecond: 13 }, arena.scoring)).toBeCloseTo(
      0.3,
      12,
    );
    expect(score(true, base, { ttftNs: 200, tokensPerSecond: 20 }, arena.scoring)).toBeCloseTo(
      0.5,
      12,
    );
    expect(score(false, base, { ttftNs: 1, tokensPerSecond: 1000 }, arena.scoring)).toBe(0);
  });
});
