// Teacher forcing: measured answers are scored token by token by the reference model.
import { answerIds } from '../answers/answer-ids.ts';
import { type Answer, readAnswer } from '../answers/answer.ts';
import type { Tokenizer } from '../core/tokenizer.ts';
import type { MeasuringRules } from '../schema/arena.ts';
import type { Prompt } from '../schema/prompt.ts';
import type { Trace, TraceLine } from '../schema/trace.ts';
import type { ForcedLogprobs, Reference } from './reference.ts';

/**
 * At most this many times max_tokens are forced: a longer answer fails the gate anyway, and must
 * not overrun the reference.
 */
const FORCED = 2;

/**
 * Remembers forced answers: honest servers give the same one, and forcing it again would give the
 * same numbers.
 */
type TeacherCache = Map<string, ForcedLogprobs | null>;

/** What forcing answers takes: one of it serves all runs of a boot. */
export type Forcing = {
  readonly prompts: readonly Prompt[];
  readonly reference: Reference;
  readonly tokenizer: Tokenizer;
  readonly arena: MeasuringRules;
  readonly cache: TeacherCache;
};

/** The ids of an answer that are forced, its end included (RULES "Ids that are forced"). */
function forcedIds(answer: Answer, { tokenizer, arena }: Forcing): number[] {
  const { maxTokens } = arena;
  const { eosTokenId } = arena.model;
  const ids = answerIds(answer, tokenizer, eosTokenId, maxTokens).slice(0, FORCED * maxTokens);
  return answer.finishReason === 'stop' ? [...ids, eosTokenId] : [...ids];
}

/** Log-probabilities of forced ids; null where the reference has no `prompt_logprobs`. */
async function force(
  prompt: number,
  ids: readonly number[],
  { prompts, reference, cache }: Forcing,
): Promise<ForcedLogprobs | null> {
  if (ids.length === 0) return { top: [], second: [], own: [] };
  const key = `${prompt}:${ids.join(',')}`;
  const before = cache.get(key);
  if (before !== undefined) return before;
  const { messages } = prompts.find(({ index }) => index === prompt)!;
  const promptIds = await reference.promptIds(messages);
  const result = promptIds === null ? null : await reference.force(promptIds, ids);
  cache.set(key, result);
  return result;
}

/**
 * Teacher-forces every scored answer of a run through the reference (RULES "Teacher forcing").
 * Returns the lines to append to its trace; none where the reference has no `prompt_logprobs`, or
 * where an answer cannot be read (its fault is the verdict).
 */
export async function teacherForce(trace: Trace, forcing: Forcing): Promise<TraceLine[]> {
  const { tokenizer, arena } = forcing;
  const out: TraceLine[] = [];
  for (const request of trace.requests) {
    if (request.warmup || request.end?.outcome !== 'done') continue;
    const read = readAnswer(request, tokenizer, arena);
    if ('fault' in read) continue;
    const tokenIds = forcedIds(read.answer, forcing);
    const result = await force(request.prompt, tokenIds, forcing);
    if (result === null) return [];
    const ends: number[] = [];
    let offset = 0;
    for (const id of tokenIds) {
      offset += tokenizer.bytesOf(id)?.length ?? 0;
      ends.push(offset);
    }
    out.push({ type: 'teacher', prompt: request.prompt, tokenIds, ends, ...result });
  }
  return out;
}
