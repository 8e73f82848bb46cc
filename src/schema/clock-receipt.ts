// The receipt of a clock check, and what an arena allows it to say.
import { z } from 'zod';
import { because, type Reasoned } from './reasons.ts';
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
export function clockFault(receipt: ClockReceipt, rules: MeasuringRules['clock']): Reasoned | null {
  const { lostChunks, chunks } = receipt;
  if (lostChunks > 0)
    return because('clock-chunks', `${lostChunks} of ${chunks} chunks were lost`, {
      value: lostChunks,
      limit: 0,
    });
  const late = (code: string, what: string, valueNs: number, limit: number): Reasoned => {
    const value = valueNs / 1e6;
    const detail = `${what} is off by ${value.toFixed(3)} ms, ${limit} ms are the most`;
    return because(code, detail, { value, limit });
  };
  if (Math.abs(receipt.medianTtftErrorNs) > rules.ttftBiasMs * 1e6)
    return late('clock-ttft', 'the median TTFT', receipt.medianTtftErrorNs, rules.ttftBiasMs);
  if (receipt.p99ErrorNs > rules.p99Ms * 1e6)
    return late('clock-p99', 'the p99 of all chunks', receipt.p99ErrorNs, rules.p99Ms);
  const [bias, limit] = [receipt.throughputBias, rules.throughputBias];
  if (Math.abs(bias) <= limit) return null;
  const detail = `throughput is off by ${(bias * 100).toFixed(3)} %, ${limit * 100} % are the most`;
  return because('clock-throughput', detail, { value: bias, limit });
}

/** The same for the receipt in a trace's header; null where there is none. */
export function headerClockFault(
  header: TraceHeader,
  rules: MeasuringRules['clock'],
): Reasoned | null {
  const parsed = receiptSchema.safeParse(header['clock']);
  return parsed.success ? clockFault(parsed.data, rules) : null;
}
