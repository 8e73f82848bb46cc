// The prompts that servers are sent in a measuring run, split into warm-up and scored prompts.
import { fromHex } from '../core/bytes.ts';
import type { Tokenizer } from '../core/tokenizer.ts';
import type { Arena } from '../schema/arena.ts';
import { DocumentError } from '../schema/errors.ts';
import type { Prompt } from '../schema/prompt.ts';
import type { Corpus } from './corpus.ts';
import { drawSuite } from './sampler.ts';

/** What prompts are made of, and counted in. */
export type PromptSources = { readonly corpus: Corpus; readonly tokenizer: Tokenizer };

/** How many prompts of a boot are scored. */
export function scoredIn(
  { scoredPrompts, laterPrompts }: Pick<Arena, 'scoredPrompts' | 'laterPrompts'>,
  boot: number,
): number {
  return boot === 1 ? scoredPrompts : laterPrompts;
}

/** Which boot of which shard: each has prompts of its own. */
export type SuitePlace = { readonly shard: number; readonly boot: number };

/**
 * Prompts of one boot of a shard, drawn from a seed. Throws `BAD_PLAN` for a seed that is not 32
 * bytes of hex.
 */
export function bootSuite(
  arena: Arena,
  { corpus, tokenizer }: PromptSources,
  seedHex: string,
  { shard, boot }: SuitePlace,
): Prompt[] {
  const seed = fromHex(seedHex);
  if (seed?.length !== 32)
    throw new DocumentError(
      'BAD_PLAN',
      'usage',
      `${seedHex} is no seed`,
      'a seed, or a block hash, is 0x and 64 hex digits',
    );
  return drawSuite(corpus, tokenizer, {
    ...{ seed, shard, boot },
    warmups: arena.warmupPrompts,
    scored: scoredIn(arena, boot),
    inputTokens: arena.inputTokens,
    systemMessage: arena.model.systemMessage,
    chatTemplate: arena.model.chatTemplate,
  });
}

/** Indices of a suite's pools. */
export function poolsOf(prompts: readonly Prompt[]): BootPrompts {
  const of = (pool: Prompt['pool']): number[] =>
    prompts.filter((prompt) => prompt.pool === pool).map(({ index }) => index);
  return { warmup: of('warmup'), scored: of('scored') };
}

/** Which prompts of a boot are warm-ups and which are scored, by index. */
export type BootPrompts = {
  readonly warmup: readonly number[];
  readonly scored: readonly number[];
};
