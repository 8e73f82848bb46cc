import { z } from 'zod';
import { messageOf } from '../../core/errors.ts';
import type { Reference } from '../client.ts';
import { HarnessError } from '../errors.ts';

/** One forced answer may take this long; the reference is ours. */
const FORCE_MS = 120_000;

const tokenized = z.object({ tokens: z.array(z.number().int().nonnegative()) });
const position = z.record(z.string(), z.object({ logprob: z.number() })).nullable();
const completed = z.object({ choices: z.array(z.object({ prompt_logprobs: z.array(position).nullish() })).min(1) });

/** The reference behind a URL: vLLM's `/tokenize` and `/v1/completions` with `prompt_logprobs`. */
export function openReference(url: string, model: string): Reference {
  const post = async <T>(path: string, body: unknown, schema: z.ZodType<T>): Promise<T | null> => {
    let response: Response;
    try {
      response = await fetch(new URL(path, url), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(FORCE_MS),
        redirect: 'error',
      });
      if (response.status >= 400 && response.status < 500) return null;
      return schema.parse(await response.json());
    } catch (error) {
      throw new HarnessError(
        'REFERENCE_FAILED',
        'infra',
        `the reference at ${url} failed on ${path}: ${messageOf(error).slice(0, 200)}`,
        'check that the reference runs, and run again',
        error,
      );
    }
  };
  return {
    promptIds: async (messages) => (await post('/tokenize', { model, messages }, tokenized))?.tokens ?? null,
    force: async (prompt, answer) => {
      const result = await post(
        '/v1/completions',
        { model, prompt: [...prompt, ...answer], max_tokens: 1, temperature: 0, prompt_logprobs: 1 },
        completed,
      );
      const positions = result?.choices[0]!.prompt_logprobs?.slice(prompt.length);
      if (!positions) return null;
      const values = positions.map((entry) => Object.values(entry ?? {}).map(({ logprob }) => logprob));
      return {
        top: values.map((list) => (list.length === 0 ? null : Math.max(...list))),
        own: answer.map((id, i) => positions[i]?.[String(id)]?.logprob ?? null),
      };
    },
  };
}
