// When the tokens of an answer arrive: honest servers, packers and guessers, in virtual time.
import { improvements } from '../judge/score.ts';
import { type Arrivals, paceNs, tokensPerSecond, ttftNs } from '../judge/timing.ts';
import { scoring as scoringSchema } from '../schema/arena-parts.ts';

const MS = 1e6;
export const defaultScoring = scoringSchema.parse({});

/** A server's compute: when its first token is there, and how long each further one takes. */
export type Compute = {
  readonly prefillMs: number;
  readonly tokenMs: number;
  readonly tokens: number;
};
/** What the 72B model of the competition is taken to need on its machine. */
export const LARGE: Compute = { prefillMs: 280, tokenMs: 10, tokens: 512 };

/** The same server, so many times as fast. */
export function faster({ prefillMs, tokenMs, tokens }: Compute, prefill: number, decode: number) {
  return { prefillMs: prefillMs / prefill, tokenMs: tokenMs / decode, tokens };
}

/** Arrival of each token in ms: when an honest server that sends each at once has it. */
export function computed({ prefillMs, tokenMs, tokens }: Compute): number[] {
  return Array.from({ length: tokens }, (_, i) => prefillMs + i * tokenMs);
}

/** Each token arrives with the last one of its group, which `sizes` gives in turn. */
export function packedTimes(times: readonly number[], sizes: (group: number) => number): number[] {
  const out: number[] = [];
  for (let group = 0; out.length < times.length; group++) {
    const last = Math.min(times.length, out.length + Math.max(1, sizes(group))) - 1;
    while (out.length <= last) out.push(times[last]!);
  }
  return out;
}

/** Tokens leave only at whole multiples of a period. */
export function everyMs(times: readonly number[], periodMs: number): number[] {
  return times.map((ms) => Math.ceil(ms / periodMs) * periodMs);
}

/** The first tokens are guessed, and arrive at once. */
export function guessed(times: readonly number[], count: number, atMs = 1): number[] {
  return times.map((ms, i) => (i < count ? Math.min(ms, atMs) : ms));
}

const arrivals = (times: readonly number[]): Arrivals => ({
  arrivalsNs: times.map((ms) => Math.round(ms * MS)),
  sentNs: 0,
});

/** What the rule reads of an answer beside an honest baseline's to the same prompt. */
export function readTimes(times: readonly number[], baseline: readonly number[]) {
  const base = arrivals(baseline);
  const own = arrivals(times);
  const k = Math.min(times.length, baseline.length);
  const cap = paceNs(base, baseline.length, defaultScoring) ?? Infinity;
  return {
    ttftNs: ttftNs(own, { k, paceCapNs: cap }, defaultScoring),
    tokensPerSecond: tokensPerSecond(own, { k, paceCapNs: cap }),
  };
}

/** Score of an answer's times; `naive` reads the TTFT off the first token, as the cheats hope. */
export function scoreOfTimes(
  times: readonly number[],
  baseline: readonly number[],
  naive = false,
): number {
  const base = readTimes(baseline, baseline);
  const read = readTimes(times, baseline);
  const own = naive ? { ...read, ttftNs: times[0]! * MS } : read;
  const { ttft, throughput } = improvements(base, own);
  return (
    defaultScoring.ttftWeight * Math.max(0, ttft) +
    defaultScoring.throughputWeight * Math.max(0, throughput)
  );
}
