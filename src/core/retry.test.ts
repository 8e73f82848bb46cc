// How often work is tried again, after which waits, and which errors end it.
import { describe, expect, it } from 'vitest';
import { retry } from './retry.ts';

/** Work that fails this often, then succeeds; and what was slept. */
function bench(failures: number, again: (error: unknown) => boolean = () => true) {
  const slept: number[] = [];
  const tried: number[] = [];
  const work = (attempt: number): Promise<string> => {
    tried.push(attempt);
    return attempt < failures
      ? Promise.reject(new Error(`failure ${attempt}`))
      : Promise.resolve('done');
  };
  const sleep = (ms: number): Promise<unknown> => Promise.resolve(slept.push(ms));
  return { slept, tried, run: retry(work, { waitsMs: [10, 20], sleep, again }) };
}

describe('second tries', () => {
  it('are none where the first one succeeds', async () => {
    const { slept, tried, run } = bench(0);
    expect(await run).toBe('done');
    expect([tried, slept]).toEqual([[0], []]);
  });
  it('follow after each wait in turn, and end with the last error', async () => {
    const enough = bench(2);
    expect(await enough.run).toBe('done');
    expect([enough.tried, enough.slept]).toEqual([
      [0, 1, 2],
      [10, 20],
    ]);
    const tooFew = bench(3);
    await expect(tooFew.run).rejects.toThrow('failure 2');
    expect(tooFew.slept).toEqual([10, 20]);
  });
  it('are none for an error that does not pass', async () => {
    const { tried, run } = bench(1, () => false);
    await expect(run).rejects.toThrow('failure 0');
    expect(tried).toEqual([0]);
  });
});
