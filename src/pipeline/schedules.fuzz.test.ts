// Faults from a seed over publishing, anchoring and settling: nothing is lost, nothing happens twice.
import { expect, it } from 'vitest';
import { OwnLedger } from '../ledger/own-ledger.ts';
import { signerOf } from '../ledger/io/signing-key.ts';
import { devPair } from '../devnet/demo/miners.ts';
import { playSchedule } from '../testing/fault-schedule.ts';
import { memoryStore } from '../testing/memory-store.ts';
import { planDraftAt } from '../testing/plan-fixture.ts';
import { readFaults } from '../testing/check-bench.ts';

/** How many schedules a run plays: `SOAK_SCHEDULES`, else 200. */
const SCHEDULES = Number(process.env['SOAK_SCHEDULES'] ?? 200);

it('F07 F09 F10 F12 F13 F14 I1 I2 I3 I4 I5 I6 every schedule of faults ends in a sound ledger that the chain agrees with', async () => {
  const broken: string[] = [];
  let runs = 0;
  for (let number = 0; number < SCHEDULES; number++) {
    const played = await playSchedule(number);
    runs += played.runs;
    for (const fault of played.faults) broken.push(`schedule ${number}: ${fault}`);
  }
  console.log(`${SCHEDULES} schedules, ${runs} runs`);
  expect(broken).toEqual([]);
}, 36_000_000);

it('F08 eight writers land fifteen records each, none twice and none lost', async () => {
  const pair = devPair('//Validator//hot');
  const store = memoryStore(pair.address);
  const write = async (writer: number): Promise<void> => {
    const ledger = new OwnLedger(store, signerOf(pair));
    for (let i = 0; i < 15; i++) {
      const { predicate, subject } = planDraftAt(pair.address, 100 + 15 * writer + i, 1);
      const { schema, network, validator, block, harness, host } = predicate;
      const context = { schema, network, validator, block, harness, host };
      const end = {
        plan: '1'.repeat(64),
        reason: `${writer} ${i}`,
        seed: null,
        pulse: null,
        files: {},
      };
      const path = `rounds/${block.number}/void.json`;
      await ledger.append('Void', () => ({
        drafts: [{ kind: 'void', path, subject, predicate: { ...context, ...end } }],
      }));
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, writer) => write(writer)));
  const { records, faults } = readFaults(pair.address, store.files());
  expect(records.map(({ predicate }) => predicate.seq)).toEqual(
    Array.from({ length: 120 }, (_, seq) => seq),
  );
  expect(faults).toEqual([]);
});
