// Which deadline of a request is due first, at each stage of it.
import { describe, expect, it } from 'vitest';
import { dueDeadline } from './deadlines.ts';

const deadlines = { connect: 5, firstByte: 10, interChunk: 3, request: 60 };
const due = (sent: number | null, last: number | null) => {
  const ns = (seconds: number | null): number | null => (seconds === null ? null : seconds * 1e9);
  const { name, atNs } = dueDeadline(
    { startNs: 1e9, sentNs: ns(sent), lastNs: ns(last) },
    deadlines,
  );
  return [name, atNs / 1e9];
};

describe('the deadline that is due', () => {
  it('is to connect until the request was sent, counted from its begin', () => {
    expect(due(null, null)).toEqual(['connect', 6]);
  });
  it('is the first byte, then the next part of the answer', () => {
    expect(due(2, null)).toEqual(['firstByte', 12]);
    expect(due(2, 7)).toEqual(['interChunk', 10]);
  });
  it('is the whole request once that comes first, or at the same moment', () => {
    expect(due(2, 58.9)).toEqual(['interChunk', 61.9]);
    expect(due(2, 59)).toEqual(['request', 62]);
    expect(due(2, 60)).toEqual(['request', 62]);
  });
});
