// Gate on a server's tokens: how far each lies below the reference model's best token, in nats.
import { spells } from '../answers/answer-ids.ts';
import type { Answer } from '../answers/answer.ts';
import type { Tokenizer } from '../core/tokenizer.ts';
import type { MeasuringRules } from '../schema/arena.ts';
import type { Teacher } from '../schema/trace.ts';

/** Why an answer is not the model's own. */
type GateReason =
  | 'mean-margin'
  | 'first-token'
  | 'big-margin'
  | 'eos'
  | 'length'
  | 'bytes'
  | 'running-sum'
  | 'first-divergence';

/**
 * Outcome of the gate over all scored answers of a run, with the numbers behind it. `clippedNats`
 * feeds the image's running mean.
 */
export type GateResult = {
  readonly kind: 'margin' | 'first-divergence';
  readonly pass: boolean;
  readonly reasons: readonly GateReason[];
  readonly tokens: number;
  readonly meanMarginNats: number | null;
  readonly clippedNats: number;
  readonly firstTokenStrikes: number;
  readonly bigMargins: number;
};

/** Sum over earlier rounds of the same image. */
export type MarginHistory = {
  readonly rounds: number;
  readonly tokens: number;
  readonly clippedNats: number;
};

/** An answer that re-encodes to this many times max_tokens holds more than was asked for. */
const OVERLONG = 2;

export type GatedAnswer = {
  readonly answer: Answer;
  readonly teacher: Teacher;
  readonly maxTokens: number;
};

/**
 * Nats between the reference's best token and the given one, at least 0; Infinity where the
 * reference has no value. -9999 means missing.
 */
function margin(top: number | null, own: number | null): number {
  if (top === null || own === null || top <= -9999 || own <= -9999) return Infinity;
  return Math.max(0, top - own);
}

/**
 * Greedy and same model (RULES "Gate: mean margin"): every scored token was teacher-forced through
 * the reference, and what counts is how far each lies below the reference's best. Equality would
 * fail honest servers: kernels differ in the last bits.
 */
export function marginGate(
  answers: readonly GatedAnswer[],
  tokenizer: Tokenizer,
  arena: MeasuringRules,
  history: MarginHistory | null,
): GateResult {
  const { gate, honestP999Nats, model } = arena;
  const reasons = new Set<GateReason>();
  let tokens = 0;
  let clippedNats = 0;
  let bigMargins = 0;
  let firstTokenStrikes = 0;
  for (const { answer, teacher, maxTokens } of answers) {
    const stopped = answer.finishReason === 'stop';
    const margins = teacher.tokenIds.map((_, i) => margin(teacher.top[i]!, teacher.own[i]!));
    const forced = stopped ? teacher.tokenIds.slice(0, -1) : teacher.tokenIds;
    tokens += margins.length;
    for (const value of margins) {
      clippedNats += Math.min(value, gate.clipNats);
      if (value > gate.bigMarginNats) bigMargins++;
    }
    if ((margins[0] ?? Infinity) > gate.firstTokenNats) firstTokenStrikes++;
    if (!spells(forced, answer.text, tokenizer)) reasons.add('bytes');
    if (forced.includes(model.eosTokenId)) reasons.add('eos');
    if (
      answer.canonicalIds.length > OVERLONG * maxTokens ||
      (answer.tokenIds?.length ?? 0) > maxTokens
    )
      reasons.add('length');
    if (stopped) {
      if (teacher.tokenIds.at(-1) !== model.eosTokenId || margins.at(-1)! > gate.bigMarginNats)
        reasons.add('eos');
    } else if (answer.finishReason === 'length') {
      // Ids that do not spell the answer count for nothing.
      const exact = answer.tokenIds !== null && spells(answer.tokenIds, answer.text, tokenizer);
      const count = exact ? answer.tokenIds.length : answer.canonicalIds.length;
      if (
        exact ? count !== maxTokens : Math.abs(count - maxTokens) > gate.lengthTolerance * maxTokens
      )
        reasons.add('length');
    } else reasons.add('eos');
  }
  const mean = tokens === 0 ? null : clippedNats / tokens;
  if (mean === null || mean > gate.meanFactor * honestP999Nats) reasons.add('mean-margin');
  if (firstTokenStrikes > gate.firstTokenStrikes) reasons.add('first-token');
  if (bigMargins >= gate.bigMargins) reasons.add('big-margin');
  if (
    history &&
    history.rounds > 0 &&
    (history.clippedNats + clippedNats) / (history.tokens + tokens) >
      gate.runningMeanFactor * honestP999Nats
  )
    reasons.add('running-sum');
  return {
    kind: 'margin',
    pass: reasons.size === 0,
    reasons: [...reasons].sort(),
    tokens,
    meanMarginNats: mean,
    clippedNats,
    firstTokenStrikes,
    bigMargins,
  };
}
