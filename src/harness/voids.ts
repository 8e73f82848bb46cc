import { z } from 'zod';
import type { Arena } from './arena.ts';
import type { TracedRequest, TraceHeader } from './trace.ts';

/**
 * What an honest answer takes at most: an event with five log-probabilities is about a kilobyte;
 * one read an event, and a few around it.
 */
const HONEST_BYTES = 4096;
const HONEST_READS = 4;
const FRAME_BYTES = 65_536;
const FRAME_READS = 64;

/**
 * Why a sample says nothing about the server: the client itself waited for a core, or collected
 * garbage, for longer than a share of what it measured. Null where the sample stands, or where the
 * client did not note its own cost.
 */
export function voidReason(request: TracedRequest, rules: Arena['clock']): string | null {
  const { sentNs, chunks, end, cost, maxTokens } = request;
  if (cost === null || end === null) return null;
  // Who sends many times what an answer needs keeps the client busy himself, and gets no second try
  // for it.
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.bytes.length, 0);
  if (
    bytes > FRAME_BYTES + maxTokens * HONEST_BYTES ||
    chunks.length > FRAME_READS + maxTokens * HONEST_READS
  )
    return null;
  const spans = [
    {
      what: 'the first byte',
      lostNs: cost.firstWaitNs ?? 0,
      spanNs: (chunks[0]?.tNs ?? end.tNs) - sentNs,
    },
    { what: 'the answer', lostNs: (cost.waitNs ?? 0) + cost.gcNs, spanNs: end.tNs - sentNs },
  ];
  for (const { what, lostNs, spanNs } of spans) {
    if (lostNs <= Math.max(rules.waitMs * 1e6, rules.waitShare * spanNs)) continue;
    return `the client itself lost ${(lostNs / 1e6).toFixed(1)} ms of the ${(spanNs / 1e6).toFixed(1)} ms to ${what}`;
  }
  return null;
}

/** What a self-test of the clock found: the client against a server of known times. */
export const receiptSchema = z.looseObject({
  streams: z.number().int().positive(),
  chunks: z.number().int().nonnegative(),
  lostChunks: z.number().int().nonnegative(),
  medianTtftErrorNs: z.number().int(),
  medianErrorNs: z.number().int(),
  p99ErrorNs: z.number().int(),
  throughputBias: z.number(),
});
export type ClockReceipt = z.infer<typeof receiptSchema>;

/** Which limit of the arena a receipt breaks (measurement notes, section 2), or null. */
export function clockFault(receipt: ClockReceipt, rules: Arena['clock']): string | null {
  const ms = (value: number): string => `${(value / 1e6).toFixed(3)} ms`;
  if (receipt.lostChunks > 0) return `${receipt.lostChunks} of ${receipt.chunks} chunks were lost`;
  if (Math.abs(receipt.medianTtftErrorNs) > rules.ttftBiasMs * 1e6)
    return `the median TTFT is off by ${ms(receipt.medianTtftErrorNs)}, ${rules.ttftBiasMs} ms are the most`;
  if (receipt.p99ErrorNs > rules.p99Ms * 1e6)
    return `the p99 of all chunks is off by ${ms(receipt.p99ErrorNs)}, ${rules.p99Ms} ms are the most`;
  if (Math.abs(receipt.throughputBias) > rules.throughputBias)
    return `throughput is off by ${(receipt.throughputBias * 100).toFixed(3)} %, ${rules.throughputBias * 100} % are the most`;
  return null;
}

/** The same for the receipt in a trace's header; null where there is none. */
export function headerClockFault(header: TraceHeader, rules: Arena['clock']): string | null {
  const parsed = receiptSchema.safeParse(header['clock']);
  return parsed.success ? clockFault(parsed.data, rules) : null;
}
