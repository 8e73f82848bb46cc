// Which payments a scan looks up on chain, and what it asks.
import { because } from '../schema/reasons.ts';
import { describe, expect, it } from 'vitest';
import { EMPTY_HISTORY } from '../arena/history.ts';
import { paymentRemark, renderPayload } from '../arena/payload.ts';
import type { Commitment } from '../arena/submissions.ts';
import type { ChainReader, PaymentClaim } from '../chain/chain.ts';
import { utf8 } from '../core/bytes.ts';
import { sha256, sha256Hex } from '../core/hash.ts';
import { encodeSs58 } from '../core/ss58.ts';
import { testArena } from '../testing/test-arena.ts';
import { lookUpPayments } from './scan.ts';

const treasury = encodeSs58(sha256('treasury'));
const hotkey = encodeSs58(sha256('miner'));
const arena = testArena(treasury);
const digest = `sha256:${sha256Hex('image')}`;
const before = { number: 50, hash: '0x05' };
const committed = (salt: string | null, text?: string): Commitment => ({
  hotkey,
  commitBlock: 10,
  revealBlock: null,
  content: {
    kind: 'payload',
    bytes: utf8(
      text ??
        renderPayload({
          image: 'ghcr.io/a/b',
          digest,
          base: null,
          payment: { tx: `0x${'1'.repeat(64)}`, block: 7, salt },
        }),
    ),
  },
});

/** Looks up with a chain that notes what it is asked; the chain itself is a port. */
async function lookUp(commitment: Commitment, history = EMPTY_HISTORY, own = arena) {
  const asked: PaymentClaim[] = [];
  const chain = {
    payment: (claim: PaymentClaim) => {
      asked.push(claim);
      return Promise.resolve({ state: 'paid' as const });
    },
  } as unknown as ChainReader;
  const neurons = [{ uid: 1, hotkey, coldkey: 'cold', registeredAt: 1 }];
  const seen = { block: before, neurons, commitments: [commitment] };
  return { found: await lookUpPayments(chain, own, seen, history), asked };
}

describe('looking payments up', () => {
  it('asks once for a salted remark, and takes the bare digest too', async () => {
    const { found, asked } = await lookUp(committed('salt'));
    expect([...found]).toEqual([[`${hotkey}:10`, { state: 'paid' }]]);
    expect(asked).toEqual([
      {
        tx: `0x${'1'.repeat(64)}`,
        block: 7,
        coldkey: 'cold',
        treasury,
        amountRao: 100_000_000n,
        remarks: ['salt', null].map((salt) => paymentRemark(hotkey, digest, salt)),
        before: { ...before, number: 10 },
      },
    ]);
  });
  it('asks for the bare digest alone where the payload names no salt', async () => {
    const { asked } = await lookUp(committed(null));
    expect(asked[0]?.remarks).toEqual([paymentRemark(hotkey, digest, null)]);
  });
  it('believes the plan that found a submission paid, and does not ask for a judged one', async () => {
    const key = `${hotkey}:10`;
    const paid = await lookUp(committed('salt'), { ...EMPTY_HISTORY, paid: new Set([key]) });
    expect([...paid.found]).toEqual([[key, { state: 'paid' }]]);
    expect(paid.asked).toEqual([]);
    const judged = new Map([[key, { verdict: 'VALID' as const, ...because('gate-passed', '') }]]);
    const done = await lookUp(committed('salt'), { ...EMPTY_HISTORY, judged });
    expect([...done.found]).toEqual([]);
    expect(done.asked).toEqual([]);
  });
  it('asks nothing for a payload that it cannot read', async () => {
    const { found, asked } = await lookUp(committed(null, '{'));
    expect([found.size, asked.length]).toEqual([0, 0]);
  });
  it('refuses an arena that takes a fee and names no treasury', async () => {
    await expect(
      lookUp(committed(null), EMPTY_HISTORY, { ...arena, treasury: null }),
    ).rejects.toMatchObject({ code: 'BAD_ARENA' });
  });
});
