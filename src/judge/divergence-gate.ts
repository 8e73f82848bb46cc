// Cheap check of greedy decoding: the token at which a server first leaves the baseline's text.
import { fromUtf8Lossy } from '../core/bytes.ts';
import type { Answer, LogprobEntry } from '../answers/answer.ts';
import type { GateResult } from './margin-gate.ts';
import { MISSING } from './near-ties.ts';

/** How many of the best tokens a server is asked for. */
const TOP = 5;
/** The gate ignores a code point cut off at the end. */
const trimmed = (text: string): string => text.replace(/\uFFFD+$/, '');

const same = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);

/**
 * First divergence against the baseline's stream: there the baseline's token must be in the miner's
 * top list, at most `gapNats` below the miner's best, and the miner's own token must be its best (a
 * tie counts). Blind after that point, so only a cheap pre-gate and a fallback.
 */
export function divergesHonestly(baseline: Answer, miner: Answer, gapNats: number): boolean {
  const theirs = baseline.logprobs;
  const ours = miner.logprobs;
  if (theirs.length === 0 || ours.length === 0) return false;
  // The entries must spell the answer: else a server could show the right ones beside any text.
  const spelled = fromUtf8Lossy(Uint8Array.from(ours.flatMap(({ bytes }) => bytes)));
  if (!trimmed(spelled).startsWith(trimmed(miner.text))) return false;
  const at = theirs.findIndex(
    (entry, i) => ours[i] !== undefined && !same(entry.bytes, ours[i].bytes),
  );
  if (at < 0) return true; // equal up to the shorter end
  const own: LogprobEntry = ours[at]!;
  const best = Math.max(own.logprob, ...own.top.slice(0, TOP).map(({ logprob }) => logprob));
  const found = own.top.slice(0, TOP).find((entry) => same(entry.bytes, theirs[at]!.bytes));
  if (!found || found.logprob <= MISSING || own.logprob <= MISSING) return false;
  return own.logprob >= best && best - found.logprob <= gapNats;
}

/** The gate by first divergence alone: one failing prompt fails. It earns nothing on finney. */
export function divergenceGate(
  pairs: readonly { baseline: Answer; miner: Answer }[],
  gapNats: number,
): GateResult {
  const pass = pairs.every(({ baseline, miner }) => divergesHonestly(baseline, miner, gapNats));
  const tokens = pairs.reduce((sum, { miner }) => sum + miner.logprobs.length, 0);
  return {
    kind: 'first-divergence',
    pass,
    reasons: pass ? [] : ['first-divergence'],
    tokens,
    meanMarginNats: null,
    clippedNats: 0,
    firstTokenStrikes: 0,
    bigMargins: 0,
    nearTies: null,
  };
}
