// Which weight records are open, and what a record carries over from the one before it.
import { describe, expect, it } from 'vitest';
import type { AnyRecord } from '../../ledger/verify.ts';
import { PREDICATES } from '../../schema/records.ts';
import { because } from '../../schema/reasons.ts';
import { BURN, intentAt, weightsAt } from '../../testing/weights-fixture.ts';
import {
  lastIncluded,
  openIntent,
  outcomeDraft,
  outcomeOnRecord,
  pendingWeights,
  readbackDraft,
} from './weights-records.ts';

const commit = {
  hash: `0x${'a'.repeat(64)}`,
  epoch: 6,
  firstRevealBlock: null,
  round: 1,
  salt: null,
};
const ended = because('read-back', 'read back from the chain');
const readback = (of: ReturnType<typeof weightsAt>): AnyRecord => ({
  ...readbackDraft(of, {
    readAt: of.predicate.block,
    readBack: [...BURN],
    status: 'set',
    extrinsicHash: null,
    ...ended,
  }),
  sha256: '9'.repeat(64),
  predicate: { weights: of.sha256 } as never,
});

describe('weight records', () => {
  it('have an open intent where the last one has no outcome', () => {
    const records = [intentAt(1), weightsAt(1), intentAt(2)];
    expect(openIntent({ records })).toBe(records[2]);
    expect(openIntent({ records: [...records, intentAt(3)] })?.path).toBe('weights/3.intent.json');
    expect(openIntent({ records: records.slice(0, 2) })).toBeNull();
    expect(outcomeOnRecord({ records }, intentAt(1))).toBe(records[1]);
    expect(outcomeOnRecord({ records }, intentAt(2))).toBeNull();
  });
  it('are pending until a read-back closes them', () => {
    const open = weightsAt(1, { status: 'pending', commit });
    const closed = weightsAt(2, { status: 'pending', commit });
    const records = [open, closed, weightsAt(3), readback(closed)];
    expect(pendingWeights({ records })).toEqual([open]);
  });
  it('know the last block that took any, and that took good ones', () => {
    const records = [
      weightsAt(1),
      weightsAt(5, { status: 'failed' }),
      weightsAt(8, { status: 'failed', includedIn: null }),
    ];
    expect(lastIncluded({ records }, 'any')?.number).toBe(6);
    expect(lastIncluded({ records }, 'good')?.number).toBe(2);
    expect(lastIncluded({ records: [] }, 'any')).toBeNull();
  });
  it('carry context and weights over, and fit their schemas', () => {
    const outcome = outcomeDraft(intentAt(1), {
      commit,
      extrinsicHash: null,
      includedIn: null,
      readBack: [...BURN],
      status: 'failed',
      ...ended,
    });
    expect(outcome.path).toBe('weights/1.json');
    const place = { seq: 1, prev: '1'.repeat(64) };
    expect(() => PREDICATES.weights.parse({ ...outcome.predicate, ...place })).not.toThrow();
    const draft = readbackDraft(weightsAt(1, { status: 'pending', commit }), {
      readAt: intentAt(1).predicate.block,
      readBack: [...BURN],
      status: 'set',
      extrinsicHash: null,
      ...ended,
    });
    expect(draft.path).toBe('weights/1.readback.json');
    expect(() =>
      PREDICATES['weights-readback'].parse({ ...draft.predicate, ...place }),
    ).not.toThrow();
  });
});
