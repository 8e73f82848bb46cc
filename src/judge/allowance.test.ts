// What the baseline allows the servers beside it.
import { describe, expect, it } from 'vitest';
import { DocumentError } from '../schema/errors.ts';
import type { Trace } from '../schema/trace.ts';
import { bootContext as context, madeRun } from '../testing/run-fixture.ts';
import { allowanceOf, slowLimitsNs, tooSlowAtNs } from './allowance.ts';
import { judgeArm } from './arm.ts';
import { readBaseline } from './baseline.ts';

const rules = { ...context.arena, startFactor: 2, startSlack: 60, tooSlowFactor: 3 };
const deadlines = { ...rules.deadlines, start: 750 };
const baseline = readBaseline(madeRun('baseline', 1), madeRun('baseline', 2), context);
const judge = (trace: Trace, same = true) =>
  judgeArm(trace, baseline, context, { history: null, same });

describe('the start', () => {
  const seconds = (startNs: number) =>
    allowanceOf(
      { arm: { trace: madeRun('baseline', 1) }, startNs },
      { ...rules, deadlines },
      'same',
    ).startSeconds;
  it('may take twice the baseline’s and a minute more, and never more than the deadline', () => {
    expect(seconds(100e9)).toBe(260);
    expect(seconds(0)).toBe(60);
    expect(seconds(600e9)).toBe(750);
  });
});

describe('a server that is too slow', () => {
  // The baseline's one answer takes 110 ms.
  const run = (ttftMs: number, events: string[] = []) => madeRun('arm', 1, { ttftMs, events });
  it('is VALID and worth nothing from the answer on that took too long', () => {
    expect(slowLimitsNs(madeRun('baseline', 1), 3, 'same')).toEqual([330e6]);
    expect(tooSlowAtNs(run(320), [330e6])).toBeNull();
    expect(tooSlowAtNs(run(321), [330e6])).toBe(331e6);
    expect(judge(run(321))).toMatchObject({
      ...{ verdict: 'VALID', score: 0, gate: null, summary: null },
      reasons: [{ code: 'too-slow' }],
    });
    expect(judge(run(320)).gate?.pass).toBe(true);
  });
  it('is held against boot 1’s average in later boots', () => {
    expect(slowLimitsNs(madeRun('baseline', 1), 3, { others: 3 })).toEqual([330e6, 660e6, 990e6]);
    expect(judge(run(321), false).reasons[0]!.code).toBe('too-slow');
  });
  it('may not end so where it was not', () => {
    expect(() => judge(run(100, ['too-slow']))).toThrow(DocumentError);
    expect(() => judge(run(100, ['too-slow']))).toThrow('it ends as too slow, and was not');
  });
  it('has its own fault first where that came before', () => {
    const died = madeRun('arm', 1, { ttftMs: 400, events: ['exit'] });
    expect(judge(died).verdict).toBe('E_EXIT');
  });
});
