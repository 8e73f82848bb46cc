// When a person is called: a validator that stopped, or that turns in circles; and not before.
import { beforeEach, describe, expect, it } from 'vitest';
import { Keyring } from '@polkadot/keyring';
import { silentLog } from '../../core/log.ts';
import { signerOf } from '../../ledger/io/signing-key.ts';
import { OwnLedger } from '../../ledger/own-ledger.ts';
import { anchorPlan } from '../../testing/anchor-fixture.ts';
import { memoryStore } from '../../testing/memory-store.ts';
import { planDraftAt } from '../../testing/plan-fixture.ts';
import { publishVoid, signPlan } from '../publish.ts';
import { alarmsOf, alarmText } from './watch.ts';

const signer = signerOf(
  new Keyring({ type: 'sr25519', ss58Format: 42 }).createFromUri('//Validator'),
);
const operator = {
  ...{ validator: signer.address, tree: 'unknown', node: 'v24', run: null, host: {} },
  tier: 'test',
};
const HOUR = 3_600_000;
let ledger: OwnLedger;
beforeEach(() => {
  ledger = new OwnLedger(memoryStore(signer.address), signer);
});
const ports = () => ({ ledger, log: silentLog, operator });
const planAt = async (block: number) =>
  (await signPlan(ports(), planDraftAt(signer.address, block, 1))).plan!;
async function codes(block: number, more: Partial<Parameters<typeof alarmsOf>[1]> = {}) {
  const now = { block, nowMs: 100 * HOUR, lastTickMs: 99 * HOUR, lastUpdate: block, ...more };
  return [...alarmsOf(await ledger.read(), now)].map(({ code }) => code);
}

describe('the watchdog', () => {
  it('is silent where all is well', async () => {
    expect(await codes(1000)).toEqual([]);
    await planAt(1000);
    expect(await codes(1100)).toEqual([]);
  });
  it('calls where the workflow did not begin for hours, or never', async () => {
    expect(await codes(1000, { lastTickMs: 96 * HOUR })).toEqual(['missed-ticks']);
    expect(await codes(1000, { lastTickMs: 97 * HOUR })).toEqual([]);
    expect(await codes(1000, { lastTickMs: null })).toEqual(['missed-ticks']);
  });
  it('calls where a plan is open after its last block', async () => {
    const plan = await planAt(1000);
    await anchorPlan(ledger, plan, 1010);
    expect(await codes(1310)).toEqual([]);
    expect(await codes(1311)).toEqual(['stuck-plan']);
  });
  it('calls after three voids in a row', async () => {
    for (const block of [1000, 1100, 1200]) {
      expect(await codes(block)).toEqual([]);
      const plan = await planAt(block);
      await publishVoid(ports(), plan, { reason: 'the evaluation left no trace', draw: null });
    }
    expect(await codes(1300)).toEqual(['voids']);
    const [alarm] = alarmsOf(await ledger.read(), {
      ...{ block: 1300, nowMs: HOUR, lastTickMs: HOUR, lastUpdate: 1300 },
    });
    expect(alarm!.text).toContain('the evaluation left no trace');
  });
  it('calls where the weights are ten hours old', async () => {
    expect(await codes(5000, { lastUpdate: 2000 })).toEqual([]);
    expect(await codes(5001, { lastUpdate: 2000 })).toEqual(['old-weights']);
  });
  it('says what to do, in one text for all', () => {
    const text = alarmText([
      { code: 'a', text: 'one', mend: 'mend one' },
      { code: 'b', text: 'two', mend: 'mend two' },
    ]);
    expect(text.split('\n').slice(0, 2)).toEqual([
      '- **a**: one. mend one.',
      '- **b**: two. mend two.',
    ]);
  });
});
