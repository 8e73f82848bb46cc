// Gate on a server's tokens: how far each lies below the reference model's best token, in nats.
import { spells } from '../answers/answer-ids.ts';
import type { Answer } from '../answers/answer.ts';
import type { Tokenizer } from '../core/tokenizer.ts';
import type { MeasuringRules } from '../schema/arena.ts';
import type { NearTieSums } from '../schema/submission.ts';
import type { Teacher } from '../schema/trace.ts';
import { meanLimitNats } from './margin-limits.ts';
import { honestNoise, MISSING, nearTieLimit, nearTieSums, nearTiesOf } from './near-ties.ts';

/** Why an answer is not the model's own. */
export type GateReason =
  | 'mean-margin'
  | 'near-ties'
  | 'first-token'
  | 'big-margin'
  | 'eos'
  | 'length'
  | 'bytes'
  | 'first-divergence';

/**
 * Outcome of the gate over all scored answers of a run, with the numbers behind it. `clippedNats`
 * and `nearTies` feed the sums over several boots.
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
  readonly nearTies: NearTieSums | null;
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
export function marginNats(top: number | null, own: number | null): number {
  if (top === null || own === null || top <= MISSING || own <= MISSING) return Infinity;
  return Math.max(0, top - own);
}

/** Counts over all answers so far, and what speaks against them. */
type Tally = {
  tokens: number;
  clippedNats: number;
  firstTokenStrikes: number;
  bigMargins: number;
};

/** What every answer is held against. */
export type GateRules = { readonly tokenizer: Tokenizer; readonly arena: MeasuringRules };

/** Adds the margins of one answer's tokens. The order of the sums is part of the result. */
function addMargins(tally: Tally, margins: readonly number[], { gate }: MeasuringRules): void {
  tally.tokens += margins.length;
  for (const value of margins) {
    tally.clippedNats += Math.min(value, gate.clipNats);
    if (value > gate.bigMarginNats) tally.bigMargins++;
  }
  if ((margins[0] ?? Infinity) > gate.firstTokenNats) tally.firstTokenStrikes++;
}

/** Whether the forced ids are what the answer says, and no more than was asked for. */
function* formFaults(
  { answer, teacher, maxTokens }: GatedAnswer,
  { tokenizer, arena }: GateRules,
): Generator<GateReason> {
  const stopped = answer.finishReason === 'stop';
  const forced = stopped ? teacher.tokenIds.slice(0, -1) : teacher.tokenIds;
  if (!spells(forced, answer.text, tokenizer)) yield 'bytes';
  if (forced.includes(arena.model.eosTokenId)) yield 'eos';
  if (answer.canonicalIds.length > OVERLONG * maxTokens) yield 'length';
  if ((answer.tokenIds?.length ?? 0) > maxTokens) yield 'length';
}

/** Whether the answer ended where the model would have ended it; null where it did. */
function endFault(
  { answer, teacher, maxTokens }: GatedAnswer,
  lastMargin: number,
  { tokenizer, arena: { gate, model } }: GateRules,
): GateReason | null {
  if (answer.finishReason === 'stop') {
    const ended = teacher.tokenIds.at(-1) === model.eosTokenId;
    return ended && !(lastMargin > gate.bigMarginNats) ? null : 'eos';
  }
  if (answer.finishReason !== 'length') return 'eos';
  // Ids that do not spell the answer count for nothing.
  if (answer.tokenIds !== null && spells(answer.tokenIds, answer.text, tokenizer))
    return answer.tokenIds.length === maxTokens ? null : 'length';
  const off = Math.abs(answer.canonicalIds.length - maxTokens);
  return off > gate.lengthTolerance * maxTokens ? 'length' : null;
}

/** Whether an answer that its server ended, ends where the model would have ended it. */
export function endsAsModel(gated: GatedAnswer, rules: GateRules): boolean {
  const { tokenIds, top, own } = gated.teacher;
  const last = tokenIds.length - 1;
  return last >= 0 && endFault(gated, marginNats(top[last]!, own[last]!), rules) === null;
}

/** What all answers' near-ties say together; null where the arena does not look at them. */
function nearTiesIn(answers: readonly GatedAnswer[], arena: MeasuringRules): NearTieSums | null {
  const noise = honestNoise(arena);
  if (noise === null) return null;
  const { nearNats, alteredFactor } = arena.gate;
  const ties = answers.flatMap(({ teacher }) => nearTiesOf(teacher, nearNats));
  return nearTieSums(ties, noise, alteredFactor);
}

/** What the counts of a whole run say against a server. */
function* runFaults(
  { tokens, clippedNats, firstTokenStrikes, bigMargins }: Tally,
  nearTies: NearTieSums | null,
  arena: MeasuringRules,
): Generator<GateReason> {
  const { gate } = arena;
  if (tokens === 0 || clippedNats / tokens > meanLimitNats(arena)) yield 'mean-margin';
  if (firstTokenStrikes > gate.firstTokenStrikes) yield 'first-token';
  if (bigMargins >= gate.bigMargins) yield 'big-margin';
  if (nearTies && nearTies.excess > nearTieLimit(nearTies, gate.pooledZ)) yield 'near-ties';
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
): GateResult {
  const reasons = new Set<GateReason>();
  const tally: Tally = { tokens: 0, clippedNats: 0, firstTokenStrikes: 0, bigMargins: 0 };
  const rules = { tokenizer, arena };
  for (const gated of answers) {
    const { tokenIds, top, own } = gated.teacher;
    const margins = tokenIds.map((_, i) => marginNats(top[i]!, own[i]!));
    addMargins(tally, margins, arena);
    for (const fault of formFaults(gated, rules)) reasons.add(fault);
    const fault = endFault(gated, margins.at(-1)!, rules);
    if (fault) reasons.add(fault);
  }
  const nearTies = nearTiesIn(answers, arena);
  for (const fault of runFaults(tally, nearTies, arena)) reasons.add(fault);
  const { tokens, clippedNats, firstTokenStrikes, bigMargins } = tally;
  return {
    kind: 'margin',
    pass: reasons.size === 0,
    reasons: [...reasons].sort(),
    tokens,
    meanMarginNats: tokens === 0 ? null : clippedNats / tokens,
    clippedNats,
    firstTokenStrikes,
    bigMargins,
    nearTies,
  };
}
