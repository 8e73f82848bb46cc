// Timing error of the measuring client, computed from answers with known send times.
import { fromUtf8Lossy } from '../core/bytes.ts';
import { median } from '../core/median.ts';
import type { ClockReceipt } from '../schema/clock-receipt.ts';
import type { Exchange } from './load-client.ts';

/** Answers that the self-test measures, after one to warm the client's own code. */
export const SELF_TEST_ANSWERS = 4;
/** What the ground truth is asked for: times near those of a fast server. */
export const TRUTH = { ttftMs: 20, itlMs: 2, tokens: 256 } as const;

/**
 * Errors of one answer against the stamps in it, in ns: arrival here minus the moment of writing
 * there.
 */
export function errorsOf(
  { chunks }: Exchange,
  originNs: bigint,
): { errorsNs: number[]; writtenNs: number[]; arrivedNs: number[] } {
  const errorsNs: number[] = [];
  const writtenNs: number[] = [];
  const arrivedNs: number[] = [];
  let rest = '';
  for (const { tNs, bytes } of chunks) {
    rest += fromUtf8Lossy(bytes);
    const lines = rest.split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      const stamp = /"content":" (\d+)"/.exec(line)?.[1];
      if (stamp === undefined) continue;
      const written = Number(BigInt(stamp) - originNs);
      writtenNs.push(written);
      arrivedNs.push(tNs);
      errorsNs.push(tNs - written);
    }
  }
  return { errorsNs, writtenNs, arrivedNs };
}

/** The value below which the share `q` of the samples lies; null for none. */
export function quantile(values: readonly number[], q: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? null;
}

/**
 * What a client's answers from the ground truth say about the client (RULES "Clock check").
 */
export function clockReceipt(
  exchanges: readonly Exchange[],
  originNs: bigint,
  tokens: number,
): ClockReceipt {
  const read = exchanges.map((exchange) => ({
    sentNs: exchange.sentNs,
    ...errorsOf(exchange, originNs),
  }));
  const all = read.flatMap(({ errorsNs }) => errorsNs);
  const firsts = read.flatMap(({ errorsNs }) => errorsNs.slice(0, 1));
  // End to end, as throughput is scored: the client's last arrival against the last write.
  const biases = read.flatMap(({ sentNs, writtenNs, arrivedNs }) =>
    arrivedNs.length === 0 ? [] : [(writtenNs.at(-1)! - sentNs) / (arrivedNs.at(-1)! - sentNs) - 1],
  );
  return {
    streams: 1,
    chunks: tokens * exchanges.length,
    lostChunks: tokens * exchanges.length - all.length,
    medianTtftErrorNs: Math.round(firsts.length === 0 ? 0 : median(firsts)),
    medianErrorNs: Math.round(all.length === 0 ? 0 : median(all)),
    p99ErrorNs: Math.round(quantile(all, 0.99) ?? 0),
    throughputBias: biases.length === 0 ? 0 : Number(median(biases).toFixed(6)),
  };
}
