// Where a submission goes on after whatever was noted of it, and what its calls say.
import { describe, expect, it } from 'vitest';
import { parsePayload, paymentRemark } from '../../arena/payload.ts';
import { sha256, sha256Hex } from '../../core/hash.ts';
import { encodeSs58 } from '../../core/ss58.ts';
import { testArena } from '../../testing/test-arena.ts';
import { subnetState } from '../../testing/weights-fixture.ts';
import {
  assertRegistered,
  decideSubmission,
  FUTURE_PAYMENT,
  SubmissionCalls,
  type SubmitRequest,
} from './decide-submission.ts';
import type { SubmitState } from './submit-steps.ts';

const digest = `sha256:${sha256Hex('image')}`;
const place = { genesisHash: '0x01', netuid: 2, hotkey: 'hotkey' };
const request: SubmitRequest = {
  image: 'ghcr.io/a/b',
  digest,
  base: null,
  payment: null,
  revealBlocks: 10,
  wait: false,
  replace: false,
  again: false,
  dryRun: false,
};
const transaction = { hash: '0xaa' } as never;
const paid = { transaction, tx: '0xaa', block: 7 };
const committed = { transaction, round: null, block: 9 };
const noted = (over: Partial<SubmitState> = {}): SubmitState => ({
  schema: 1,
  ...place,
  image: request.image,
  digest,
  payment: paid,
  commitment: null,
  ...over,
});
const decide = (over: Partial<SubmitRequest>, before: SubmitState | null) =>
  decideSubmission(place, { ...request, ...over }, before);

describe('where a submission goes on', () => {
  it('begins afresh where nothing was noted, or on another chain', () => {
    const fresh = noted({ payment: null });
    expect(decide({}, null)).toEqual(fresh);
    expect(decide({}, noted({ genesisHash: '0x02' }))).toEqual(fresh);
  });
  it('goes on with what was noted', () => {
    const before = noted();
    expect(decide({}, before)).toBe(before);
    expect(decide({ again: true }, before)).toBe(before);
  });
  it('keeps the payment for a corrected image name', () => {
    expect(decide({ image: 'ghcr.io/a/c' }, noted())).toEqual(noted({ image: 'ghcr.io/a/c' }));
  });
  it('submits a finished one again only where that was asked for', () => {
    const done = noted({ commitment: committed });
    expect(decide({}, done)).toBe(done);
    expect(decide({ again: true }, done)).toEqual(noted({ payment: null }));
    expect(() => decide({ image: 'ghcr.io/a/c' }, done)).toThrow(
      'this digest was submitted as ghcr.io/a/b at block 9',
    );
    expect(decide({ image: 'ghcr.io/a/c', again: true }, done)).toEqual(
      noted({ image: 'ghcr.io/a/c', payment: null }),
    );
  });
  it('takes a payment that was made elsewhere, and never in place of one that landed', () => {
    const payment = { tx: '0xbb', block: 5 };
    expect(decide({ payment }, null).payment).toEqual({ transaction: null, ...payment });
    expect(decide({ payment }, noted()).payment).toEqual(paid);
    const sent = noted({ payment: { ...paid, block: null } });
    expect(decide({ payment }, sent).payment).toEqual({ transaction: null, ...payment });
  });
  it('needs a registered hotkey and its own coldkey', () => {
    const keys = { hotkey: 'hotkey', coldkey: 'cold' };
    expect(() => assertRegistered({ uid: null, coldkey: 'cold' }, 2, keys)).toThrow(
      'nothing was paid',
    );
    expect(() => assertRegistered({ uid: 0, coldkey: 'other' }, 2, keys)).toThrow('belongs to');
    expect(() => assertRegistered({ uid: 0, coldkey: 'cold' }, 2, keys)).not.toThrow();
  });
});

describe('the calls of a submission', () => {
  const treasury = encodeSs58(sha256('treasury'));
  const calls = (over: Partial<ReturnType<typeof testArena>> = {}) =>
    new SubmissionCalls({ ...testArena(treasury), ...over }, request, 'salt', () => ({}) as never);

  it('pay the fee with the salted remark, and nothing where there is none', () => {
    expect(calls({ fee: 0.5 }).pay('hotkey')).toEqual({
      kind: 'pay',
      treasury,
      amountRao: 500_000_000n,
      remark: paymentRemark('hotkey', digest, 'salt'),
    });
    expect(calls({ fee: 0 }).pay('hotkey')).toBeNull();
    expect(() => calls({ fee: 1, treasury: null }).pay('hotkey')).toThrow('names no treasury');
  });
  it('commit a payload that the arena reads, with the payment in it', () => {
    const plain = calls({ timelock: false }).commit(FUTURE_PAYMENT, subnetState());
    expect(plain.round).toBeNull();
    if (plain.call.kind !== 'commit') throw new Error('not plain');
    const rules = { loopbackImages: false, needsPayment: true, baseRepositories: [] };
    expect(parsePayload(plain.call.payload, rules)).toEqual({
      ok: true,
      payload: {
        image: request.image,
        digest,
        base: null,
        payment: { ...FUTURE_PAYMENT, salt: 'salt' },
      },
    });
  });
});
