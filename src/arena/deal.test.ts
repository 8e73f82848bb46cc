// Whose turn it is, and which machine measures whom.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { because } from '../schema/reasons.ts';
import type { Submission } from '../schema/submission.ts';
import { armOrder, dealShards, takeTurns } from './deal.ts';

const rules = { shardEntries: 6, maxShards: 4, coldkeyEntries: 2 };
const waiting = (coldkey: string, commitBlock: number) => ({
  ...{ key: `${coldkey}:${commitBlock}`, hotkey: `${coldkey}${commitBlock}`, coldkey, commitBlock },
});
const submission = (key: string, more: Partial<Submission> = {}): Submission => ({
  ...{ key, hotkey: key, coldkey: key, uid: 1, commitBlock: 1, revealBlock: null, image: 'i' },
  ...{ digest: 'd', base: null, paymentTx: null, status: 'evaluate', role: 'challenger' },
  ...{ verdict: null, history: null, ...because('admitted', '') },
  ...more,
});
const seed = new Uint8Array(32).fill(7);
const fresh = { returning: new Set<string>(), unreached: new Set<string>() };

describe('turns', () => {
  it('go round robin over coldkeys, the oldest of each first, at most two of one', () => {
    const ready = [
      waiting('a', 1),
      waiting('a', 2),
      waiting('a', 3),
      waiting('b', 9),
      waiting('c', 5),
    ];
    const { taken, order } = takeTurns(ready, fresh, rules);
    expect(order).toEqual(['a:1', 'c:5', 'b:9', 'a:2', 'a:3']);
    expect([...taken]).toEqual(['a:1', 'c:5', 'b:9', 'a:2']);
  });
  it('begin with those that the last rounds could not decide', () => {
    const ready = [waiting('a', 1), waiting('b', 9), waiting('b', 8), waiting('b', 7)];
    const { order, taken } = takeTurns(
      ready,
      { ...fresh, returning: new Set(['b:9', 'b:8', 'b:7']) },
      rules,
    );
    expect(order).toEqual(['b:7', 'b:8', 'b:9', 'a:1']);
    expect(taken.size).toBe(4);
  });
  it('leave half of the places to others, however many could not be decided', () => {
    const again = Array.from({ length: 40 }, (_, i) => waiting(`again${i}`, i));
    const others = Array.from({ length: 40 }, (_, i) => waiting(`other${i}`, 100 + i));
    const returning = new Set(again.map(({ key }) => key));
    const { taken } = takeTurns([...again, ...others], { ...fresh, returning }, rules);
    expect(again.filter(({ key }) => taken.has(key))).toHaveLength(24);
    const crowd = { ...fresh, returning: new Set([...returning].slice(0, 12)) };
    const mixed = takeTurns([...again.slice(0, 12), ...others], crowd, rules).taken;
    expect([...mixed].filter((key) => key.startsWith('again'))).toHaveLength(12);
    expect([...mixed].filter((key) => key.startsWith('other'))).toHaveLength(12);
  });
  it('come last for those whose registry gave nothing the last time', () => {
    const shut = Array.from({ length: 24 }, (_, i) => waiting(`shut${i}`, i));
    const unreached = new Set(shut.map(({ key }) => key));
    const { taken } = takeTurns([...shut, waiting('new', 999)], { ...fresh, unreached }, rules);
    expect(taken.has('new:999')).toBe(true);
    expect(taken.size).toBe(24);
  });
  it('go on for the other entries of a coldkey with a dead registry, and never begin with a dead one', () => {
    const dead = [waiting('m', 1), waiting('m', 2)];
    const unreached = new Set(dead.map(({ key }) => key));
    const { taken } = takeTurns([...dead, waiting('m', 3)], { ...fresh, unreached }, rules);
    expect([...taken]).toEqual(['m:3', 'm:1']);
    const others = Array.from({ length: 30 }, (_, i) => waiting(`other${i}`, 100 + i));
    const both = { returning: unreached, unreached };
    const crowded = takeTurns([...dead, ...others], both, rules).taken;
    expect(dead.some(({ key }) => crowded.has(key))).toBe(false);
  });
  it('of five thousand submissions fill one plan at once, whatever one coldkey sent', () => {
    const flood = Array.from({ length: 4990 }, (_, i) => waiting('flood', i));
    const others = Array.from({ length: 10 }, (_, i) => waiting(`other${i}`, 10_000 + i));
    const { taken } = takeTurns([...flood, ...others], fresh, rules);
    expect(taken.size).toBe(12);
    for (const { key } of others) expect(taken.has(key)).toBe(true);
  });
  it('never take more than a plan holds, nor more than two new ones of a coldkey', () => {
    const entries = fc.array(
      fc.record({
        coldkey: fc.constantFrom('a', 'b', 'c', 'd'),
        block: fc.integer({ min: 1, max: 99 }),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(entries, fc.integer({ min: 1, max: 3 }), (list, shardEntries) => {
        const ready = [
          ...new Map(list.map((item) => [`${item.coldkey}:${item.block}`, item])).values(),
        ].map(({ coldkey, block }) => waiting(coldkey, block));
        const { taken, order } = takeTurns(ready, fresh, { ...rules, shardEntries });
        expect(taken.size).toBeLessThanOrEqual(shardEntries * 4);
        expect(order.length).toBe(ready.length);
        for (const coldkey of ['a', 'b', 'c', 'd'])
          expect([...taken].filter((key) => key.startsWith(coldkey)).length).toBeLessThanOrEqual(2);
      }),
    );
  });
});

describe('shards', () => {
  const many = Array.from({ length: 13 }, (_, i) => submission(`c${i}`));
  const winner = submission('w', { role: 'winner' });
  it('are as many as the challengers need, all but equal, each with the incumbents', () => {
    const shards = dealShards([winner, ...many], rules, seed);
    expect(shards.map(({ entries }) => entries.length)).toEqual([6, 6, 4]);
    expect(shards.every(({ entries }) => entries[0] === 'w')).toBe(true);
    const dealt = shards.flatMap(({ entries }) => entries.slice(1));
    expect([...dealt].sort()).toEqual(many.map(({ key }) => key).sort());
    expect(dealShards([winner], rules, seed)).toEqual([]);
    expect(dealShards([...many].reverse(), rules, seed)).toEqual(dealShards(many, rules, seed));
  });
  it('put a server during which machines broke off last and alone', () => {
    const shards = dealShards([winner, ...many, submission('x', { suspect: 2 })], rules, seed);
    expect(shards.at(-1)).toEqual({ index: 3, entries: ['w', 'x'] });
    const once = dealShards([...many.slice(0, 3), submission('x', { suspect: 1 })], rules, seed);
    expect(once).toHaveLength(1);
  });
  it('measure in an order that only the seed tells', () => {
    const keys = many.map(({ key }) => key);
    expect(armOrder(keys, seed, 0, 1)).toEqual(armOrder([...keys].reverse(), seed, 0, 1));
    expect(armOrder(keys, seed, 0, 1)).not.toEqual(armOrder(keys, seed, 0, 2));
  });
});
