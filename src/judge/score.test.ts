// What timings of an arm and its baseline come to.
import { tinyArena as arena } from '../testing/answer-fixture.ts';

import { describe, expect, it } from 'vitest';

import { promptScore, score } from './score.ts';

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
  it('is not clamped per prompt, and null without content', () => {
    const one = { index: 0, tokens: 5, ...base };
    expect(
      promptScore(one, { ...one, ttftNs: 200, tokensPerSecond: 5 }, arena.scoring),
    ).toBeCloseTo(-0.75, 12);
    expect(promptScore(one, { ...one, ttftNs: Infinity }, arena.scoring)).toBeNull();
  });
});
