// The gate of one arm's run: by margins, or by first divergence where nothing was forced.
import type { ArmReading, JudgeContext } from './arm-reading.ts';
import { cutTrace } from './arm-reading.ts';
import { divergenceGate, divergesHonestly } from './divergence-gate.ts';
import { endsAsModel, type GateResult, marginGate } from './margin-gate.ts';

/**
 * What the gate finds in a run (RULES "Verdict of the gate"). `baseline` is null in later boots, where no baseline
 * was asked the same. Throws `BAD_TRACE` where an answer was not forced.
 */
export function gateOf(
  arm: ArmReading,
  baseline: ArmReading | null,
  context: JudgeContext,
): GateResult {
  const { arena, tokenizer, prompts } = context;
  const requests = arm.trace.requests.filter((request) => prompts.scored.includes(request.prompt));
  const pairs = prompts.scored.flatMap((index) => {
    const other = baseline?.answers.get(index);
    return other ? [{ baseline: other.answer, miner: arm.answers.get(index)!.answer }] : [];
  });
  const forced = requests.filter((request) => request.teacher !== null);
  if (forced.length === 0 && arena.scoredLogprobs)
    return divergenceGate(pairs, arena.gate.divergenceNats);
  const missing = requests.find((request) => request.teacher === null);
  if (missing) throw cutTrace(arm.trace, `prompt ${missing.prompt} was not teacher-forced`);
  const blind = requests.find(({ teacher }) => teacher && !teacher.second);
  if (blind && arena.honestNoiseNats !== null)
    throw cutTrace(arm.trace, `prompt ${blind.prompt} was forced without the second best token`);
  const gated = requests.map((request) => ({
    answer: arm.answers.get(request.prompt)!.answer,
    teacher: request.teacher!,
    maxTokens: arena.maxTokens,
  }));
  const result = marginGate(gated, tokenizer, arena);
  const honest = ({ baseline: b, miner }: (typeof pairs)[number]): boolean =>
    divergesHonestly(b, miner, arena.gate.divergenceNats);
  if (!arena.scoredLogprobs || pairs.every(honest)) return result;
  const reasons: GateResult['reasons'] = [...result.reasons, 'first-divergence'];
  return { ...result, pass: false, reasons };
}

/** Prompts whose answer ended where the model would have ended it, by its own end token. */
export function acceptedEnds(arm: ArmReading, { arena, tokenizer }: JudgeContext): Set<number> {
  const ends = new Set<number>();
  const { maxTokens } = arena;
  for (const { prompt, teacher } of arm.trace.requests) {
    const answer = arm.answers.get(prompt)?.answer;
    if (answer?.finishReason !== 'stop' || teacher === null) continue;
    if (endsAsModel({ answer, teacher, maxTokens }, { arena, tokenizer })) ends.add(prompt);
  }
  return ends;
}
