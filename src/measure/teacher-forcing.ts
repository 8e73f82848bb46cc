// Teacher forcing: measured answers are scored token by token by the reference model.
import { answerIds } from '../answers/answer-ids.ts';
import { readAnswer } from '../answers/answer.ts';
import type { Tokenizer } from '../core/tokenizer.ts';
import type { MeasuringRules } from '../schema/arena.ts';
import type { Prompt } from '../schema/prompt.ts';
import { parseTrace, traceLine, type TraceLine } from '../schema/trace.ts';
import type { Reference } from './reference.ts';

/**
 * At most this many times max_tokens are forced: a longer answer fails the gate anyway, and must
 * not overrun the reference.
 */
const FORCED = 2;

/**
 * Remembers forced answers: honest servers give the same one, and forcing it again would give the
 * same numbers.
 */
export type TeacherCache = Map<string, { top: (number | null)[]; own: (number | null)[] } | null>;

/**
 * Teacher-forces every scored answer of a run through the reference. Returns the lines to append to
 * its trace; none where the reference has no `prompt_logprobs`, or where an answer cannot be read
 * (its fault is the verdict).
 */
export async function teacherForce(
  lines: readonly TraceLine[],
  prompts: readonly Prompt[],
  ports: { reference: Reference; tokenizer: Tokenizer },
  arena: MeasuringRules,
  cache: TeacherCache,
): Promise<TraceLine[]> {
  const { reference, tokenizer } = ports;
  const trace = parseTrace(lines.map(traceLine).join(''), 'the trace just made');
  const out: TraceLine[] = [];
  for (const request of trace.requests) {
    if (request.warmup || request.end?.outcome !== 'done') continue;
    const read = readAnswer(request, tokenizer, arena.limits);
    if ('fault' in read) continue;
    const { answer } = read;
    const ids = answerIds(answer, tokenizer, arena.model.eosTokenId, request.maxTokens).slice(
      0,
      FORCED * request.maxTokens,
    );
    const forced = answer.finishReason === 'stop' ? [...ids, arena.model.eosTokenId] : [...ids];
    const { messages } = prompts.find((prompt) => prompt.index === request.prompt)!;
    const key = `${request.prompt}:${forced.join(',')}`;
    let result = cache.get(key);
    if (result === undefined) {
      const promptIds = forced.length === 0 ? [] : await reference.promptIds(messages);
      if (forced.length === 0) result = { top: [], own: [] };
      else result = promptIds === null ? null : await reference.force(promptIds, forced);
      cache.set(key, result);
    }
    if (result === null) return [];
    const ends: number[] = [];
    let offset = 0;
    for (const id of forced) {
      offset += tokenizer.bytesOf(id)?.length ?? 0;
      ends.push(offset);
    }
    out.push({ type: 'teacher', prompt: request.prompt, tokenIds: forced, ends, ...result });
  }
  return out;
}
