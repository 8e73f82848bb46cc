// The one request that every server is sent.
import type { MeasuringRules } from './arena.ts';
import type { Prompt } from './prompt.ts';

/**
 * The body of one request. Warm-ups ask for logprobs, which a server must be able to give; scored
 * requests do not.
 */
export function requestBody(
  prompt: Prompt,
  arena: MeasuringRules,
): Record<string, unknown> & { max_tokens: number } {
  const logprobs =
    prompt.pool === 'warmup' || arena.scoredLogprobs ? { logprobs: true, top_logprobs: 5 } : {};
  return {
    model: arena.model.name,
    messages: prompt.messages,
    max_tokens: arena.maxTokens,
    temperature: 0,
    stream: true,
    return_token_ids: true,
    ...logprobs,
  };
}
