// Bytes of extrinsics as polkadot.js writes them, and bytes that are none.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, toHex } from '../core/bytes.ts';
import { chainRegistry } from '../devnet/chain/metadata.ts';
import { devPair } from '../devnet/demo/miners.ts';
import { compact } from './scale.ts';
import { endsWith, signerKeyOf, timestampOf } from './extrinsic-bytes.ts';

const { registry } = chainRegistry();

describe('the bytes of an extrinsic', () => {
  it('tell when a block was built', () => {
    for (const ms of [0, 63, 1_790_000_000_000, 2 ** 47]) {
      const call = { callIndex: [2, 0], args: { now: ms } };
      const bare = registry.createType('Extrinsic', registry.createType('Call', call));
      expect(timestampOf(['0x', '0x0c0100', bare.toHex()])).toBe(ms);
    }
    expect(timestampOf([])).toBeNull();
  });
  it('tell who signed, where the address is a key', () => {
    const pair = devPair('//Miner');
    const head = Uint8Array.of(0x84, 0, ...pair.publicKey, ...new Uint8Array(65));
    const bytes = concatBytes(compact(head.length), head);
    expect(toHex(signerKeyOf(bytes)!)).toBe(toHex(pair.publicKey));
    expect(signerKeyOf(concatBytes(bytes.subarray(0, 2), Uint8Array.of(4)))).toBeNull();
  });
  it('are read without an error whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        signerKeyOf(bytes);
        timestampOf([`0x${toHex(bytes)}`]);
        expect(endsWith(bytes, bytes.subarray(bytes.length >> 1))).toBe(true);
        expect(endsWith(bytes, bytes, Uint8Array.of(1))).toBe(false);
      }),
    );
  });
});
