// What becomes of an arm whose trace is odd, cut, or ended by a fault.
import { tokenizer, tinyArena as arena } from '../testing/answer-fixture.ts';
import { because } from '../schema/reasons.ts';

import { describe, expect, it } from 'vitest';

import { parseTrace, traceLine, type TraceLine } from '../schema/trace.ts';
import type { JudgeContext } from './arm-reading.ts';
import { judgeArm } from './arm.ts';
import { readBaseline } from './baseline.ts';

describe('a trace', () => {
  const header: TraceLine = {
    type: 'header',
    schema: 1,
    role: 'challenger',
    key: null,
    image: 'x',
    seed: '0x',
    originNs: 0,
    shard: 0,
    boot: 1,
    run: 1,
    startedAt: '',
  };
  const lines = (more: TraceLine[]): string => [header, ...more].map(traceLine).join('');
  const ask: TraceLine = {
    type: 'request',
    prompt: 0,
    warmup: false,
    tNs: 1,
    bodySha256: '0'.repeat(64),
  };
  const context: JudgeContext = { arena, tokenizer, prompts: { warmup: [], scored: [0] } };
  it('keeps out what it does not know, and names what is wrong with a line number', () => {
    expect(parseTrace(`${lines([])}{"type":"new","x":1}\n`, 't').requests).toEqual([]);
    expect(() => parseTrace(lines([ask, ask]), 't')).toThrow(/line 3.*twice/);
    expect(() => parseTrace(lines([]).slice(0, -3), 't')).toThrow(/line 1/);
    expect(() =>
      parseTrace(`${lines([])}{"type":"chunk","prompt":0,"tNs":1,"text":""}\n`, 't'),
    ).toThrow(/without its request/);
    expect(() =>
      parseTrace(lines([ask, { type: 'chunk', prompt: 0, tNs: 0, text: '' }]), 't'),
    ).toThrow(/time goes back/);
  });
  it('is cut where a prompt or its end is missing, unless a fault ended the run', () => {
    const baseline = { ok: false, verdict: 'INFRA_BASELINE', ...because('drift', '') } as const;
    const judge = (more: TraceLine[]) =>
      judgeArm(parseTrace(lines(more), 't'), baseline, context, { same: true });
    expect(() => judge([])).toThrow(/prompt 0 is missing/);
    expect(() => judge([ask])).toThrow(/prompt 0 has no end/);
    expect(
      judge([ask, { type: 'end', prompt: 0, tNs: 9, status: 503, outcome: 'status', detail: '' }])
        .verdict,
    ).toBe('E_API');
    expect(judge([{ type: 'event', tNs: 5, name: 'start-timeout' }]).verdict).toBe(
      'E_START_TIMEOUT',
    );
    expect(judge([{ type: 'event', tNs: 5, name: 'exit' }]).verdict).toBe('E_EXIT');
    // The verdict names a state that the server left on the machine, also where the baseline failed
    // because of it; it does not name what the machine lacked.
    expect(judge([{ type: 'event', tNs: 5, name: 'gpu-state' }]).verdict).toBe('SEC_GPU_STATE');
    for (const name of ['disk', 'digest', 'registry', 'host'])
      expect(judge([{ type: 'event', tNs: 5, name }]).verdict).toBe('INFRA_BASELINE');
    expect(
      judge([
        ask,
        { type: 'end', prompt: 0, tNs: 9, status: 200, outcome: 'closed', detail: '' },
        { type: 'event', tNs: 9, name: 'oom' },
      ]).verdict,
    ).toBe('E_OOM');
  });
  it("makes a baseline that never starts nobody's fault", () => {
    const trace = parseTrace(lines([{ type: 'event', tNs: 5, name: 'start-timeout' }]), 't');
    expect(readBaseline(trace, null, context)).toMatchObject({
      ok: false,
      verdict: 'INFRA_ENGINE',
    });
  });
});
