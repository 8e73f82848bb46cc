// Time to first token and tokens per second of an answer.
import {
  tokenizer,
  tinyArena as arena,
  MS,
  event,
  DONE,
  answerOf,
} from '../testing/answer-fixture.ts';

import { describe, expect, it } from 'vitest';
import { type Answer } from '../answers/answer.ts';

import { tokensPerSecond, ttftNs } from './timing.ts';

/** An answer of single-byte tokens: easy to count. */
const letters = (times: readonly number[], text = 'q'): Answer =>
  answerOf([
    ...times.map((ms) => [ms, event(text)] as const),
    [times.at(-1)!, event('', { finish_reason: 'length' }) + DONE],
  ]);

describe('timing', () => {
  const rules = arena.scoring;
  it('takes the first content token, with steady gaps and with the bursts of exact speculation', () => {
    expect(ttftNs(letters([100, 110, 120, 130, 140, 150]), 0, rules)).toBe(100 * MS);
    expect(ttftNs(letters([100, 110, 120, 130, 140, 150], 'q,q,q'), 0, rules)).toBe(100 * MS);
  });
  it('corrects a stall: a guessed first token, then the real prefill', () => {
    // gaps 90, 10, 10, 10, 10: the first is more than 8 times the median of the others; at(4) - 3 x
    // 10
    expect(ttftNs(letters([5, 100, 110, 120, 130, 140]), 0, rules)).toBe((120 - 30) * MS);
    expect(ttftNs(letters([5, 84, 94, 104, 114, 124]), 0, rules)).toBe(5 * MS);
  });
  it('corrects a burst: more than 16 tokens in one chunk were held back', () => {
    const text = 'q,'.repeat(9);
    expect(tokenizer.encode(text).length).toBeGreaterThan(16);
    const answer = answerOf([
      [5, event('q,')],
      [300, event(text)],
      [300, event('', { finish_reason: 'length' }) + DONE],
    ]);
    expect(ttftNs(answer, 0, rules)).toBe(300 * MS);
  });
  it('has no time for an answer without content', () => {
    const empty = answerOf([[5, event('', { finish_reason: 'stop' }) + DONE]]);
    expect(ttftNs(empty, 0, rules)).toBe(Infinity);
    expect(tokensPerSecond(empty, 0, 10, rules)).toBe(0);
  });
  it('takes throughput end to end over the tokens both have, and 0 below 90 %', () => {
    const ten = letters([100, 110, 120, 130, 140, 150, 160, 170, 180, 200], 'q,');
    const n = ten.arrivalsNs.length;
    expect(tokensPerSecond(ten, 0, n, rules)).toBeCloseTo(n / 0.2, 6);
    expect(tokensPerSecond(ten, 0, 1, rules)).toBeCloseTo(1 / 0.1, 6);
    expect(tokensPerSecond(ten, 0, Math.floor(n / 0.9), rules)).toBeGreaterThan(0);
    expect(tokensPerSecond(ten, 0, Math.floor(n / 0.9) + 2, rules)).toBe(0);
  });
});
