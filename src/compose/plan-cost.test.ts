// What a plan costs: from one boot a challenger to all of them, and at which price.
import { describe, expect, it } from 'vitest';
import type { PlanDraft } from '../pipeline/scan.ts';
import type { Trace } from '../schema/trace.ts';
import { costLines, costOf, hourlyPrice, spentLine, spentMinutes } from './plan-cost.ts';

const draft = (shards: number, ...roles: string[]): Pick<PlanDraft, 'predicate'> =>
  ({
    predicate: {
      ...{ shards, plannedMinutes: 200 },
      submissions: [
        ...roles.map((role) => ({ status: 'evaluate', role })),
        { status: 'waiting', role: 'challenger' },
      ],
    },
  }) as unknown as PlanDraft;
const arena = { armMinutes: 5, roleControl: true };

describe('the cost of a plan', () => {
  it('goes from one boot of every challenger to what the plan reckons with', () => {
    const cost = costOf(draft(2, 'winner', 'challenger', 'challenger', 'challenger'), arena, 2400);
    expect(cost).toEqual({
      ...{ leastMinutes: (2 * 4 + 1 + 3) * 5, mostMinutes: 200, shards: 2, challengers: 3 },
      ...{ leastCents: 2400, mostCents: 8000 },
    });
    const lines = [...costLines(cost)];
    expect(lines[0]).toBe(
      '3 challengers on 2 shards: 60 to 200 machine-minutes, by the number of boots that they need',
    );
    expect(lines[1]).toBe('24.00 USD to 80.00 USD');
  });
  it('is nothing where nothing is measured, and has no money without a price', () => {
    expect([...costLines(costOf(draft(0), arena, null))]).toEqual([
      'nothing is to be measured: no machine is needed',
    ]);
    const [, price] = costLines(costOf(draft(1, 'challenger'), arena, null));
    expect(price).toContain('CACHEON_MAX_HOURLY_PRICE');
  });
  it('takes whole cents for a price, and nothing else', () => {
    expect(hourlyPrice(undefined)).toBeNull();
    expect(hourlyPrice('2000')).toBe(2000);
    for (const text of ['20.5', '-1', 'free', '99999999'])
      expect(() => hourlyPrice(text)).toThrow(/CACHEON_MAX_HOURLY_PRICE is/);
  });
});

describe('what a round has cost', () => {
  const MINUTE = 60e9;
  const trace = (shard: number, origin: number, ends: readonly number[], event = 0): Trace =>
    ({
      header: { shard, originNs: origin * MINUTE },
      requests: ends.map((end) => ({ end: { tNs: end * MINUTE } })),
      events: [{ tNs: event * MINUTE, name: 'ready', detail: null }],
    }) as unknown as Trace;
  it('is, by shard, the last moment that a trace tells of', () => {
    const spent = spentMinutes([trace(0, 0, [1, 4]), trace(0, 5, [2, 6], 7), trace(1, 2, [])]);
    expect([...spent]).toEqual([
      [0, 12],
      [1, 2],
    ]);
    expect(spentLine(spent, 90, 1200)).toBe(
      '14.0 machine-minutes on 2 shards, of at most 90 planned; 2.80 USD',
    );
  });
  it('has no money without a price, and counts a request that never ended by its events', () => {
    const open = { ...trace(0, 1, [], 2), requests: [{ end: null }] } as unknown as Trace;
    expect(spentLine(spentMinutes([open]), 9, null)).toBe(
      '3.0 machine-minutes on 1 shard, of at most 9 planned',
    );
  });
});
