// Tells which timing samples are void because the measuring client itself was held up.
import { because, type Reasoned } from '../schema/reasons.ts';
import type { TracedRequest } from '../schema/trace.ts';
import type { MeasuringRules } from '../schema/arena.ts';

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
export function voidSampleReason(
  request: TracedRequest,
  { clock, maxTokens }: Pick<MeasuringRules, 'clock' | 'maxTokens'>,
): Reasoned | null {
  const { sentNs, chunks, end, cost } = request;
  if (cost === null || end === null) return null;
  // A server that sends many times the bytes of an honest answer keeps the client busy itself: it
  // gets no second try for that.
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
    const limitNs = Math.max(clock.waitMs * 1e6, clock.waitShare * spanNs);
    if (lostNs <= limitNs) continue;
    const [lostMs, spanMs] = [lostNs, spanNs].map((valueNs) => (valueNs / 1e6).toFixed(1));
    return because(
      'client-held-up',
      `the client itself lost ${lostMs} ms of the ${spanMs} ms to ${what}`,
      { value: lostNs / 1e6, limit: limitNs / 1e6 },
    );
  }
  return null;
}
