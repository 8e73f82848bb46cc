// Samples that say nothing, because the client itself was held up.
import { MS } from '../testing/answer-fixture.ts';
import { bootArena as arena, madeRun } from '../testing/run-fixture.ts';

import { describe, expect, it } from 'vitest';

import { voidSampleReason } from './void-samples.ts';

describe('a void sample', () => {
  const [request] = madeRun('arm', 1, {
    cost: { firstWaitNs: 1 * MS, waitNs: 6 * MS, gcNs: 0 },
  }).requests;
  it('is one of which the client lost more than 5 ms and 2 % itself', () => {
    expect(voidSampleReason(request!, arena)?.reasons).toEqual([
      {
        code: 'client-held-up',
        detail: 'the client itself lost 6.0 ms of the 110.0 ms to the answer',
        value: 6,
        limit: 5,
      },
    ]);
    expect(
      voidSampleReason(
        { ...request!, cost: { firstWaitNs: 1 * MS, waitNs: 4 * MS, gcNs: 0 } },
        arena,
      ),
    ).toBeNull();
    expect(
      voidSampleReason(
        { ...request!, cost: { firstWaitNs: 0, waitNs: 3 * MS, gcNs: 3 * MS } },
        arena,
      ),
    ).not.toBeNull();
    expect(voidSampleReason({ ...request!, cost: null }, arena)).toBeNull();
  });
  it('is none for who floods the client himself', () => {
    const flood = Array.from({ length: 5000 }, (_, i) => ({ tNs: i, bytes: new Uint8Array(1) }));
    expect(voidSampleReason({ ...request!, chunks: flood }, arena)).toBeNull();
    expect(
      voidSampleReason({ ...request!, chunks: [{ tNs: 1, bytes: new Uint8Array(1e6) }] }, arena),
    ).toBeNull();
  });
});
