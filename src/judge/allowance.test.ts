// What the baseline allows the servers beside it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DocumentError } from '../schema/errors.ts';
import type { Trace } from '../schema/trace.ts';
import { bootContext as context, madeRun } from '../testing/run-fixture.ts';
import { allowanceOf, slowLimitsNs, tooSlowAt } from './allowance.ts';
import { judgeArm } from './arm.ts';
import { readBaseline } from './baseline.ts';

/** A run whose answers took so many ms, one after another. */
function asked(times: readonly number[]): Trace {
  let at = 0;
  const requests = times.map((ms) => {
    const sentNs = at * 1e6;
    at += ms;
    return { sentNs, end: { tNs: at * 1e6 } };
  });
  return { ...madeRun('arm', 1), requests } as unknown as Trace;
}

const rules = { ...context.arena, startFactor: 2, startSlack: 60, tooSlowFactor: 3 };
const deadlines = { ...rules.deadlines, start: 750 };
const baseline = readBaseline(madeRun('baseline', 1), madeRun('baseline', 2), context);
const judge = (trace: Trace, same = true) => judgeArm(trace, baseline, context, { same });

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
    expect(tooSlowAt(run(320), [330e6])).toBeNull();
    const slow = { atNs: 331e6, tookNs: 331e6, limitNs: 330e6 };
    expect(tooSlowAt(run(321), [330e6])).toEqual(slow);
    expect(judge(run(321))).toMatchObject({
      ...{ verdict: 'VALID', score: 0, gate: null, summary: null },
      reason: "its answers took 0.33 s, 0.33 s are 3 times the baseline's",
      reasons: [{ code: 'too-slow', value: 0.331, limit: 0.33 }],
    });
    expect(judge(run(320)).gate?.pass).toBe(true);
  });
  it('is held against boot 1’s average in later boots', () => {
    expect(slowLimitsNs(madeRun('baseline', 1), 3, { others: 3 })).toEqual([330e6, 660e6, 990e6]);
    expect(judge(run(321), false).reasons[0]!.code).toBe('too-slow');
  });
  it('is held against what answers took, not against when they came', () => {
    expect(slowLimitsNs(asked([100, 200]), 3, 'same')).toEqual([300e6, 900e6]);
    expect(slowLimitsNs(asked([100, 200]), 3, { others: 2 })).toEqual([450e6, 900e6]);
  });
  it('may not end so where it was not', () => {
    expect(() => judge(run(100, ['too-slow']))).toThrow(DocumentError);
    expect(() => judge(run(100, ['too-slow']))).toThrow('it ends as too slow, and was not');
  });
  it('is the sooner too slow, the less it may take', () => {
    const times = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(times, times, fc.double({ min: 1, max: 9, noNaN: true }), (own, base, factor) => {
        const at = (more: number) =>
          tooSlowAt(asked(own), slowLimitsNs(asked(base), factor * more, 'same'))?.atNs ?? Infinity;
        expect(at(1)).toBeLessThanOrEqual(at(2));
      }),
    );
  });
  it('has its own fault first where that came before', () => {
    const died = madeRun('arm', 1, { ttftMs: 400, events: ['exit'] });
    expect(judge(died).verdict).toBe('E_EXIT');
  });
});
