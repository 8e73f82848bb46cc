// The receipt of a clock check, and what an arena allows it to say.
import { z } from 'zod';
import type { MeasuringRules } from './arena.ts';
import type { TraceHeader } from './trace.ts';

/** What a self-test of the clock found: the client against a server of known times. */
const receiptSchema = z.looseObject({
  streams: z.number().int().positive(),
  chunks: z.number().int().nonnegative(),
  lostChunks: z.number().int().nonnegative(),
  medianTtftErrorNs: z.number().int(),
  medianErrorNs: z.number().int(),
  p99ErrorNs: z.number().int(),
  throughputBias: z.number(),
});

export type ClockReceipt = z.infer<typeof receiptSchema>;

/** Which limit of the arena a receipt breaks (RULES "Clock check"), or null. */
export function clockFault(receipt: ClockReceipt, rules: MeasuringRules['clock']): string | null {
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
export function headerClockFault(
  header: TraceHeader,
  rules: MeasuringRules['clock'],
): string | null {
  const parsed = receiptSchema.safeParse(header['clock']);
  return parsed.success ? clockFault(parsed.data, rules) : null;
}
