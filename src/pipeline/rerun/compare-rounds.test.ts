// A repeated round beside the recorded one: the same verdict, and scores within their scatter.
import { describe, expect, it } from 'vitest';
import type { RoundEntry } from '../../schema/records.ts';
import { compareRounds, intervalOf } from './compare-rounds.ts';

const entry = (verdict: string, scores: readonly number[], key = 'a:1'): RoundEntry =>
  ({
    ...{ key, verdict, score: scores[0] ?? 0 },
    boots: [
      {
        ...{ shard: 0, boot: 1 },
        report: { prompts: scores.map((score, index) => ({ index, score })) },
      },
    ],
  }) as unknown as RoundEntry;
const compared = (before: RoundEntry, after: RoundEntry | null) =>
  compareRounds({ entries: [before] }, { entries: after ? [after] : [] }, 0.03)[0]!;

describe('a repeated round', () => {
  it('agrees where verdict and scores are the same but for their scatter', () => {
    const found = compared(entry('VALID', [0.5, 0.6, 0.55]), entry('VALID', [0.52, 0.57, 0.56]));
    expect(found.agrees).toBe(true);
    expect(found.difference!.low).toBeLessThan(0);
    expect(found.difference!.high).toBeGreaterThan(0);
  });
  it('differs where the scores do, however little they scatter', () => {
    const found = compared(entry('VALID', [0.5, 0.6, 0.55]), entry('VALID', [0.3, 0.41, 0.35]));
    expect(found.agrees).toBe(false);
    expect(found.difference!.high).toBeLessThan(-0.03);
  });
  it('differs by a verdict alone, and where an entry is missing', () => {
    expect(compared(entry('VALID', []), entry('E_GATE', [])).agrees).toBe(false);
    expect(compared(entry('VALID', []), null)).toMatchObject({
      agrees: false,
      again: { verdict: 'missing' },
    });
    expect(compared(entry('E_COPY', []), entry('E_COPY', []))).toMatchObject({
      agrees: true,
      difference: null,
    });
  });
  it('compares prompts that both have, and no others', () => {
    expect(
      compared(entry('VALID', [0.5, 0.6, 0.7]), entry('VALID', [0.5, 0.6])).difference!.mean,
    ).toBe(0);
  });
});

describe('an interval', () => {
  it('is that of Student for few values, and none for one', () => {
    expect(intervalOf([1])).toBeNull();
    const { mean, low, high } = intervalOf([1, 2, 3])!;
    expect(mean).toBe(2);
    expect(high - low).toBeCloseTo((2 * 4.303) / Math.sqrt(3), 6);
    expect(intervalOf(Array.from({ length: 60 }, () => 0))).toEqual({ mean: 0, low: 0, high: 0 });
  });
});
