// The time of a block whose state is gone.
import { describe, expect, it } from 'vitest';
import { ChainError } from '../errors.ts';
import { blockTimeMs } from './block-time.ts';

const gone = () =>
  Promise.reject(new ChainError('STATE_DISCARDED', 'infra', 'gone', 'use an archive endpoint'));
/** `timestamp.set(1790000000000)`, bare, format 4. */
const INHERENT = '0x2c0402000b006c50c4a001';

describe('the time of a block', () => {
  it('is that of its state, else of the inherent in its body', async () => {
    const body = () => Promise.resolve({ extrinsics: [INHERENT] });
    expect(await blockTimeMs(() => Promise.resolve(5), body)).toBe(5);
    expect(await blockTimeMs(gone, body)).toBe(1_790_000_000_000);
  });
  it('is told by nothing else, and other errors pass', async () => {
    const none = { code: 'STATE_DISCARDED' };
    await expect(blockTimeMs(gone, () => Promise.resolve(null))).rejects.toMatchObject(none);
    const other = () => Promise.reject(new Error('cut'));
    await expect(blockTimeMs(other, () => Promise.resolve(null))).rejects.toThrow('cut');
  });
});
