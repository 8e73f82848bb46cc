// What a plan's evidence comes to, and how it compares with the round on record.
import { beforeAll, describe, expect, it } from 'vitest';
import { type Ledger, readLedger, recordsOf } from '../ledger/read.ts';
import type { LedgerRecord } from '../ledger/verify.ts';
import { ledgerFixture, type LedgerFixture } from '../testing/ledger-fixture.ts';
import { judgeEvidence, recordedDifference } from './judging.ts';
import { ROOT } from './repository.ts';

let fixture: LedgerFixture;
let ledger: Ledger;
let plan: LedgerRecord<'plan'>;
let seed: string;
beforeAll(async () => {
  fixture = await ledgerFixture();
  ledger = readLedger(fixture.validator, fixture.files);
  plan = recordsOf(ledger, 'plan')[0]!;
  ({ seed } = recordsOf(ledger, 'round')[0]!.predicate);
});
const evidence = (): Map<string, Uint8Array> =>
  new Map(
    [...fixture.files].flatMap(([path, bytes]) =>
      /^rounds\/100\/(?:traces|prompts)\//.test(path)
        ? [[path.slice('rounds/100/'.length), bytes] as const]
        : [],
    ),
  );

describe('judging what runners left', () => {
  it('F05 is void where they left nothing', () => {
    expect(judgeEvidence(plan, seed, new Map(), ROOT)).toEqual({
      ...{ judged: { void: 'the evaluation left no trace' }, spent: new Map() },
    });
  });
  it('gives the round on record again, and names the first verdict that differs', () => {
    const { judged, spent } = judgeEvidence(plan, seed, evidence(), ROOT);
    if ('void' in judged) throw new Error('void');
    expect([...spent.keys()]).toEqual([0]);
    expect(spent.get(0)).toBeGreaterThan(0);
    expect(recordedDifference(ledger, plan, judged.body)).toEqual({ difference: null });
    const [first, ...rest] = judged.body.entries;
    const other = { ...judged.body, entries: [{ ...first!, verdict: 'E_OOM' as const }, ...rest] };
    expect(recordedDifference(ledger, plan, other)?.difference).toMatch(/E_OOM/);
    expect(recordedDifference({ records: [] }, plan, judged.body)).toBeNull();
  });
});
