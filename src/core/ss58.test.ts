// Addresses of prefix 42, read and written.
import { describe, expect, it } from 'vitest';
import { toHex } from './bytes.ts';
import { decodeSs58, encodeSs58 } from './ss58.ts';

describe('addresses', () => {
  const alice = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';
  it('go to bytes and back', () => {
    const key = decodeSs58(alice);
    expect(toHex(key!)).toBe('d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d');
    expect(encodeSs58(key!)).toBe(alice);
  });
  it.each(['', 'abc', alice.slice(0, -1), alice.replace('Y', 'Z'), `${alice}${alice}`, '0OIl'])(
    'refuse %s',
    (text) => {
      expect(decodeSs58(text)).toBeNull();
    },
  );
});
