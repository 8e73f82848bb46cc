// Time to first token and tokens per second of an answer, corrected for stalls and bursts.
import { median } from '../core/median.ts';
import type { MeasuringRules } from '../schema/arena.ts';
import type { Answer } from '../answers/answer.ts';

/**
 * Time to first token in ns: at(1) - sent, or what the stall or burst correction makes of it;
 * Infinity without content.
 */
export function ttftNs(answer: Answer, sentNs: number, rules: MeasuringRules['scoring']): number {
  const { contentChunks: chunks, arrivalsNs } = answer;
  const first = arrivalsNs[0];
  if (first === undefined) return Infinity;
  let latest = first;
  // Stall: a guessed first token, then the real prefill. The fourth token tells when decoding
  // began.
  if (chunks.length >= rules.stallChunks) {
    const gaps = chunks.slice(1).map((chunk, i) => chunk.tNs - chunks[i]!.tNs);
    const usual = median(gaps.slice(1));
    if (gaps[0]! > rules.stallRatio * usual)
      latest = Math.max(latest, Math.round(arrivalsNs[3]! - 3 * usual));
  }
  // Burst: an answer held back and flushed. Its tokens were not there before the flush.
  const flush = chunks.find((chunk) => chunk.tokens > rules.burstTokens);
  if (flush) latest = Math.max(latest, flush.tNs);
  return latest - sentNs;
}

/**
 * Tokens per second end to end: k / (at(k) - sent) with k = min(n of the baseline, n of this arm);
 * 0 where the answer is shorter than `minTokensShare` of the baseline's. Decode-only throughput
 * would reward holding everything back, so it is not offered.
 */
export function tokensPerSecond(
  answer: Answer,
  sentNs: number,
  baselineTokens: number,
  rules: MeasuringRules['scoring'],
): number {
  const count = answer.arrivalsNs.length;
  const k = Math.min(baselineTokens, count);
  if (k === 0 || count < Math.ceil(rules.minTokensShare * baselineTokens)) return 0;
  return (k * 1e9) / (answer.arrivalsNs[k - 1]! - sentNs);
}
