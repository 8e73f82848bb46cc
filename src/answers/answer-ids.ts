// Which token ids an answer is: the server's own where they spell it, else the canonical encoding.
import { concatBytes, fromUtf8Lossy } from '../core/bytes.ts';
import type { Tokenizer } from '../core/tokenizer.ts';
import type { Answer } from './answer.ts';

/**
 * The server's ids without the end token, where they spell the answer; else the canonical encoding.
 * The end token is judged apart.
 */
export function answerIds(
  answer: Answer,
  tokenizer: Tokenizer,
  eosTokenId: number,
  maxTokens: number,
): readonly number[] {
  const given = answer.tokenIds;
  // Special tokens spell nothing: without a cap a server could pad its ids until the reference
  // refuses them.
  if (given === null || given.length > maxTokens + 1) return answer.canonicalIds;
  const ids =
    answer.finishReason === 'stop' && given.at(-1) === eosTokenId ? given.slice(0, -1) : given;
  return spells(ids, answer.text, tokenizer) ? ids : answer.canonicalIds;
}

/** Whether ids decode to a text; a code point cut off at the end is not held against them. */
export function spells(ids: readonly number[], text: string, tokenizer: Tokenizer): boolean {
  const parts: Uint8Array[] = [];
  for (const id of ids) {
    const bytes = tokenizer.bytesOf(id);
    if (bytes === null) return false;
    parts.push(bytes);
  }
  const trimmed = (value: string): string => value.replace(/\uFFFD+$/, '');
  return trimmed(fromUtf8Lossy(concatBytes(...parts))) === trimmed(text);
}
