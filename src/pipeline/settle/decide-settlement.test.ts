// When weights are sent, and what is said where they are not.
import { describe, expect, it } from 'vitest';
import type { AnyRecord } from '../../ledger/verify.ts';
import { BURN, intentAt, subnetState, weightsAt } from '../../testing/weights-fixture.ts';
import { because } from '../../schema/reasons.ts';
import { decideSettlement, type Situation } from './decide-settlement.ts';

const other = [
  { uid: 1, weight: 52428 },
  { uid: 2, weight: 13107 },
];
const commit = { hash: '0x00', epoch: 6, firstRevealBlock: null, round: 1, salt: null };
const refused = {
  includedIn: null,
  status: 'failed' as const,
  ...because('pool-refused', 'refused: TooFast'),
};

const expired = { ...refused, ...because('expired', 'refused: not really') };

/** A settling at block 1100 of the epoch that began at 1000, with these records. */
const decide = (records: readonly AnyRecord[], over: Partial<Situation> = {}) =>
  decideSettlement({
    ledger: { records },
    state: subnetState(),
    netuid: 2,
    hotkey: 'validator',
    own: 3,
    block: { number: 1100, hash: '0x01' },
    wanted: other,
    current: BURN,
    ...over,
  });

describe('whether weights are sent', () => {
  it('sends the first ones', () => {
    expect(decide([])).toEqual({ send: true });
  });
  it('keeps what the chain shows for 200 blocks, then refreshes it', () => {
    const same = { current: other };
    expect(decide([weightsAt(900)], same)).toMatchObject({ why: 'on-chain', notBefore: null });
    expect(decide([weightsAt(899)], same)).toEqual({ send: true });
    expect(decide([weightsAt(900)])).toEqual({ send: true });
  });
  it('takes a weight one step of u16 away for the same', () => {
    const near = (by: number) => [{ uid: 1, weight: 52428 + by }, other[1]!];
    expect(decide([weightsAt(900)], { current: near(1) })).toMatchObject({ why: 'on-chain' });
    expect(decide([weightsAt(900)], { current: near(2) })).toEqual({ send: true });
  });
  it('waits for a commit of the same weights, not for one of others', () => {
    const pending = (weights: typeof other) =>
      weightsAt(950, { status: 'pending', commit, weights });
    expect(decide([pending(other)])).toMatchObject({ why: 'committed' });
    expect(decide([pending([...BURN])])).toEqual({ send: true });
  });
  it('sends one transaction an epoch, also where the first failed in its block', () => {
    expect(decide([weightsAt(999)])).toMatchObject({ why: 'too-early', notBefore: 1360 });
    expect(decide([weightsAt(1050, { status: 'failed' })])).toMatchObject({ notBefore: 1360 });
    expect(decide([weightsAt(998)])).toEqual({ send: true });
  });
  it('tries once an epoch where the pool refused, by the reason code and not by its words', () => {
    expect(decide([weightsAt(1000, refused)])).toEqual({
      send: false,
      why: 'too-early',
      reason: 'the pool refused: TooFast in this epoch',
      notBefore: 1360,
    });
    expect(decide([weightsAt(999, refused)])).toEqual({ send: true });
    expect(decide([weightsAt(1000, refused), weightsAt(1001, expired)])).toEqual({ send: true });
  });
  it('makes one intent a block', () => {
    const records = [intentAt(1100), weightsAt(1100, expired)];
    expect(decide(records)).toMatchObject({ notBefore: 1101 });
    expect(decide([intentAt(1099)])).toEqual({ send: true });
  });
  it("waits for the subnet's rate limit to end", () => {
    const state = (lastUpdate: number) => ({ state: subnetState({ lastUpdate }) });
    expect(decide([], state(1001))).toMatchObject({ why: 'too-early', notBefore: 1101 });
    expect(decide([], state(1000))).toEqual({ send: true });
    expect(decide([], { state: subnetState({ lastUpdate: 0, weightsRateLimit: 9999 }) })).toEqual({
      send: true,
    });
  });
  it('needs a permit for others, none for itself, none for the owner', () => {
    const none = { validatorPermit: false };
    expect(() => decide([], { state: subnetState(none) })).toThrow('no validator permit');
    const own = [{ uid: 3, weight: 65535 }];
    expect(decide([], { state: subnetState(none), wanted: own })).toEqual({ send: true });
    const both = [other[0]!, ...own];
    const one = [{ uid: 1, weight: 65535 }];
    expect(() => decide([], { state: subnetState(none), wanted: one })).toThrow(
      'no validator permit',
    );
    expect(() => decide([], { state: subnetState(none), wanted: both })).toThrow(
      'no validator permit',
    );
    expect(decide([], { state: subnetState({ ...none, isOwner: true }) })).toEqual({ send: true });
  });
  it('needs stake where the runtime tells it, and never where it is too early anyway', () => {
    const poor = subnetState({ stakeRao: 9n });
    expect(() => decide([], { state: poor })).toThrow('weights want 10');
    expect(decide([], { state: subnetState({ stakeRao: 10n }) })).toEqual({ send: true });
    expect(decide([], { state: subnetState({ stakeRao: null }) })).toEqual({ send: true });
    expect(decide([weightsAt(999)], { state: poor })).toMatchObject({ why: 'too-early' });
  });
});
