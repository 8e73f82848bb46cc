// Client of the trusted reference server: token ids and log-probabilities.
import { z } from 'zod';
import { messageOf } from '../core/errors.ts';
import { MeasureError } from './errors.ts';
import type { LoadClient } from './load-client.ts';

const tokenized = z.object({ tokens: z.array(z.number().int().nonnegative()) });
const position = z.record(z.string(), z.object({ logprob: z.number() })).nullable();
const completed = z.object({
  choices: z.array(z.object({ prompt_logprobs: z.array(position).nullish() })).min(1),
});

/**
 * The reference behind a client: vLLM's `/tokenize` and `/v1/completions` with `prompt_logprobs`.
 */
export function openReference(client: Pick<LoadClient, 'post'>, model: string): Reference {
  const post = async <T>(path: string, body: unknown, schema: z.ZodType<T>): Promise<T | null> => {
    const { status, text, detail } = await client.post(path, JSON.stringify(body));
    if (status !== null && status >= 400 && status < 500) return null;
    try {
      if (status !== 200) throw new Error(detail);
      return schema.parse(JSON.parse(text));
    } catch (error) {
      throw new MeasureError(
        'REFERENCE_FAILED',
        'infra',
        `the reference failed on ${path}: ${messageOf(error).slice(0, 200)}`,
        'check that the reference runs, and run again',
      ).causedBy(error);
    }
  };
  return {
    promptIds: async (messages) =>
      (await post('/tokenize', { model, messages }, tokenized))?.tokens ?? null,
    force: async (prompt, answer) => {
      const result = await post(
        '/v1/completions',
        {
          model,
          prompt: [...prompt, ...answer],
          max_tokens: 1,
          temperature: 0,
          prompt_logprobs: 2,
        },
        completed,
      );
      const positions = result?.choices[0]!.prompt_logprobs?.slice(prompt.length);
      if (!positions) return null;
      const values = positions.map((entry) =>
        Object.values(entry ?? {}).map(({ logprob }) => logprob),
      );
      const ordered = values.map((list) => list.sort((a, b) => b - a));
      return {
        top: ordered.map(([best]) => best ?? null),
        second: ordered.map(([, next]) => next ?? null),
        own: answer.map((id, i) => positions[i]?.[String(id)]?.logprob ?? null),
      };
    },
  };
}

/** At each forced id, in nats: the two best log-probabilities, and the id's own; null where none was given. */
export type ForcedLogprobs = Record<'top' | 'second' | 'own', (number | null)[]>;

/** The reference: trusted, and asked only after the miner's server is gone. */
export interface Reference {
  /** Ids of a chat prompt, by the reference's own tokenizer; null where it has no /tokenize. */
  promptIds(
    messages: readonly { readonly role: string; readonly content: string }[],
  ): Promise<readonly number[] | null>;
  /**
   * For every id of `answer` after `prompt`. Null where the reference has no prompt_logprobs.
   */
  force(prompt: readonly number[], answer: readonly number[]): Promise<ForcedLogprobs | null>;
}
