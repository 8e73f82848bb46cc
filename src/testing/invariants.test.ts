// The invariants themselves: each notices what it is there for.
import { beforeAll, describe, expect, it } from 'vitest';
import { readLedger } from '../ledger/read.ts';
import type { AnyRecord } from '../ledger/verify.ts';
import { INVARIANTS } from './invariants.ts';
import { ledgerFixture } from './ledger-fixture.ts';
import { MemoryChain } from './memory-chain.ts';

let records: readonly AnyRecord[] = [];
let validator = '';
beforeAll(async () => {
  const fixture = await ledgerFixture();
  validator = fixture.validator;
  records = readLedger(validator, fixture.files).records;
});

/** What an invariant finds after everything that a validator left. */
async function brokenBy(
  id: string,
  left: readonly AnyRecord[],
  rows: readonly number[] = [],
): Promise<string[]> {
  const chain = new MemoryChain(validator);
  chain.taken = () =>
    rows.map((block) => ({
      block,
      call: { kind: 'set-weights', netuid: 2, row: [], versionKey: 0 } as never,
    }));
  const landed = new Map(records.map(({ path, sha256 }) => [path, sha256]));
  const invariant = INVARIANTS.find((item) => item.id === id)!;
  return invariant.broken({ validator, records: left, faults: [], landed, chain });
}
const without = (path: RegExp): AnyRecord[] => records.filter((item) => !path.test(item.path));

describe('the invariant', () => {
  it.each(['I1', 'I2', 'I3', 'I5', 'I6'])('%s holds of a whole ledger', async (id) => {
    expect(await brokenBy(id, records)).toEqual([]);
  });
  it('I1 misses a record that was there', async () => {
    expect(await brokenBy('I1', without(/weights\/310/))).toHaveLength(2);
  });
  it('I2 sees a plan that ended twice', async () => {
    const round = records.find(({ kind }) => kind === 'round')!;
    expect(await brokenBy('I2', [...records, round])).toEqual([
      expect.stringMatching(/plan\.json ended twice/),
    ]);
  });
  it('I3 sees a plan that never ended', async () => {
    expect(await brokenBy('I3', without(/300\/round/))).toHaveLength(1);
  });
  it('I4 sees a row that no record knows', async () => {
    expect(await brokenBy('I4', [], [5])).toContain('1 rows on chain, 0 on record');
  });
  it('I5 sees two rows in an epoch, and none in two', async () => {
    expect(await brokenBy('I5', records, [5, 300])).toEqual(['2 rows in epoch 0']);
    expect(await brokenBy('I5', records, [5, 400])).toEqual([]);
  });
  it('I6 sees a gap', async () => {
    expect((await brokenBy('I6', records.slice(1)))[0]).toMatch(/is number 1, not 0/);
  });
});
