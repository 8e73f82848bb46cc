// What counts against a miner only once it happened more than once.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { because } from '../schema/reasons.ts';
import type { Verdict } from '../schema/verdicts.ts';
import { blameFor, type BlamedEntry, brokeHost, metShutDoor } from './blame.ts';

const entry = (
  key: string,
  verdict: Verdict,
  code = 'registry',
  more: Partial<BlamedEntry> = {},
): BlamedEntry => ({
  ...{ key, image: `ghcr.io/${key}/x`, role: 'challenger' },
  boots: [{ shard: 0, verdict, ...because(code, code) }],
  ...more,
});
const fetched = (image: string) => entry('other', 'VALID', 'gate-passed', { image });

describe('a shut door', () => {
  const shut = (own: BlamedEntry, others: readonly BlamedEntry[] = []) =>
    metShutDoor(own, [own, ...others]);
  it('is a registry that says no, whatever became of others', () => {
    expect(shut(entry('a', 'INFRA_REGISTRY', 'image-gone'))).toBe(true);
    expect(shut(entry('a', 'INFRA_DIGEST', 'digest'))).toBe(true);
    expect(shut(entry('a', 'INFRA_REGISTRY', 'registry-busy'))).toBe(false);
    expect(shut(entry('a', 'INFRA_HOST', 'host'))).toBe(false);
    expect(shut(entry('a', 'INFRA_REGISTRY', 'image-gone', { boots: [] }))).toBe(false);
  });
  it('is a registry that fails only while another image came, from the same host where one was asked', () => {
    const failed = entry('a', 'INFRA_REGISTRY', 'registry');
    const neighbour = (verdict: Verdict) => entry('b', verdict, 'x', { image: 'ghcr.io/b/y' });
    expect(shut(failed)).toBe(false);
    expect(shut(failed, [fetched('docker.io/o/x')])).toBe(true);
    expect(shut(failed, [neighbour('INFRA_REGISTRY'), fetched('docker.io/o/x')])).toBe(false);
    expect(shut(failed, [neighbour('E_GATE')])).toBe(true);
  });
  it('of an incumbent needs a challenger’s image that came: its own runs from a copy', () => {
    const winner = entry('w', 'INFRA_REGISTRY', 'image-gone', { role: 'winner' });
    const second = entry('s', 'VALID', 'gate-passed', { role: 'runner-up' });
    expect(shut(winner, [second])).toBe(false);
    expect(shut(winner, [second, fetched('docker.io/o/x')])).toBe(true);
  });
});

describe('an incumbent on several machines', () => {
  const other = fetched('docker.io/o/x');
  const on = (shards: readonly [number, Verdict, string][]) =>
    entry('w', 'VALID', 'x', {
      role: 'winner',
      boots: shards.map(([shard, verdict, code]) => ({ shard, verdict, ...because(code, code) })),
    });
  it('hides where one has no copy of it, though another measured it', () => {
    const winner = on([
      [1, 'VALID', 'gate-passed'],
      [0, 'INFRA_REGISTRY', 'image-gone'],
    ]);
    expect(metShutDoor(winner, [winner, other])).toBe(true);
    expect(metShutDoor(on([[2, 'INFRA_REGISTRY', 'image-gone']]), [other])).toBe(false);
  });
  it('hides behind a busy registry too: it had its round to be copied in', () => {
    const winner = on([[0, 'INFRA_REGISTRY', 'registry-busy']]);
    expect(metShutDoor(winner, [winner, other])).toBe(true);
  });
});

describe('any round', () => {
  const codes = fc.constantFrom('registry', 'registry-busy', 'image-gone', 'digest');
  const verdicts = fc.constantFrom<Verdict>(
    'INFRA_REGISTRY',
    'INFRA_DIGEST',
    'INFRA_HOST',
    'VALID',
  );
  const entries = fc.array(fc.tuple(verdicts, codes, fc.constantFrom('ghcr.io', 'docker.io')), {
    minLength: 1,
    maxLength: 6,
  });
  it('blames nobody who was measured or met a busy registry, and no failure where nothing came', () => {
    fc.assert(
      fc.property(entries, (list) => {
        const all = list.map(([verdict, code, host], i) =>
          entry(`m${i}`, verdict, code, { image: `${host}/m${i}/x` }),
        );
        const anyCame = list.some(([verdict]) => verdict === 'VALID');
        for (const [i, [verdict, code]] of list.entries()) {
          const shut = metShutDoor(all[i]!, all);
          if (verdict === 'VALID' || verdict === 'INFRA_HOST') expect(shut).toBe(false);
          if (code === 'registry-busy') expect(shut).toBe(false);
          if (code === 'registry' && !anyCame) expect(shut).toBe(false);
        }
      }),
    );
  });
});

describe('blame', () => {
  const gone = entry('a', 'INFRA_REGISTRY', 'image-gone');
  const round = (block: number, own: BlamedEntry) => ({
    all: [own, fetched('docker.io/o/x')],
    block,
  });
  it('falls on a challenger in the third round, on an incumbent six hours after the first', () => {
    const since = 1000;
    const after = (rounds: number) => blameFor({ shut: { rounds, since } }, gone, round(1, gone));
    expect(after(1)).toBeNull();
    expect(after(2)?.verdict).toBe('E_REF');
    const winner = { ...gone, role: 'winner' as const };
    const late = (block: number) =>
      blameFor({ shut: { rounds: 1, since } }, winner, round(block, winner));
    expect(late(since + 1799)).toBeNull();
    expect(late(since + 1800)?.reasons[0]).toMatchObject({ code: 'shut', value: 2 });
    expect(blameFor({}, gone, round(1, gone))).toBeNull();
  });
  it('falls on who broke a machine for the third time', () => {
    const bomb = entry('a', 'INFRA_HOST', 'broke-off');
    expect(brokeHost(bomb)).toBe(true);
    expect(brokeHost(entry('a', 'INFRA_HOST', 'no-trace'))).toBe(false);
    const after = (suspect: number) => blameFor({ suspect }, bomb, round(1, bomb))?.verdict ?? null;
    expect([0, 1, 2].map(after)).toEqual([null, null, 'E_EXIT']);
    const { reason, reasons } = blameFor({ suspect: 2 }, bomb, round(1, bomb))!;
    expect([reasons[0]!.value, reason]).toEqual([3, expect.stringContaining('in 3 rounds')]);
    const winner = { ...bomb, role: 'winner' as const };
    expect(blameFor({ suspect: 9 }, winner, round(1, winner))).toBeNull();
    const boots = [...entry('a', 'VALID', 'x').boots, ...bomb.boots];
    expect(brokeHost({ boots })).toBe(true);
  });
});
