// Plans whose anchor is missing, late or another ledger's: each is named by the ledger alone.
import { beforeAll, describe, expect, it } from 'vitest';
import { readLedger } from '../../ledger/read.ts';
import type { AnyRecord, LedgerRecord } from '../../ledger/verify.ts';
import { anchorFaults } from '../../testing/check-bench.ts';
import { ledgerFixture } from '../../testing/ledger-fixture.ts';

let records: readonly AnyRecord[];
beforeAll(async () => {
  const { validator, files } = await ledgerFixture();
  records = readLedger(validator, files).records;
});

const faultsOf = (changed: readonly AnyRecord[]): Promise<string[]> =>
  anchorFaults(changed, 'validator', null);

const anchorOfBlock = (block: number) =>
  records.find(({ path }) => path === `rounds/${block}/anchor.json`) as LedgerRecord<'anchor'>;
const put = (record: AnyRecord, predicate: object): AnyRecord[] =>
  records.map((item) => (item === record ? ({ ...item, predicate } as AnyRecord) : item));

describe('A6 an anchor', () => {
  it('is there for every measured plan, before its round', async () => {
    expect(await faultsOf(records)).toEqual([]);
  });
  it('that is missing is named by the place where it should be', async () => {
    expect(await faultsOf(records.filter((item) => item !== anchorOfBlock(300)))).toEqual([
      'OMISSION rounds/300/anchor.json a plan was measured without its anchor',
    ]);
  });
  it('that came after the round is no anchor of what was measured', async () => {
    const anchor = anchorOfBlock(300);
    const last = records.length + 1;
    expect(await faultsOf(put(anchor, { ...anchor.predicate, seq: last }))).toEqual([
      'TIME rounds/300/anchor.json the round was on record before its plan was anchored',
      'TIME rounds/300/anchor.json it is on record only after rounds/300/round.json, which ended its plan',
    ]);
  });
  it('of another ledger is found by the record that it names, and by who signed it', async () => {
    const anchor = anchorOfBlock(300);
    const foreign = { seq: 1, sha256: '7'.repeat(64) };
    const { extrinsic, block } = anchor.predicate.anchor;
    const own = await faultsOf(
      put(anchor, { ...anchor.predicate, anchor: { record: foreign, block, extrinsic } }),
    );
    expect(own).toEqual([
      `WRONG_CONTEXT rounds/300/anchor.json it anchors ${foreign.sha256}, which is no earlier record of this ledger`,
      'WRONG_CONTEXT rounds/300/anchor.json its transaction anchors something else',
      'RECOMPUTE_MISMATCH rounds/300/anchor.json it anchors another record than its plan',
    ]);
    const another = anchorOfBlock(100).predicate.anchor;
    expect(await faultsOf(put(anchor, { ...anchor.predicate, anchor: another }))).toContainEqual(
      'RECOMPUTE_MISMATCH rounds/300/anchor.json it anchors another record than its plan',
    );
  });
  it('of one plan does not serve a second', async () => {
    const anchor = anchorOfBlock(300);
    const { plan } = anchorOfBlock(100).predicate;
    expect(await faultsOf(put(anchor, { ...anchor.predicate, plan }))).toEqual([
      'OMISSION rounds/300/anchor.json a plan was measured without its anchor',
      'WRONG_CONTEXT rounds/300/anchor.json it is of another plan than the one beside it',
    ]);
  });
});
