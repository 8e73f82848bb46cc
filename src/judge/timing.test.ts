// Time to first token and tokens per second of an answer, whatever its server guesses or packs.
import { DONE, event, answerOf, MS, tinyArena } from '../testing/answer-fixture.ts';
import {
  computed,
  everyMs,
  faster,
  guessed,
  LARGE,
  packedTimes,
  readTimes,
  scoreOfTimes,
  defaultScoring,
} from '../testing/schedules.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { paceNs, tokensPerSecond, ttftNs } from './timing.ts';

const arrivals = (times: readonly number[], sentMs = 0) => ({
  arrivalsNs: times.map((ms) => ms * MS),
  sentNs: sentMs * MS,
});
const uncapped = (k: number) => ({ k, paceCapNs: Infinity });
/** Tokens at 100, 110, 120 ms, ... */
const steady = (n: number): number[] => Array.from({ length: n }, (_, i) => 100 + 10 * i);

describe('the TTFT', () => {
  it('of an answer of fewer than 16 tokens is that of its last one', () => {
    expect(ttftNs(arrivals(steady(15)), uncapped(15), defaultScoring)).toBe(240 * MS);
    expect(ttftNs(arrivals(steady(1)), uncapped(1), defaultScoring)).toBe(100 * MS);
    expect(ttftNs(arrivals(steady(15), 40), uncapped(15), defaultScoring)).toBe(200 * MS);
    expect(ttftNs(arrivals([]), uncapped(0), defaultScoring)).toBe(Infinity);
  });
  it('is the first token’s where tokens come one by one, for answers of any length', () => {
    for (const n of [16, 17, 20, 40, 64, 128, 512])
      expect(ttftNs(arrivals(steady(n)), uncapped(n), defaultScoring)).toBe(100 * MS);
    expect(ttftNs(arrivals(steady(20), 60), uncapped(20), defaultScoring)).toBe(40 * MS);
  });
  it('is read from the window that the length gives: vectors of the rule', () => {
    // k = 20: m = 5, tokens 3 to 7, the 4th smallest; pace (at(20) - at(7)) / 13.
    const late = steady(20).map((ms, i) => (i === 4 ? ms + 7 : ms));
    expect(ttftNs(arrivals(late), uncapped(20), defaultScoring)).toBe(100 * MS);
    const two = late.map((ms, i) => (i === 5 ? ms + 5 : ms));
    expect(ttftNs(arrivals(two), uncapped(20), defaultScoring)).toBe(105 * MS);
    // k = 64: m = 16, tokens 9 to 24, the 11th smallest: five late ones move nothing, six do.
    const lates = (count: number): number[] =>
      steady(64).map((ms, i) => (i >= 8 && i < 8 + count ? ms + 9 : ms));
    expect(ttftNs(arrivals(lates(5)), uncapped(64), defaultScoring)).toBe(100 * MS);
    expect(ttftNs(arrivals(lates(6)), uncapped(64), defaultScoring)).toBe(109 * MS);
  });
  it('takes the answer’s own pace off, but no more than the baseline’s', () => {
    const slow = Array.from({ length: 64 }, (_, i) => 100 + 20 * i);
    expect(ttftNs(arrivals(slow), uncapped(64), defaultScoring)).toBe(100 * MS);
    const capped = { k: 64, paceCapNs: 10 * MS };
    // r(j) = 100 + 10 (j - 1): the 11th smallest is that of token 19.
    expect(ttftNs(arrivals(slow), capped, defaultScoring)).toBe(280 * MS);
    expect(paceNs(arrivals(slow), 64, defaultScoring)).toBe(20 * MS);
    expect(paceNs(arrivals(slow), 15, defaultScoring)).toBeNull();
  });
  it('is never before the first token, and rounded to whole ns', () => {
    const held = steady(64).map((ms) => Math.max(ms, 400));
    expect(ttftNs(arrivals(held), uncapped(64), defaultScoring)).toBeGreaterThanOrEqual(400 * MS);
    const thirds = { arrivalsNs: steady(64).map((ms) => ms * MS + ms / 3), sentNs: 0 };
    expect(Number.isInteger(ttftNs(thirds, uncapped(64), defaultScoring))).toBe(true);
  });
  it('falls with no token that comes later, if the pace is the cap’s', () => {
    const delays = fc.array(fc.nat({ max: 50 }), { minLength: 64, maxLength: 64 });
    fc.assert(
      fc.property(delays, fc.nat({ max: 23 }), fc.nat({ max: 100 }), (list, at, more) => {
        let last = 0;
        const times = list.map((delay, i) => (last = Math.max(last, 100 + 10 * i + delay)));
        const later = times.map((ms, i) => (i === at ? ms + more : ms));
        const cap = { k: 64, paceCapNs: 1 };
        const [before, after] = [times, later].map((item) =>
          ttftNs(arrivals(item), cap, defaultScoring),
        );
        expect(after).toBeGreaterThanOrEqual(before!);
      }),
    );
  });
});

describe('a guess', () => {
  const base = computed(LARGE);
  const none = scoreOfTimes(base, base);
  const cheats: Readonly<Record<string, readonly number[]>> = {
    'token 1 at once, the rest 3 an event': packedTimes(guessed(base, 1), (i) => (i === 0 ? 1 : 3)),
    'token 1 at once, the rest 4 an event': packedTimes(guessed(base, 1), (i) => (i === 0 ? 1 : 4)),
    'tokens 1 to 4 in one event': guessed(base, 4),
    'token 1 at once, token 2 at a third of the prefill': [1, 93, ...base.slice(2)],
    'eight tokens at once, then nothing until token 512': base.map((_, i) =>
      i < 8 ? 1 : base[511]!,
    ),
    'twelve tokens at once': guessed(base, 12),
    'twelve tokens at once, and slow after the window': guessed(base, 12).map((ms, i) =>
      i < 24 ? ms : ms + 4 * (i - 23),
    ),
  };
  it('read off the first token would be worth half the score: what the cheats hope for', () => {
    expect(scoreOfTimes(cheats['tokens 1 to 4 in one event']!, base, true)).toBeGreaterThan(0.45);
  });
  for (const [name, times] of Object.entries(cheats))
    it(`buys nothing: ${name}`, () => {
      expect(scoreOfTimes(times, base) - none).toBeLessThanOrEqual(0.02);
    });
});

describe('packing', () => {
  const base = computed(LARGE);
  const fast = computed(faster(LARGE, 1.4, 1.4));
  const loss = (times: readonly number[]): number =>
    scoreOfTimes(fast, base) - scoreOfTimes(times, base);
  it('costs what it delays, and never gains', () => {
    const costs = [2, 4, 8, 16].map((size) => loss(packedTimes(fast, () => size)));
    expect(costs.map((cost) => Number(cost.toFixed(3)))).toEqual([0.013, 0.038, 0.089, 0.143]);
    expect(loss(everyMs(fast, 50))).toBeCloseTo(0.065, 3);
    expect(loss(everyMs(fast, 100))).toBeCloseTo(0.11, 2);
  });
  it('of exact speculation costs about 0.01 where the pace is even', () => {
    for (const size of [2, 3, 4, 5]) {
      const steps = [
        200,
        ...Array.from({ length: 511 }, (_, i) => 210 + 10 * Math.floor(i / size)),
      ];
      const charged = scoreOfTimes(steps, base, true) - scoreOfTimes(steps, base);
      expect(charged).toBeLessThanOrEqual(0.02);
      expect(charged).toBeGreaterThanOrEqual(0);
    }
  });
});

describe('throughput', () => {
  it('is end to end over the tokens that both have', () => {
    const ten = answerOf([
      ...steady(10).map((ms) => [ms, event('q,')] as const),
      [190, event('', { finish_reason: 'length' }) + DONE],
    ]);
    const n = ten.arrivalsNs.length;
    expect(n).toBeGreaterThanOrEqual(10);
    expect(tokensPerSecond({ ...ten, sentNs: 0 }, uncapped(n))).toBeCloseTo(n / 0.19, 6);
    expect(tokensPerSecond({ ...ten, sentNs: 0 }, uncapped(1))).toBeCloseTo(1 / 0.1, 6);
    expect(tokensPerSecond(arrivals(steady(10), 90), uncapped(10))).toBeCloseTo(100, 9);
    expect(tokensPerSecond(arrivals([]), uncapped(0))).toBe(0);
    expect(tinyArena.scoring.ttftWindow).toBe(16);
  });
  it('is the same for a guesser, as the last token is not guessed', () => {
    const base = computed(LARGE);
    expect(readTimes(guessed(base, 12), base).tokensPerSecond).toBe(
      readTimes(base, base).tokensPerSecond,
    );
  });
});
