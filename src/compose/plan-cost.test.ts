// What a plan costs: from one boot a challenger to all of them, and at which price.
import { describe, expect, it } from 'vitest';
import type { PlanDraft } from '../pipeline/scan.ts';
import { costLines, costOf, hourlyPrice } from './plan-explained.ts';

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
