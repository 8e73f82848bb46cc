// Sealing for a drand round and opening, against what Rust's tle made of the same.
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex, utf8 } from '../core/bytes.ts';
import {
  latestPulse,
  publishedAt,
  QUICKNET,
  pulseAfterBlocks,
  pulsePoint,
  verifyPulse,
} from '../beacon/pulses.ts';
import { open, OVERHEAD_BYTES, seal, type SealEntropy } from './timelock.ts';
import { weightsPayload } from './weight-codec.ts';

const hex = (text: string): Uint8Array => fromHex(text)!;

/**
 * quicknet's signature of round 1000, a ciphertext made with fixed randomness, and what Rust's
 * `tle` made of both.
 */
const ROUND = 1000;

const SIGNATURE = hex(
  'b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39',
);

const FIXED: SealEntropy = {
  sigma: new Uint8Array(32).fill(0x11),
  key: new Uint8Array(32).fill(0x22),
  nonce: new Uint8Array(12).fill(0x33),
};

const ALICE = hex('d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d');

const ROW = [
  { uid: 0, weight: 65535 },
  { uid: 1, weight: 32768 },
  { uid: 255, weight: 1 },
];

const PAYLOAD =
  '80d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d0c00000100ff000cffff00800100509e980000000000';

const WEIGHTS_CIPHERTEXT =
  'b1578ae73b1e8ee3afd7657e06008dae3e3465f26156a597dc84da32436b0f9ee6ccd14ba355aa0ef8deeca409af79bb104309c1f2133b49' +
  'e08f7e235d99fe11a2a44dade5041f313f5468fe5f778fb1ff01ac50e315bce0fd05d0202801e1b82000000000000000a820c72daf7b50b7' +
  '92b55ed4c7b10732015efafcde8202efc4b7643000778a57200000000000000020f66b813d99045ead170cbb4a85bc1c7deb7e399c88720d' +
  'f4676c9fc7869cfe63000000000000004700000000000000f617f379b2398bbb148c8f6aa8d5a40df32347020035253ce94d7e72792a6fdf' +
  'f6e4af57f03b2b844b52caf257afbc9a1e05a989f69ebd0393ad4cd9855ceb27eed286adf472fd0c00000000000000333333333333333333' +
  '33333308000000000000004145535f47434d5f';

const HELLO_CIPHERTEXT =
  'b1578ae73b1e8ee3afd7657e06008dae3e3465f26156a597dc84da32436b0f9ee6ccd14ba355aa0ef8deeca409af79bb104309c1f2133b49' +
  'e08f7e235d99fe11a2a44dade5041f313f5468fe5f778fb1ff01ac50e315bce0fd05d0202801e1b82000000000000000a820c72daf7b50b7' +
  '92b55ed4c7b10732015efafcde8202efc4b7643000778a57200000000000000020f66b813d99045ead170cbb4a85bc1c7deb7e399c88720d' +
  'f4676c9fc7869cfe3200000000000000160000000000000062aba3861943da6efc7eade33f14dc9fd72dec20acc70c000000000000003333' +
  '3333333333333333333308000000000000004145535f47434d5f';

const random = (): SealEntropy => ({
  sigma: randomBytes(32),
  key: randomBytes(32),
  nonce: randomBytes(12),
});

describe('timelock encryption', () => {
  it('makes the bytes of the vectors', () => {
    expect(toHex(pulsePoint(ROUND).toBytes())).toBe(
      '8f5a32d53837b00fbc0ee31ce9966435a41c5188a80ce9934d3c80588b6ad6f643ebda1b83ef89e44da9ced6205cdecf',
    );
    expect(toHex(weightsPayload(ALICE, ROW, 10_002_000))).toBe(PAYLOAD);
    expect(toHex(seal(QUICKNET, ROUND, hex(PAYLOAD), FIXED))).toBe(WEIGHTS_CIPHERTEXT);
    expect(toHex(seal(QUICKNET, ROUND, hex('1468656c6c6f'), FIXED))).toBe(HELLO_CIPHERTEXT);
  });

  it("opens the vectors' ciphertexts, and its own, with the round's real signature", () => {
    expect(toHex(open(hex(WEIGHTS_CIPHERTEXT), SIGNATURE))).toBe(PAYLOAD);
    expect(toHex(open(hex(HELLO_CIPHERTEXT), SIGNATURE))).toBe('1468656c6c6f');
    const sealed = seal(QUICKNET, ROUND, utf8('news'), random());
    expect(sealed.length).toBe(4 + OVERHEAD_BYTES);
    expect(open(sealed, SIGNATURE)).toEqual(utf8('news'));
    expect(verifyPulse(QUICKNET, ROUND, SIGNATURE)).toBe(true);
    expect(verifyPulse(QUICKNET, ROUND + 1, SIGNATURE)).toBe(false);
    expect(verifyPulse(QUICKNET, ROUND, SIGNATURE.subarray(1))).toBe(false);
  });

  it('tells a wrong round, a damaged ciphertext and a wrong signature apart', () => {
    expect(() => open(seal(QUICKNET, ROUND + 1, utf8('news'), random()), SIGNATURE)).toThrow(
      expect.objectContaining({ code: 'WRONG_ROUND' }),
    );
    expect(() => open(hex(HELLO_CIPHERTEXT).subarray(0, 200), SIGNATURE)).toThrow(
      expect.objectContaining({ code: 'BAD_CIPHERTEXT' }),
    );
    expect(() => open(hex(`${HELLO_CIPHERTEXT}00`), SIGNATURE)).toThrow(
      expect.objectContaining({ code: 'BAD_CIPHERTEXT' }),
    );
    expect(() => open(hex(HELLO_CIPHERTEXT), SIGNATURE.subarray(1))).toThrow(
      expect.objectContaining({ code: 'BAD_SIGNATURE' }),
    );
    expect(() => open(hex(HELLO_CIPHERTEXT), new Uint8Array(48))).toThrow(
      expect.objectContaining({ code: 'BAD_SIGNATURE' }),
    );
    expect(() => seal(QUICKNET, 0, utf8('x'), random())).toThrow(
      expect.objectContaining({ code: 'BAD_ROUND' }),
    );
    for (let at = 0; at < hex(HELLO_CIPHERTEXT).length; at += 23) {
      const changed = hex(HELLO_CIPHERTEXT);
      changed[at]! ^= 1;
      expect(() => open(changed, SIGNATURE), `byte ${at}`).toThrow(
        expect.objectContaining({ name: 'ChainError' }),
      );
    }
  });

  it('takes ciphertexts of any length and content without an untyped error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(() => open(bytes, SIGNATURE)).toThrow(
          expect.objectContaining({ name: 'ChainError' }),
        );
      }),
      { numRuns: 100 },
    );
  });

  it("knows quicknet's clock", () => {
    expect(publishedAt(QUICKNET, 1000)).toBe(1_692_806_364);
    expect(latestPulse(QUICKNET, 1_782_864_000)).toBe(30_020_212);
    expect(latestPulse(QUICKNET, 5)).toBe(0);
    expect(pulseAfterBlocks(QUICKNET, 1_782_864_000, 360, 12)).toBe(30_021_651);
  });
});
