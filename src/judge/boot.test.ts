// Which of several runs of an arm and its baseline counts.
import { MS } from '../testing/answer-fixture.ts';
import { bootContext as context, madeRun } from '../testing/run-fixture.ts';

import { describe, expect, it } from 'vitest';

import type { ClientCost } from '../schema/answer-cost.ts';
import type { Trace } from '../schema/trace.ts';
import { readBoot } from './boot.ts';

const starved: ClientCost = { firstWaitNs: 60 * MS, waitNs: 60 * MS, gcNs: 0 };

const boot = (traces: Record<string, Trace>) =>
  readBoot({
    given: (name, run) => traces[`${name}.${run}`] ?? null,
    context,
    place: 'test',
    belongs: () => true,
  });

const judged = (traces: Record<string, Trace>): string => {
  const verdict = boot(traces).judge({ name: 'arm', incumbent: false });
  return verdict
    ? `${verdict.verdict} ${verdict.summary ? Math.round(verdict.summary.ttftNs / MS) : verdict.reason}`
    : 'none';
};

const baselines = { 'baseline.1': madeRun('baseline', 1), 'baseline.2': madeRun('baseline', 2) };

describe('which run counts', () => {
  it('is the first, whatever a second says', () => {
    expect(
      judged({
        ...baselines,
        'arm.1': madeRun('arm', 1, { ttftMs: 50 }),
        'arm.2': madeRun('arm', 2, { ttftMs: 10 }),
      }),
    ).toBe('VALID 52');
  });
  it('is the second where the first ended through nobody’s fault', () => {
    expect(
      judged({
        ...baselines,
        'arm.1': madeRun('arm', 1, { cost: starved }),
        'arm.2': madeRun('arm', 2, { ttftMs: 20 }),
      }),
    ).toBe('VALID 22');
    expect(judged({ ...baselines, 'arm.1': madeRun('arm', 1, { cost: starved }) })).toMatch(
      /^INFRA_CLOCK prompt 0: the client itself lost 60.0 ms/,
    );
  });
  it('is none where the first is left out, or a trace is of another run', () => {
    expect(judged({ ...baselines, 'arm.2': madeRun('arm', 2, { ttftMs: 10 }) })).toBe('none');
    expect(judged({ ...baselines, 'arm.1': madeRun('arm', 1, { run: 2 }) })).toBe('none');
    expect(
      boot({
        'baseline.1': madeRun('baseline', 1),
        'baseline.2': madeRun('baseline', 2, { run: 1 }),
      }).baseline,
    ).toMatchObject({
      ok: false,
      verdict: 'INFRA_HOST',
    });
  });
  it('is the second attempt where the first’s baseline drifted or its clock failed, and only then', () => {
    const again = {
      'baseline.3': madeRun('baseline', 3, { ttftMs: 80 }),
      'baseline.4': madeRun('baseline', 4, { ttftMs: 80 }),
      'arm.1': madeRun('arm', 1, { ttftMs: 50 }),
      'arm.3': madeRun('arm', 3, { ttftMs: 40 }),
    };
    expect(judged({ ...baselines, ...again })).toBe('VALID 52');
    const drifted = { ...baselines, 'baseline.2': madeRun('baseline', 2, { ttftMs: 150 }) };
    expect(judged({ ...drifted, 'arm.1': again['arm.1'] })).toMatch(/^INFRA_DRIFT/);
    expect(judged({ ...drifted, ...again })).toBe('VALID 42');
    expect(
      judged({ ...baselines, 'baseline.1': madeRun('baseline', 1, { cost: starved }), ...again }),
    ).toBe('VALID 42');
  });
  it('a server’s own fault stands, also from an attempt that did not count', () => {
    const drifted = {
      ...baselines,
      'baseline.2': madeRun('baseline', 2, { ttftMs: 150 }),
      'baseline.3': madeRun('baseline', 3),
      'baseline.4': madeRun('baseline', 4),
    };
    expect(
      judged({
        ...drifted,
        'arm.1': madeRun('arm', 1, { outcome: 'timeout' }),
        'arm.3': madeRun('arm', 3),
      }),
    ).toMatch(/^E_TIMEOUT/);
    expect(
      judged({
        ...drifted,
        'arm.1': madeRun('arm', 1, { cost: starved }),
        'arm.2': madeRun('arm', 2, { outcome: 'timeout' }),
      }),
    ).toMatch(/^E_TIMEOUT/);
  });
  it('of an incumbent’s fault is the repetition: one bad start costs no place', () => {
    const judge = (second: Trace | null) => {
      const runs = { 'arm.1': madeRun('arm', 1, { outcome: 'timeout' }) };
      const traces = { ...baselines, ...runs, ...(second ? { 'arm.2': second } : {}) };
      const verdict = boot(traces).judge({ name: 'arm', incumbent: true })!;
      return `${verdict.verdict} ${verdict.reasons[0]!.code}`;
    };
    expect(judge(madeRun('arm', 2))).toBe('VALID gate-passed');
    expect(judge(madeRun('arm', 2, { outcome: 'timeout' }))).toMatch(/^E_TIMEOUT/);
    expect(judge(madeRun('arm', 2, { cost: starved }))).toMatch(/^INFRA_CLOCK/);
    expect(judge(null)).toBe('INFRA_HOST no-repetition');
    const once = {
      'arm.1': madeRun('arm', 1, { cost: starved }),
      'arm.2': madeRun('arm', 2, { outcome: 'timeout' }),
    };
    const seen = boot({ ...baselines, ...once }).judge({
      ...{ name: 'arm', incumbent: true },
    });
    expect(seen?.verdict).toBe('INFRA_HOST');
    expect(judged({ ...baselines, ...once })).toMatch(/^E_TIMEOUT/);
    const gone = { ...baselines, 'arm.1': madeRun('arm', 1, { events: ['image-policy'] }) };
    const policy = boot(gone).judge({ name: 'arm', incumbent: true });
    expect(policy?.verdict).toBe('E_IMAGE_POLICY');
  });
  it('a deadline that passed while the client had no core is no miner’s loss', () => {
    expect(
      judged({ ...baselines, 'arm.1': madeRun('arm', 1, { outcome: 'timeout', cost: starved }) }),
    ).toMatch(/^INFRA_CLOCK/);
  });
});
