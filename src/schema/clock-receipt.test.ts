// What the receipt of a clock check may say.
import { bootArena as arena } from '../testing/run-fixture.ts';

import { describe, expect, it } from 'vitest';

import { clockFault } from './clock-receipt.ts';

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
