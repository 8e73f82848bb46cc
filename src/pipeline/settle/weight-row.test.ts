// Which row follows from a ledger, how the subnet takes it, and when its epochs begin.
import { beforeAll, describe, expect, it } from 'vitest';
import type { ChainReader } from '../../chain/chain.ts';
import { QUICKNET } from '../../beacon/pulses.ts';
import { readLedger } from '../../ledger/read.ts';
import { ledgerFixture, type LedgerFixture } from '../../testing/ledger-fixture.ts';
import { subnetState } from '../../testing/weights-fixture.ts';
import {
  beaconFor,
  deriveWeights,
  epochNow,
  methodOf,
  revealCall,
  sameRow,
  weightsCall,
} from './weight-row.ts';

const block = { number: 400, hash: '0x00' };
const row = [{ uid: 1, weight: 65535 }];
const entropy = {
  seal: {
    sigma: new Uint8Array(32).fill(1),
    key: new Uint8Array(32).fill(2),
    nonce: new Uint8Array(12).fill(3),
  },
  salt: [1, 2, 3, 4, 5, 6, 7, 8],
};
const hotkey = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';

describe('the row that follows', () => {
  let fixture: LedgerFixture;
  beforeAll(async () => {
    fixture = await ledgerFixture();
  });
  const derive = async (uidOf: (hotkey: string) => number | null, over = {}) => {
    const { validator, files, arena } = fixture;
    const chain = { uidOf: (key: string) => Promise.resolve(uidOf(key)) } as unknown as ChainReader;
    return deriveWeights(chain, { ...arena, ...over }, readLedger(validator, files), block);
  };
  it('goes to the standing of the newest round, by the uids of now', async () => {
    const uids = [4, 7];
    const body = await derive(() => uids.shift() ?? null);
    expect(body.holders.map(({ uid }) => uid)).toEqual([4, 7]);
    expect(body.weights).toEqual([
      { uid: 4, weight: 65535 },
      { uid: 7, weight: 16384 },
    ]);
    expect(body.round).toMatch(/^[0-9a-f]{64}$/);
  });
  it("follows the rules of the round's own arena, not of a later file", async () => {
    const body = await derive(() => null, { burnUid: 99 });
    expect(body.weights).toEqual([{ uid: fixture.arena.burnUid, weight: 65535 }]);
  });
  it('burns everything before the first round, by the arena of now', async () => {
    const chain = {} as ChainReader;
    const arena = { ...fixture.arena, burnUid: 99 };
    const body = await deriveWeights(chain, arena, { records: [] }, block);
    expect(body).toMatchObject({ round: null, holders: [], weights: [{ uid: 99, weight: 65535 }] });
  });
});

describe('rows', () => {
  it('are the same where uids and order agree, and weights within one step', () => {
    expect(sameRow(row, [{ uid: 1, weight: 65534 }])).toBe(true);
    expect(sameRow(row, [{ uid: 1, weight: 65533 }])).toBe(false);
    expect(sameRow(row, [{ uid: 2, weight: 65535 }])).toBe(false);
    expect(sameRow(row, [])).toBe(false);
    expect(sameRow([], [])).toBe(true);
  });
});

describe('the subnet', () => {
  it('has counted epochs, or epochs that follow from the block', () => {
    const { epochs } = subnetState();
    expect(epochNow(subnetState(), 2)).toEqual({ epoch: 7, began: 1000, next: 1360 });
    const pending = subnetState({ epochs: { ...epochs!, pendingEpochAt: 1200 } });
    expect(epochNow(pending, 2).next).toBe(1200);
    const legacy = epochNow(subnetState({ epochs: null, head: { number: 1100, hash: '' } }), 2);
    expect(legacy).toEqual({ epoch: 3, began: 1080, next: 1441 });
  });
  it('takes weights in the one way that its flags say', () => {
    expect(methodOf(subnetState())).toBe('plain');
    expect(methodOf(subnetState({ commitReveal: true }))).toBe('commit-reveal');
    expect(methodOf(subnetState({ commitReveal: true, timelockVersion: 4 }))).toBe('timelock');
  });
});

describe('the call', () => {
  const arena = { netuid: 2, network: 'finney' } as const;
  const call = (over: Parameters<typeof subnetState>[0]) =>
    weightsCall(arena, subnetState(over), { hotkey, row }, entropy);
  it('sets plain weights', () => {
    expect(call({ versionKey: 5 })).toEqual({
      call: { kind: 'set-weights', netuid: 2, row, versionKey: 5 },
      commit: null,
    });
  });
  it('commits by hash in the epoch of now, and reveals with the same salt', () => {
    const { call: sent, commit } = call({ commitReveal: true });
    expect(sent).toMatchObject({ kind: 'commit-weights', netuid: 2 });
    expect(commit).toMatchObject({ epoch: 7, round: null, salt: entropy.salt });
    expect(revealCall(2, row, 5, commit!)).toEqual({
      kind: 'reveal-weights',
      netuid: 2,
      row,
      versionKey: 5,
      salt: entropy.salt,
    });
  });
  it('seals for the round that opens in the reveal window', () => {
    const epochs = {
      ...subnetState().epochs!,
      head: 1100,
      blocksSinceLastStep: 100,
      revealPeriodEpochs: 1,
    };
    const { call: sent, commit } = call({ commitReveal: true, timelockVersion: 4, epochs });
    expect(sent).toMatchObject({ kind: 'commit-timelocked-weights', netuid: 2, version: 4 });
    expect(commit).toMatchObject({ epoch: 7, firstRevealBlock: 1360, salt: null });
    expect(commit!.round).toBeGreaterThan(0);
    expect(() => call({ commitReveal: true, timelockVersion: 4, epochs: null })).toThrow(
      'runs no epochs',
    );
  });
  it('seals for the pinned beacon on a public network, whatever an endpoint offers', () => {
    const offered = { ...QUICKNET, periodSeconds: 1 };
    expect(beaconFor('finney', offered)).toBe(QUICKNET);
    expect(beaconFor('local', offered)).toBe(offered);
    expect(() => beaconFor('local', null)).toThrow('no randomness beacon');
  });
});
