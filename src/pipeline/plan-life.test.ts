// Until when a plan lasts, and which one follows a void.
import { beforeEach, describe, expect, it } from 'vitest';
import { Keyring } from '@polkadot/keyring';
import { silentLog } from '../core/log.ts';
import { signerOf } from '../ledger/io/signing-key.ts';
import { OwnLedger } from '../ledger/own-ledger.ts';
import { originOf } from '../ledger/plans.ts';
import type { LedgerRecord } from '../ledger/verify.ts';
import { anchorPlan, drawFor } from '../testing/anchor-fixture.ts';
import { memoryStore } from '../testing/memory-store.ts';
import { planDraftAt } from '../testing/plan-fixture.ts';
import { drawable, drawFault } from './draw/verify-draw.ts';
import { challengersIn, notAfterOf, predecessorOf, shardMinutes, voidReason } from './plan-life.ts';
import { publishVoid, signPlan } from './publish.ts';

const signer = signerOf(
  new Keyring({ type: 'sr25519', ss58Format: 42 }).createFromUri('//Validator'),
);
const operator = {
  ...{ validator: signer.address, tree: 'unknown', node: 'v24', run: null, host: {} },
  tier: 'test',
};
const at = (number: number, tree = 'unknown') => ({ block: { number }, tree });
let ledger: OwnLedger;
beforeEach(() => {
  ledger = new OwnLedger(memoryStore(signer.address), signer);
});
const ports = () => ({ ledger, log: silentLog, operator });
async function plan(block: number, follows: string | null = null): Promise<LedgerRecord<'plan'>> {
  const draft = planDraftAt(signer.address, block, 1);
  const signed = await signPlan(ports(), {
    ...draft,
    predicate: { ...draft.predicate, follows },
  });
  return signed.plan!;
}

describe('a plan', () => {
  it('lasts 1.5 times its minutes after its anchor, and two hours without one', async () => {
    const signed = await plan(100);
    expect(voidReason(await ledger.read(), signed, at(700))).toBeNull();
    expect(voidReason(await ledger.read(), signed, at(701))).toBe('not anchored in time');
    await anchorPlan(ledger, signed, 150);
    // Forty minutes are two hundred blocks of 12 s.
    expect(notAfterOf(150, signed)).toBe(450);
    expect(voidReason(await ledger.read(), signed, at(450))).toBeNull();
    expect(voidReason(await ledger.read(), signed, at(451))).toBe('no round before its last block');
    expect(voidReason(await ledger.read(), signed, at(200, 'new'))).toMatch(/^the code changed/);
    expect([...challengersIn(signed)]).toEqual([`${signer.address}:7`]);
  });
  it('gives each shard its part of the time, and half an hour to begin with', () => {
    const minutes = (plannedMinutes: number, shards: number) =>
      shardMinutes({ predicate: { plannedMinutes, shards } });
    expect(minutes(40, 1)).toBe(90);
    expect(minutes(401, 4)).toBe(Math.ceil(601.5 / 4) + 30);
    expect(minutes(0, 0)).toBe(30);
  });
  it('follows a voided one once that could know its seed', async () => {
    expect(predecessorOf(await ledger.read(), at(100))).toBeNull();
    const first = await plan(100);
    await publishVoid(ports(), first, { reason: 'never anchored', draw: null });
    expect(predecessorOf(await ledger.read(), at(110))).toBeNull();
    const second = await plan(120);
    await anchorPlan(ledger, second);
    expect(predecessorOf(await ledger.read(), at(130))).toBeNull();
    // An open one that is void now is followed as well.
    expect(predecessorOf(await ledger.read(), at(130, 'new'))?.sha256).toBe(second.sha256);
    await publishVoid(ports(), second, { reason: 'the runner was lost', draw: null });
    expect(predecessorOf(await ledger.read(), at(130))?.sha256).toBe(second.sha256);
    // Not even a second void without an anchor of its own forgets the seed.
    const third = await plan(140, second.sha256);
    await publishVoid(ports(), third, { reason: 'lost again', draw: null });
    expect(predecessorOf(await ledger.read(), at(150))?.sha256).toBe(third.sha256);
    expect(originOf(await ledger.read(), third)?.sha256).toBe(second.sha256);
  });
});

describe('the draw of a plan', () => {
  it('wants its anchor, or that of the plan that it goes back to', async () => {
    const signed = await plan(100);
    const before = await ledger.read();
    expect(drawable(before, signed)).toMatchObject({ fault: { code: 'OMISSION' } });
    await anchorPlan(ledger, signed);
    const draw = drawFor(await ledger.read(), signed);
    expect(drawFault(await ledger.read(), signed, draw)).toBeNull();
    expect(drawFault(before, signed, draw)).toMatchObject({ code: 'OMISSION' });
    const orphan = { ...signed, predicate: { ...signed.predicate, follows: '9'.repeat(64) } };
    expect(drawFault(await ledger.read(), orphan, draw)).toEqual({
      code: 'OMISSION',
      message: 'the plan that it follows is not there',
    });
  });
  it('is that of its own ledger and plan: another one’s fits nowhere', async () => {
    const signed = await plan(100);
    await anchorPlan(ledger, signed);
    const draw = drawFor(await ledger.read(), signed);
    const other = { ...signed, sha256: '4'.repeat(64) };
    const records = (await ledger.read()).records.map((record) =>
      record === signed || record.sha256 === signed.sha256 ? other : record,
    );
    const moved = records.map((record) =>
      record.kind === 'anchor'
        ? { ...record, predicate: { ...record.predicate, plan: other.sha256 } }
        : record,
    );
    expect(drawFault({ records: moved }, other, draw)).toMatchObject({
      code: 'RECOMPUTE_MISMATCH',
    });
  });
});
