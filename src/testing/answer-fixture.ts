// Traced answers of the tiny model, and what they are read with, for tests of answers and times.
import { readFileSync } from 'node:fs';

import { type Answer, readAnswer } from '../answers/answer.ts';
import { utf8 } from '../core/bytes.ts';
import { sha256Hex } from '../core/hash.ts';
import { tokenizerFromJson } from '../prompts/io/tokenizer-file.ts';
import { parseArena } from '../schema/arena.ts';
import { type TracedRequest } from '../schema/trace.ts';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

export const tokenizer = tokenizerFromJson(read('../devnet/model/tokenizer.json'));

export const tinyArena = {
  ...parseArena(JSON.parse(read('../devnet/arena.json')), 'devnet'),
  warmupPrompts: 0,
  scoredPrompts: 1,
  maxTokens: 24,
};

export const MS = 1e6;

export const event = (content: string, extra: Record<string, unknown> = {}): string =>
  `data: ${JSON.stringify({ choices: [{ delta: { content }, ...extra }] })}\n\n`;

export const DONE = 'data: [DONE]\n\n';

/** A traced request whose chunks arrive at the given milliseconds. */
export function request(
  parts: readonly (readonly [ms: number, text: string | Uint8Array])[],
  end: Partial<NonNullable<TracedRequest['end']>> = {},
): TracedRequest {
  const chunks = parts.map(([ms, text]) => ({
    tNs: ms * MS,
    bytes: typeof text === 'string' ? utf8(text) : text,
  }));
  const last = chunks.at(-1)?.tNs ?? 0;
  return {
    prompt: 0,
    warmup: false,
    sentNs: 0,
    bodySha256: sha256Hex('body'),
    chunks,
    end: { tNs: last, status: 200, outcome: 'done', detail: '', ...end },
    cost: null,
    teacher: null,
  };
}

export const answerOf = (parts: Parameters<typeof request>[0]): Answer => {
  const result = readAnswer(request(parts), tokenizer, tinyArena);
  if ('fault' in result) throw new Error(result.fault.reason);
  return result.answer;
};
