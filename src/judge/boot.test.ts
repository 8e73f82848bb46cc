// Tests of the choice between repeated runs, of void timing samples, and of the clock check.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../compose/repository.ts';
import { loadTokenizer } from '../prompts/io/tokenizer-file.ts';
import { parseArena } from '../schema/arena.ts';
import { clockFault } from '../schema/clock-receipt.ts';
import {
  type ClientCost,
  parseTrace,
  type Trace,
  traceLine,
  type TraceLine,
} from '../schema/trace.ts';
import { readBoot } from './boot.ts';
import { voidSampleReason } from './void-samples.ts';

const MS = 1e6;
const file = JSON.parse(readFileSync(join(ROOT, 'src/devnet/arena.json'), 'utf8')) as object;
const arena = parseArena({ ...file, driftLimit: 0.03, clock: {} }, 'test');
const tokenizer = loadTokenizer(arena.tokenizer, ROOT);
const context = { arena, tokenizer, prompts: { warmup: [], scored: [0] } };
const ids = tokenizer.encode('one two three');

type Shape = {
  ttftMs?: number;
  cost?: ClientCost;
  outcome?: 'done' | 'timeout';
  events?: string[];
  run?: number;
};
/** A run of one prompt: its first token after `ttftMs`, the rest a millisecond apart. */
function runOf(
  name: string,
  run: number,
  { ttftMs = 100, cost, outcome = 'done', events = [], run: said = run }: Shape = {},
): Trace {
  const role = name === 'baseline' ? 'baseline' : 'challenger';
  const texts = ids.map((id) => Buffer.from(tokenizer.bytesOf(id)!).toString());
  const event = (content: string, more = {}): string =>
    `data: ${JSON.stringify({ choices: [{ delta: { content }, ...more }] })}\n\n`;
  const lines: TraceLine[] = [
    {
      type: 'header',
      schema: 1,
      role,
      key: role === 'baseline' ? null : name,
      image: 'x',
      blockHash: '0x',
      shard: 0,
      boot: 1,
      run: said,
      startedAt: '',
    },
    ...events.map((event): TraceLine => ({ type: 'event', tNs: 0, name: event })),
    { type: 'request', prompt: 0, warmup: false, tNs: 0, body: { max_tokens: ids.length } },
    ...(outcome === 'done' ? texts : []).map((text, i): TraceLine => ({
      type: 'chunk',
      prompt: 0,
      tNs: Math.round((ttftMs + i) * MS),
      text: event(text),
    })),
    ...(outcome === 'done'
      ? [
          {
            type: 'chunk',
            prompt: 0,
            tNs: Math.round((ttftMs + 10) * MS),
            text: `${event('', { finish_reason: 'length' })}data: [DONE]\n\n`,
          } as TraceLine,
        ]
      : []),
    {
      type: 'end',
      prompt: 0,
      tNs: Math.round((ttftMs + 10) * MS),
      status: 200,
      outcome,
      detail: '',
      ...(cost ? { client: cost } : {}),
    },
    {
      type: 'teacher',
      prompt: 0,
      tokenIds: ids,
      ends: ids.map((_, i) => texts.slice(0, i + 1).join('').length),
      top: ids.map(() => -0.1),
      own: ids.map(() => -0.1),
    },
  ];
  return parseTrace(lines.map(traceLine).join(''), name);
}
const starved: ClientCost = { firstWaitNs: 60 * MS, waitNs: 60 * MS, gcNs: 0 };
const boot = (traces: Record<string, Trace>) =>
  readBoot({
    given: (name, run) => traces[`${name}.${run}`] ?? null,
    context,
    place: 'test',
    belongs: () => true,
  });
const judged = (traces: Record<string, Trace>): string => {
  const verdict = boot(traces).judge('arm', null);
  return verdict
    ? `${verdict.verdict} ${verdict.summary ? Math.round(verdict.summary.ttftNs / MS) : verdict.reason}`
    : 'none';
};
const baselines = { 'baseline.1': runOf('baseline', 1), 'baseline.2': runOf('baseline', 2) };

describe('which run counts', () => {
  it('is the first, whatever a second says', () => {
    expect(
      judged({
        ...baselines,
        'arm.1': runOf('arm', 1, { ttftMs: 50 }),
        'arm.2': runOf('arm', 2, { ttftMs: 10 }),
      }),
    ).toBe('VALID 50');
  });
  it('is the second where the first ended through nobody’s fault', () => {
    expect(
      judged({
        ...baselines,
        'arm.1': runOf('arm', 1, { cost: starved }),
        'arm.2': runOf('arm', 2, { ttftMs: 20 }),
      }),
    ).toBe('VALID 20');
    expect(judged({ ...baselines, 'arm.1': runOf('arm', 1, { cost: starved }) })).toMatch(
      /^INFRA_CLOCK prompt 0: the client itself lost 60.0 ms/,
    );
  });
  it('is none where the first is left out, or a trace is of another run', () => {
    expect(judged({ ...baselines, 'arm.2': runOf('arm', 2, { ttftMs: 10 }) })).toBe('none');
    expect(judged({ ...baselines, 'arm.1': runOf('arm', 1, { run: 2 }) })).toBe('none');
    expect(
      boot({ 'baseline.1': runOf('baseline', 1), 'baseline.2': runOf('baseline', 2, { run: 1 }) })
        .baseline,
    ).toMatchObject({
      ok: false,
      verdict: 'INFRA_HOST',
    });
  });
  it('is the second attempt where the first’s baseline drifted or its clock failed, and only then', () => {
    const again = {
      'baseline.3': runOf('baseline', 3, { ttftMs: 80 }),
      'baseline.4': runOf('baseline', 4, { ttftMs: 80 }),
      'arm.1': runOf('arm', 1, { ttftMs: 50 }),
      'arm.3': runOf('arm', 3, { ttftMs: 40 }),
    };
    expect(judged({ ...baselines, ...again })).toBe('VALID 50');
    const drifted = { ...baselines, 'baseline.2': runOf('baseline', 2, { ttftMs: 150 }) };
    expect(judged({ ...drifted, 'arm.1': again['arm.1'] })).toMatch(/^INFRA_DRIFT/);
    expect(judged({ ...drifted, ...again })).toBe('VALID 40');
    expect(
      judged({ ...baselines, 'baseline.1': runOf('baseline', 1, { cost: starved }), ...again }),
    ).toBe('VALID 40');
  });
  it('a server’s own fault stands, also from an attempt that did not count', () => {
    const drifted = {
      ...baselines,
      'baseline.2': runOf('baseline', 2, { ttftMs: 150 }),
      'baseline.3': runOf('baseline', 3),
      'baseline.4': runOf('baseline', 4),
    };
    expect(
      judged({
        ...drifted,
        'arm.1': runOf('arm', 1, { outcome: 'timeout' }),
        'arm.3': runOf('arm', 3),
      }),
    ).toMatch(/^E_TIMEOUT/);
    expect(
      judged({
        ...drifted,
        'arm.1': runOf('arm', 1, { cost: starved }),
        'arm.2': runOf('arm', 2, { outcome: 'timeout' }),
      }),
    ).toMatch(/^E_TIMEOUT/);
  });
  it('a deadline that passed while the client had no core is no miner’s loss', () => {
    expect(
      judged({ ...baselines, 'arm.1': runOf('arm', 1, { outcome: 'timeout', cost: starved }) }),
    ).toMatch(/^INFRA_CLOCK/);
  });
});

describe('a void sample', () => {
  const [request] = runOf('arm', 1, {
    cost: { firstWaitNs: 1 * MS, waitNs: 6 * MS, gcNs: 0 },
  }).requests;
  it('is one of which the client lost more than 5 ms and 2 % itself', () => {
    expect(voidSampleReason(request!, arena.clock)?.reasons).toEqual([
      {
        code: 'client-held-up',
        detail: 'the client itself lost 6.0 ms of the 110.0 ms to the answer',
        value: 6,
        limit: 5,
      },
    ]);
    expect(
      voidSampleReason(
        { ...request!, cost: { firstWaitNs: 1 * MS, waitNs: 4 * MS, gcNs: 0 } },
        arena.clock,
      ),
    ).toBeNull();
    expect(
      voidSampleReason(
        { ...request!, cost: { firstWaitNs: 0, waitNs: 3 * MS, gcNs: 3 * MS } },
        arena.clock,
      ),
    ).not.toBeNull();
    expect(voidSampleReason({ ...request!, cost: null }, arena.clock)).toBeNull();
  });
  it('is none for who floods the client himself', () => {
    const flood = Array.from({ length: 5000 }, (_, i) => ({ tNs: i, bytes: new Uint8Array(1) }));
    expect(voidSampleReason({ ...request!, chunks: flood }, arena.clock)).toBeNull();
    expect(
      voidSampleReason(
        { ...request!, chunks: [{ tNs: 1, bytes: new Uint8Array(1e6) }] },
        arena.clock,
      ),
    ).toBeNull();
  });
});

describe('the clock’s receipt', () => {
  const good = {
    streams: 1,
    chunks: 100,
    lostChunks: 0,
    medianTtftErrorNs: 100_000,
    medianErrorNs: 90_000,
    p99ErrorNs: 900_000,
    throughputBias: -0.0005,
  };
  it('holds within the limits, and names the one that it breaks', () => {
    expect(clockFault(good, arena.clock)).toBeNull();
    const named = (over: Partial<typeof good>): unknown =>
      clockFault({ ...good, ...over }, arena.clock)?.reasons.map(({ detail: _, ...why }) => why);
    expect(named({ lostChunks: 1 })).toEqual([{ code: 'clock-chunks', value: 1, limit: 0 }]);
    const { ttftBiasMs, p99Ms, throughputBias } = arena.clock;
    expect(named({ medianTtftErrorNs: 300_000 })).toEqual([
      { code: 'clock-ttft', value: 0.3, limit: ttftBiasMs },
    ]);
    expect(named({ medianTtftErrorNs: -300_000 })).toMatchObject([{ code: 'clock-ttft' }]);
    expect(named({ p99ErrorNs: 3_100_000 })).toEqual([
      { code: 'clock-p99', value: 3.1, limit: p99Ms },
    ]);
    expect(named({ throughputBias: -0.003 })).toEqual([
      { code: 'clock-throughput', value: -0.003, limit: throughputBias },
    ]);
  });
});
