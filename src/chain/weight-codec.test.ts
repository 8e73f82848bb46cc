// Payloads, hashes and schedules of committed weights, as the chain has them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../core/bytes.ts';
import { QUICKNET } from '../beacon/pulses.ts';
import {
  checkRow,
  legacyEpoch,
  legacyEpochStart,
  readWeightsPayload,
  revealPulse,
  revealSchedule,
  weightsCommitHash,
  weightsPayload,
} from './weight-codec.ts';

const hex = (text: string): Uint8Array => fromHex(text)!;

const ALICE = hex('d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d');

const ROW = [
  { uid: 0, weight: 65535 },
  { uid: 1, weight: 32768 },
  { uid: 255, weight: 1 },
];

describe('committed weights', () => {
  it('hashes a commit as the chain does', () => {
    const salt = [1, 2, 3, 4, 5, 6, 7, 8];
    expect(toHex(weightsCommitHash(ALICE, 14, { row: ROW, salt, versionKey: 10_002_000 }))).toBe(
      '54560b6c4a76f120d446fe65a992d1b390cf300beb51f7bea07e961879c3012a',
    );
    expect(toHex(weightsCommitHash(ALICE, 4110, { row: ROW, salt, versionKey: 10_002_000 }))).toBe(
      '66b63abe36ccb8078b41a6b2e47ae6e3bdc2b745eb7261dc98eb3b8022964901',
    );
  });

  it('reads its own payload and nothing else', () => {
    expect(readWeightsPayload(weightsPayload(ALICE, ROW, 7))).toEqual({
      hotkey: ALICE,
      row: ROW,
      versionKey: 7n,
    });
    expect(readWeightsPayload(weightsPayload(ALICE, ROW, 7).subarray(1))).toBeNull();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        readWeightsPayload(bytes);
      }),
    );
    const full = Array.from({ length: 256 }, (_, uid) => ({ uid, weight: uid }));
    expect(weightsPayload(ALICE, full, 0).length).toBe(1069);
  });

  it('finds the reveal block of the stateful epochs', () => {
    const at = (epochs: string, revealPeriodEpochs = 1) => {
      const [last, pending, index, tempo, blocksSinceLastStep, head] = epochs
        .split(' ')
        .map(Number);
      return revealSchedule({
        lastEpochBlock: last!,
        pendingEpochAt: pending!,
        subnetEpochIndex: index!,
        tempo: tempo!,
        blocksSinceLastStep: blocksSinceLastStep!,
        head: head!,
        revealPeriodEpochs,
      });
    };
    // Last epoch's block, pending epoch's block, index, tempo, blocks since the last step, head.
    expect(at('10 0 0 0 0 10')).toBeNull();
    expect(at('10 0 0 50 0 10')).toEqual({ commitEpoch: 0, firstRevealBlock: 60 });
    expect(at('80 95 0 20 0 91')).toEqual({ commitEpoch: 0, firstRevealBlock: 95 });
    expect(at('5000000 0 13850 360 0 5000000')).toEqual({
      commitEpoch: 13_850,
      firstRevealBlock: 5_000_360,
    });
    expect(at('5000000 0 13850 360 359 5000359')).toEqual({
      commitEpoch: 13_851,
      firstRevealBlock: 5_000_720,
    });
    expect(at('5000000 0 13850 360 358 5000358')).toEqual({
      commitEpoch: 13_850,
      firstRevealBlock: 5_000_360,
    });
    expect(at('5000000 0 13850 360 100 5000100', 3)).toEqual({
      commitEpoch: 13_850,
      firstRevealBlock: 5_001_080,
    });
    const head = { number: 5_000_100, hash: '0x00' };
    const now = { nowSeconds: 1_782_864_000, blockSeconds: 12, head };
    expect(revealPulse(QUICKNET, now, 5_001_080)).toBe(30_024_143);
  });

  it('finds the first block whose epoch the rule says, by walking', () => {
    fc.assert(
      fc.property(
        fc.record({
          lastEpochBlock: fc.integer({ min: 0, max: 50 }),
          since: fc.integer({ min: 0, max: 60 }),
          tempo: fc.integer({ min: 1, max: 40 }),
          period: fc.integer({ min: 1, max: 4 }),
          pendingIn: fc.integer({ min: 0, max: 60 }),
        }),
        ({ lastEpochBlock, since, tempo, period, pendingIn }) => {
          const head = lastEpochBlock + Math.min(since, tempo);
          const pending = pendingIn === 0 ? 0 : head + pendingIn;
          const found = revealSchedule({
            head,
            tempo,
            lastEpochBlock,
            pendingEpochAt: pending,
            subnetEpochIndex: 7,
            blocksSinceLastStep: 0,
            revealPeriodEpochs: period,
          })!;
          let [last, wait, index] = [lastEpochBlock, pending, 7];
          const commitEpoch =
            7 + ((wait > 0 && head + 1 >= wait) || head + 1 - last >= tempo ? 1 : 0);
          for (let block = head + 1; ; block++) {
            const due = (wait > 0 && block >= wait) || block - last >= tempo;
            if (index + (due ? 1 : 0) === commitEpoch + period) {
              expect(found).toEqual({ commitEpoch, firstRevealBlock: block });
              return;
            }
            if (due) [last, wait, index] = [block, 0, index + 1];
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('knows the epochs of older runtimes', () => {
    expect(legacyEpoch(legacyEpochStart(9, 2, 30), 2, 30)).toBe(9);
    expect(legacyEpoch(legacyEpochStart(9, 2, 30) - 1, 2, 30)).toBe(8);
  });

  it('refuses rows that the chain would refuse', () => {
    const row = [{ uid: 0, weight: 65535 }];
    expect(() => checkRow(row, 3, 1, 1)).not.toThrow();
    expect(() => checkRow([...row, ...row], 3, 1, 1)).toThrow(/twice/);
    expect(() => checkRow([{ uid: 3, weight: 1 }], 3, 1, 1)).toThrow(/uid 3/);
    expect(() => checkRow(row, 3, 1, 2)).toThrow(/at least 2/);
    expect(() => checkRow(row, 3, 0, 2)).not.toThrow();
  });
});
