// How wrong the client's stamps are, from answers that carry the moment of their writing.
import { describe, expect, it } from 'vitest';
import { utf8 } from '../core/bytes.ts';
import { clockReceipt, errorsOf, quantile } from './clock-error.ts';
import type { Exchange } from './load-client.ts';

const ORIGIN = 1_000_000n;
const stamp = (ns: number): string => `data: {"content":" ${ORIGIN + BigInt(ns)}"}\n\n`;
const exchange = (
  chunks: readonly (readonly [tNs: number, text: string])[],
  sentNs = 0,
): Exchange =>
  ({
    sentNs,
    chunks: chunks.map(([tNs, text]) => ({ tNs, bytes: utf8(text) })),
  }) as unknown as Exchange;

describe('the errors of an answer', () => {
  it('are arrival minus writing, also of several stamps in one read', () => {
    const read = exchange([
      [150, stamp(100)],
      [260, stamp(200) + stamp(230)],
    ]);
    expect(errorsOf(read, ORIGIN)).toEqual({
      errorsNs: [50, 60, 30],
      writtenNs: [100, 200, 230],
      arrivedNs: [150, 260, 260],
    });
  });
  it('are of the read that completes a line', () => {
    const text = stamp(100);
    const read = exchange([
      [150, text.slice(0, 9)],
      [170, text.slice(9)],
    ]);
    expect(errorsOf(read, ORIGIN).errorsNs).toEqual([70]);
  });
});

describe('the receipt', () => {
  it('sums answers up: lost chunks, medians, the 99th percentile and the bias', () => {
    const answers = [
      exchange([
        [110, stamp(100)],
        [230, stamp(200)],
      ]),
      exchange([[130, stamp(100)]], 20),
    ];
    expect(clockReceipt(answers, ORIGIN, 2)).toEqual({
      streams: 1,
      chunks: 4,
      lostChunks: 1,
      medianTtftErrorNs: 20,
      medianErrorNs: 30,
      p99ErrorNs: 30,
      // 200/230 and 80/110, minus one each: the median of two is their mean.
      throughputBias: Number(((200 / 230 + 80 / 110) / 2 - 1).toFixed(6)),
    });
  });
  it('of nothing says that everything was lost', () => {
    expect(clockReceipt([exchange([])], ORIGIN, 3)).toMatchObject({
      lostChunks: 3,
      medianErrorNs: 0,
      throughputBias: 0,
    });
    expect(quantile([], 0.5)).toBeNull();
    expect(quantile([3, 1, 2], 0.99)).toBe(3);
    expect(quantile([3, 1, 2], 0)).toBe(1);
  });
});
