// Drawing of benchmark prompts from a corpus, reproducible from a block hash.
import { toHex, utf8 } from '../core/bytes.ts';
import { sha256Hex } from '../core/hash.ts';
import { Prng } from '../core/prng.ts';
import type { Tokenizer } from '../core/tokenizer.ts';
import type { Message, Prompt } from '../schema/prompt.ts';
import type { Corpus } from './corpus.ts';
import { PromptError } from './errors.ts';
import { CHAT_TEMPLATES } from './template.ts';

/** What a suite is drawn from: the labels are `prompts/<shard>/<boot>` and `warmup/<shard>/<boot>`. */
export type SuiteRequest = {
  readonly seed: Uint8Array;
  readonly shard: number;
  readonly boot: number;
  readonly warmups: number;
  readonly scored: number;
  readonly inputTokens: number;
  readonly systemMessage: string;
  readonly chatTemplate: keyof typeof CHAT_TEMPLATES;
};

/**
 * Instructions of scored prompts and of warm-ups: another pool each, so that a warm-up tells
 * nothing about a scored prompt.
 */
const INSTRUCTIONS = {
  scored: [
    'Continue the passage.',
    'Continue the passage in the same style.',
    'What happens next in the passage?',
    'Retell the passage.',
    'Explain the passage.',
    'Write the next verses.',
  ],
  warmup: ['Go on.', 'Write more.', 'Say it in other words.'],
} as const;
/** Every fifth document serves warm-ups only. */
const WARMUP_EVERY = 5;
/** Bytes of the salt in front of everything else: no two prompts share a prefix worth caching. */
const SALT_BYTES = 4;

/** Cuts `text` to at most `tokens` tokens, at a word's end. */
function cutToTokens(tokenizer: Tokenizer, text: string, tokens: number): string {
  const ids = tokenizer.encode(text);
  if (ids.length <= tokens) return text;
  let bytes = 0;
  for (const id of ids.slice(0, tokens)) bytes += tokenizer.bytesOf(id)?.length ?? 0;
  const cut = new TextDecoder().decode(utf8(text).subarray(0, bytes)).replace(/\uFFFD+$/, '');
  const space = cut.lastIndexOf(' ');
  return space > 0 ? cut.slice(0, space) : cut;
}

/** Where a prompt is drawn from: its pool's generator, and what the whole suite shares. */
type Drawing = {
  readonly prng: Prng;
  readonly pool: 'warmup' | 'scored';
  readonly tokenizer: Tokenizer;
  readonly request: SuiteRequest;
};

function drawPrompt(
  { prng, pool, tokenizer, request }: Drawing,
  document: Corpus['documents'][number],
  index: number,
): Prompt {
  const salt = toHex(prng.bytes(SALT_BYTES));
  const instructions = INSTRUCTIONS[pool];
  const instruction = instructions[prng.below(instructions.length)]!;
  const text = document.text();
  // A word of English has more than two characters a token, so this much text surely fills the
  // prompt.
  const reach = Math.min(text.length, request.inputTokens * 8);
  const start = prng.below(Math.max(1, text.length - reach + 1));
  const from = start === 0 ? 0 : text.indexOf(' ', start) + 1;
  const messages = (passage: string): Message[] => [
    { role: 'system', content: `Session ${salt}. ${request.systemMessage}` },
    { role: 'user', content: `${passage}\n\n${instruction}` },
  ];
  const render = CHAT_TEMPLATES[request.chatTemplate];
  const count = (passage: string): number =>
    tokenizer.encodePrompt(render(messages(passage), request.systemMessage)).length;
  const overhead = count('');
  if (overhead >= request.inputTokens)
    throw new PromptError(
      'CORPUS_TOO_SMALL',
      'usage',
      `inputTokens ${request.inputTokens} leaves no room: the frame alone takes ${overhead} tokens`,
      'raise inputTokens in the arena',
    );
  const passage = cutToTokens(
    tokenizer,
    text.slice(from, from + reach),
    request.inputTokens - overhead,
  );
  return { index, pool, messages: messages(passage), tokens: count(passage) };
}

/**
 * The prompts of one boot: warm-ups first, then scored ones, all from the block hash by the
 * generator (RULES "Prompts from a seed"). Asking for more prompts never changes the earlier ones.
 * Throws {@link PromptError} where the corpus is too small.
 */
export function drawSuite(corpus: Corpus, tokenizer: Tokenizer, request: SuiteRequest): Prompt[] {
  const { seed, shard, boot } = request;
  const draw = (pool: 'warmup' | 'scored', count: number, first: number): Prompt[] => {
    const stream = pool === 'warmup' ? 'warmup' : 'prompts';
    const prng = new Prng(seed, `${stream}/${shard}/${boot}`);
    const documents = prng.shuffle(
      corpus.documents.filter((_, i) => (i % WARMUP_EVERY === 0) === (pool === 'warmup')),
    );
    if (count > 0 && documents.length === 0)
      throw new PromptError(
        'CORPUS_TOO_SMALL',
        'usage',
        `the corpus has no document for ${pool} prompts`,
        'a corpus wants at least six documents',
      );
    return Array.from({ length: count }, (_, i) =>
      drawPrompt({ prng, pool, tokenizer, request }, documents[i % documents.length]!, first + i),
    );
  };
  return [
    ...draw('warmup', request.warmups, 0),
    ...draw('scored', request.scored, request.warmups),
  ];
}

/** One line of NDJSON, its fields in this order (RULES "Hash of a suite"). */
export function promptLine(prompt: Prompt): string {
  const { index, pool, messages, tokens } = prompt;
  return JSON.stringify({ index, pool, messages, tokens });
}

/** sha256 of a suite's NDJSON: what a record names instead of the prompts themselves. */
export function suiteHash(prompts: readonly Prompt[]): string {
  return sha256Hex(prompts.map((prompt) => `${promptLine(prompt)}\n`).join(''));
}
