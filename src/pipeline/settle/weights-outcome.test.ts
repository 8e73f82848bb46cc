// What is recorded of sent, committed and revealed weights.
import { describe, expect, it } from 'vitest';
import type { Delivery } from '../../chain/delivery.ts';
import { BURN, intentAt, subnetState, weightsAt } from '../../testing/weights-fixture.ts';
import { closeStep, outcomeOf, readbackOf, refusalOf, revealTime } from './weights-outcome.ts';

const block = { number: 1101, hash: '0x02' };
const refusal = { name: 'NotEnoughStake', remedy: 'fix', hint: 'add stake' } as never;
const included: Delivery = { state: 'included', block, outcome: { ok: true } as never };
const failedCall: Delivery = {
  state: 'included',
  block,
  outcome: { ok: false, refusal } as never,
};
const poolRefused: Delivery = { state: 'refused', refusal };
const otherRow = [{ uid: 1, weight: 65535 }];
const hashCommit = { hash: '0x0a', epoch: 7, firstRevealBlock: null, round: null, salt: [1] };
const sealed = { ...hashCommit, round: 9, salt: null };

describe('the outcome of an intent', () => {
  const intent = intentAt(1100);
  it.each([
    ['expired', { state: 'expired' } as const, BURN, { status: 'failed', includedIn: null }],
    ['pool-refused', poolRefused, BURN, { status: 'failed', includedIn: null }],
    ['call-failed', failedCall, BURN, { status: 'failed', includedIn: block }],
    ['read-back', included, BURN, { status: 'set', includedIn: block }],
    ['other-weights', included, otherRow, { status: 'failed', includedIn: block }],
  ] as const)('is %s', (code, delivery, row, ends) => {
    const outcome = outcomeOf(intent, delivery, row, null);
    expect(outcome).toMatchObject({ ...ends, readBack: row, reasons: [{ code }] });
    expect(outcome.reason).toBe(outcome.reasons[0]!.detail);
    expect(outcome.extrinsicHash).toBe(intent.predicate.transaction.hash);
  });
  it('of a commit is pending, in the epoch that the chain tells', () => {
    const committed = intentAt(1100, { commit: hashCommit });
    const pending = outcomeOf(committed, included, BURN, 8);
    expect(pending).toMatchObject({ status: 'pending', commit: { epoch: 8 } });
    expect(outcomeOf(committed, included, BURN, null).commit?.epoch).toBe(7);
    expect(outcomeOf(committed, failedCall, BURN, 8)).toMatchObject({
      status: 'failed',
      commit: { epoch: 7 },
    });
  });
  it('names a refusal wherever the chain refused', () => {
    expect(
      [{ state: 'expired' } as const, poolRefused, failedCall, included].map(refusalOf),
    ).toEqual([null, refusal, refusal, null]);
  });
});

describe('closing a commit', () => {
  const at = (epoch: number, commit = hashCommit as typeof sealed | typeof hashCommit) =>
    weightsAt(1000, { status: 'pending', commit: { ...commit, epoch } });

  it('is due a reveal period after its own epoch', () => {
    const times = [7, 6, 5].map((epoch) => revealTime(at(epoch), subnetState(), 2));
    expect(times).toEqual(['before', 'now', 'over']);
  });
  it('reveals a hash while the chain keeps it, and waits for a seal', () => {
    expect(closeStep(at(6), 'before', true)).toBe('wait');
    expect(closeStep(at(6), 'now', true)).toBe('reveal');
    expect(closeStep(at(6, sealed), 'now', true)).toBe('wait');
    expect(closeStep(at(6, sealed), 'now', false)).toBe('look');
    expect(closeStep(at(6), 'over', true)).toBe('look');
  });
  it('counts what the chain shows, also where a reveal came second', () => {
    const reveal = {
      transaction: intentAt(1000).predicate.transaction,
      delivery: failedCall,
    } as const;
    const seen = { readAt: block, row: BURN, time: 'now' } as const;
    expect(readbackOf(at(6), seen, reveal)).toMatchObject({ status: 'set', readAt: block });
    expect(readbackOf(at(6), { ...seen, row: otherRow }, reveal)).toMatchObject({
      status: 'failed',
      reasons: [{ code: 'call-failed', detail: 'NotEnoughStake' }],
    });
  });
  it('is lost only once its epoch is over', () => {
    const seen = { readAt: block, row: otherRow } as const;
    expect(readbackOf(at(6), { ...seen, time: 'now' }, null)).toBeNull();
    expect(readbackOf(at(6), { ...seen, time: 'over' }, null)).toMatchObject({
      status: 'failed',
      extrinsicHash: null,
      reasons: [{ code: 'reveal-over' }],
    });
  });
});
