// Time to first token and tokens per second of an answer, read where a guess does not reach.
import { compare } from '../core/order.ts';
import type { MeasuringRules } from '../schema/arena.ts';

type Scoring = MeasuringRules['scoring'];

/** What an answer's times are held against. */
export type Yardstick = {
  /** Tokens of the answer that count: as many as the baseline has too. */
  readonly k: number;
  /** The baseline's own pace in ns a token: the most that may be taken off; Infinity: no cap. */
  readonly paceCapNs: number;
};

/** When each token of an answer was complete, and when its request was sent, in ns. */
export type Arrivals = { readonly arrivalsNs: readonly number[]; readonly sentNs: number };

/** The tokens whose arrival tells when decoding began: neither guessed nor late (1-based). */
function windowOf(k: number, { ttftWindow }: Scoring): { m: number; lo: number; hi: number } {
  const m = Math.min(ttftWindow, Math.floor(k / 4));
  return { m, lo: Math.floor(m / 2) + 1, hi: m + Math.floor(m / 2) };
}

/**
 * Ns a token over the rest of an answer, after the window that tells its TTFT; null for an answer
 * too short to have one. Lowering it costs throughput, so no server fakes it for nothing.
 */
export function paceNs({ arrivalsNs }: Arrivals, k: number, scoring: Scoring): number | null {
  if (k < scoring.ttftWindow) return null;
  const { hi } = windowOf(k, scoring);
  return (arrivalsNs[k - 1]! - arrivalsNs[hi - 1]!) / (k - hi);
}

/**
 * Time to first token in whole ns (RULES "TTFT"); Infinity without content. The first tokens can be
 * guessed and sent before anything was computed, so it is read from later ones: each tells when the
 * first one was due at the answer's own pace.
 */
export function ttftNs(answer: Arrivals, { k, paceCapNs }: Yardstick, scoring: Scoring): number {
  const { arrivalsNs, sentNs } = answer;
  if (k === 0) return Infinity;
  const own = paceNs(answer, k, scoring);
  if (own === null) return arrivalsNs[k - 1]! - sentNs;
  const pace = Math.min(own, paceCapNs);
  const { m, lo, hi } = windowOf(k, scoring);
  const due: number[] = [];
  for (let j = lo; j <= hi; j++) due.push(arrivalsNs[j - 1]! - sentNs - (j - 1) * pace);
  due.sort(compare);
  const { ttftWindow, ttftRank } = scoring;
  const q = Math.floor((ttftRank * m + ttftWindow - 1) / ttftWindow);
  return Math.floor(Math.max(arrivalsNs[0]! - sentNs, due[q - 1]!) + 0.5);
}

/**
 * Tokens per second end to end: k / (at(k) - sent) (RULES "Throughput"); 0 without content.
 * Decode-only throughput would reward holding everything back, so it is not offered.
 */
export function tokensPerSecond({ arrivalsNs, sentNs }: Arrivals, { k }: Yardstick): number {
  if (k === 0) return 0;
  return (k * 1e9) / Math.max(1, arrivalsNs[k - 1]! - sentNs);
}
