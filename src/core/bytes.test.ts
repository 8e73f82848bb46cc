// Hex that is read whole or not at all.
import { expect, it } from 'vitest';
import { fromHex } from './bytes.ts';

it('reads hex strictly', () => {
  expect(fromHex('0x0aFF')).toEqual(Uint8Array.of(10, 255));
  expect(fromHex('abc')).toBeNull();
  expect(fromHex('zz')).toBeNull();
});
