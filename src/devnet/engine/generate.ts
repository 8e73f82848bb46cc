// Text generation of the tiny engine: greedy or speculative decoding, and teacher forcing.
import { sha256 } from '../../core/hash.ts';
import { argmax, logNormaliser, topIds, type Model } from './model.ts';
import type { Variant } from './variant.ts';

/** One emitted token with its own log-probability and the best `top` ones, in nats. */
export type Emitted = { id: number; logprob: number; top: { id: number; logprob: number }[] };
/** Tokens that leave together, and why the answer ended, if it did. */
export type Step = { tokens: Emitted[]; finish: 'stop' | 'length' | null };

/** Tokens that are drafted at most in one step. */
const MOST_DRAFTED = 16;
/** Longest run that is looked for in the text so far. */
const NGRAM = 4;

/** Draft by prompt lookup: the tokens that followed the last time these few tokens stood there. */
function lookup(ids: readonly number[], most: number): number[] {
  if (ids.length <= NGRAM) return [];
  const tail = ids.slice(-NGRAM);
  for (let i = ids.length - NGRAM - 1; i >= 0; i--) {
    if (tail.every((id, j) => ids[i + j] === id)) return ids.slice(i + NGRAM, i + NGRAM + most);
  }
  return [];
}

/** Uniform numbers of [0, 1) that follow from the prompt: a cheat that repeats can be tested. */
function drawsFrom(prompt: readonly number[]): () => number {
  let state = Buffer.from(sha256(prompt.join(','))).readUInt32LE(0) || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 0x1_0000_0000;
  };
}

/** The drafted token where a lossy variant lets it pass, else the token that is picked. */
function acceptedOr(
  drafted: number | undefined,
  logits: Float32Array,
  pick: (logits: Float32Array) => Emitted,
  acceptNats: number | undefined,
): Emitted {
  const picked = pick(logits);
  if (drafted === undefined || acceptNats === undefined) return picked;
  const short = logits[picked.id]! - logits[drafted]!;
  return short <= acceptNats ? { ...picked, id: drafted } : picked;
}

/** Decodes greedily (or as the variant cheats), one step after another. */
export function* generate(
  model: Model,
  variant: Variant,
  prompt: readonly number[],
  { maxTokens, top }: { readonly maxTokens: number; readonly top: number },
): Generator<Step> {
  const { eosTokenId, vocab } = model.weights.config;
  const kernel = variant.kernel === 'simd' ? model.weights.arena.kernel : variant.kernel;
  const cache = model.newCache(prompt.length + maxTokens + MOST_DRAFTED + 1);
  const choose = variant.choose;
  const draw = drawsFrom(prompt);
  const pick = (logits: Float32Array): Emitted => {
    const id = choose ? choose(logits, draw) : argmax(logits);
    if (top < 0) return { id, logprob: 0, top: [] };
    const base = logNormaliser(logits);
    return {
      id,
      logprob: logits[id]! - base,
      top: topIds(logits, top).map((other) => ({ id: other, logprob: logits[other]! - base })),
    };
  };
  const ids = [...prompt];
  let count = 0;
  let logits = model.forward(kernel, cache, prompt, 'last');
  let pending: Emitted[] = [pick(logits)];
  for (;;) {
    const tokens: Emitted[] = [];
    let finish: Step['finish'] = null;
    for (const token of pending) {
      tokens.push(token);
      count++;
      if (token.id === eosTokenId) finish = 'stop';
      else if (count === maxTokens) finish = 'length';
      else if (variant.stopAfter !== undefined && count > variant.stopAfter) {
        tokens[tokens.length - 1] = { ...token, id: eosTokenId };
        finish = 'stop';
      }
      if (finish) break;
    }
    yield { tokens, finish };
    if (finish) return;
    ids.push(...tokens.map((token) => token.id));
    const draft =
      variant.draft === undefined
        ? []
        : lookup(ids, Math.min(variant.draft(count), MOST_DRAFTED, maxTokens - count - 1));
    const input = [ids.at(-1)!, ...draft];
    logits = model.forward(kernel, cache, input, 'all');
    pending = [];
    for (let i = 0; i < input.length; i++) {
      const row = logits.subarray(i * vocab, (i + 1) * vocab);
      const next = acceptedOr(draft[i], row, pick, variant.acceptNats);
      pending.push(next);
      if (next.id !== draft[i]) {
        cache.length -= input.length - 1 - i; // what follows a wrong draft never happened
        break;
      }
    }
  }
}

/**
 * Teacher forcing: for every position after the first, the token's own log-probability and the best
 * `top`. Never timed, so always by the quickest kernel.
 */
export function forced(model: Model, ids: readonly number[], top: number): Emitted[] {
  const { vocab } = model.weights.config;
  const logits = model.forward(model.weights.arena.kernel, model.newCache(ids.length), ids, 'all');
  return ids.slice(1).map((id, i) => {
    const row = logits.subarray(i * vocab, (i + 1) * vocab);
    const base = logNormaliser(row);
    return {
      id,
      logprob: row[id]! - base,
      top: topIds(row, top).map((other) => ({ id: other, logprob: row[other]! - base })),
    };
  });
}
