// Reading of a server's streamed answer: text, token ids, arrival times or the earliest fault.
import { createParser } from 'eventsource-parser';
import { z } from 'zod';
import { utf8 } from '../core/bytes.ts';
import { messageOf } from '../core/errors.ts';
import { parseStrictJson, SERVER_JSON } from '../core/strict-json.ts';
import type { Tokenizer } from '../core/tokenizer.ts';
import type { InfraFault, MinerFault, SecurityFault } from '../schema/verdicts.ts';
import type { TracedRequest } from '../schema/trace.ts';

/**
 * A fault with its moment: of several the earliest in time is the verdict; at one moment protocol
 * comes before content before gate.
 */
export type Fault = {
  readonly verdict: MinerFault | InfraFault | SecurityFault;
  readonly reason: string;
  readonly tNs: number;
};

/** One token's log-probabilities as the server reports them: compared as bytes, never scored. */
export type LogprobEntry = {
  readonly bytes: readonly number[];
  readonly logprob: number;
  readonly top: readonly { bytes: readonly number[]; logprob: number }[];
};

/** A chunk that completes at least one token. */
type ContentChunk = { readonly tNs: number; readonly tokens: number };

/** What one request's bytes say. Token counts are ours, whatever the server claims. */
export type Answer = {
  readonly text: string;
  readonly finishReason: string | null;
  /**
   * Ids as the server gave them, the end token included; null where it gave none or not for every
   * event.
   */
  readonly tokenIds: readonly number[] | null;
  /** Canonical encoding of the text. */
  readonly canonicalIds: readonly number[];
  /** Arrival of each canonical token: the chunk whose bytes complete it. */
  readonly arrivalsNs: readonly number[];
  readonly contentChunks: readonly ContentChunk[];
  readonly logprobs: readonly LogprobEntry[];
};

const finite = z.number();
const entry = z.object({
  token: z.string(),
  logprob: finite,
  bytes: z.array(z.number().int().min(0).max(255)).nullish(),
});
const eventSchema = z.object({
  error: z.unknown().optional(),
  choices: z
    .array(
      z.object({
        delta: z.object({ content: z.string().nullish() }).nullish(),
        finish_reason: z.string().nullish(),
        token_ids: z.array(z.number().int().nonnegative()).nullish(),
        logprobs: z
          .object({
            content: z.array(entry.extend({ top_logprobs: z.array(entry).default([]) })).nullish(),
          })
          .nullish(),
      }),
    )
    .default([]),
});

const protocolFault = {
  timeout: 'E_TIMEOUT',
  closed: 'E_STREAM',
  refused: 'E_STREAM',
  limit: 'E_HTTP_LIMIT',
  protocol: 'E_HTTP_PROTO',
  status: 'E_API',
} as const;

/**
 * No token of the models at hand is longer; placing tokens in time costs too much on texts without
 * an end.
 */
const MAX_TOKEN_CHARACTERS = 256;
const MAX_PIECES_PER_TOKEN = 2;

type Piece = { tNs: number; content: string };
export type AnswerLimits = { readonly lineBytes: number; readonly events: number };

/**
 * Reads a traced request: its answer, or the earliest fault. Never throws on what a server sent.
 */
export function readAnswer(
  request: TracedRequest,
  tokenizer: Tokenizer,
  limits: AnswerLimits,
): { answer: Answer } | { fault: Fault } {
  const end = request.end!;
  const transport: Fault | null =
    end.outcome === 'done'
      ? null
      : {
          verdict: protocolFault[end.outcome],
          reason: `prompt ${request.prompt}: ${end.outcome}: ${end.detail}`,
          tNs: end.tNs,
        };
  const pieces: Piece[] = [];
  const ids: number[] = [];
  const logprobs: LogprobEntry[] = [];
  const faults: Fault[] = []; // the first one found is the earliest in time
  let idsComplete = true as boolean; // widened: it changes inside a callback
  let finishReason: string | null = null;
  let done = false as boolean;
  let events = 0;
  let textLength = 0;
  let now = request.sentNs;
  const blame = (verdict: MinerFault, reason: string): void => {
    if (faults.length === 0)
      faults.push({ verdict, reason: `prompt ${request.prompt}: ${reason}`, tNs: now });
  };

  const onEvent = (data: string): void => {
    if (faults.length > 0) return;
    if (++events > limits.events) {
      blame('E_HTTP_LIMIT', `more than ${limits.events} events`);
      return;
    }
    if (done) {
      blame('E_CONTENT', 'an event after [DONE]');
      return;
    }
    if (data === '[DONE]') {
      done = true;
      return;
    }
    let value: unknown;
    try {
      value = parseStrictJson(data, SERVER_JSON);
    } catch (error) {
      blame('E_CONTENT', `an event is not JSON: ${messageOf(error)}`);
      return;
    }
    const parsed = eventSchema.safeParse(value);
    if (!parsed.success) {
      blame(
        'E_CONTENT',
        `event field ${parsed.error.issues[0]!.path.join('.')}: ${parsed.error.issues[0]!.message}`,
      );
      return;
    }
    if (parsed.data.error !== undefined && parsed.data.error !== null) {
      blame('E_API', 'an error event in the stream');
      return;
    }
    const choice = parsed.data.choices[0];
    if (!choice) return;
    const content = choice.delta?.content ?? '';
    if (finishReason !== null && (content !== '' || choice.finish_reason)) {
      blame('E_CONTENT', 'content or a second finish_reason after finish_reason');
      return;
    }
    finishReason = choice.finish_reason ?? finishReason;
    if (choice.token_ids) ids.push(...choice.token_ids);
    else if (content !== '') idsComplete = false;
    for (const item of choice.logprobs?.content ?? []) {
      const bytesOf = (one: z.infer<typeof entry>): readonly number[] =>
        one.bytes ?? [...utf8(one.token)];
      logprobs.push({
        bytes: bytesOf(item),
        logprob: item.logprob,
        top: item.top_logprobs.map((one) => ({ bytes: bytesOf(one), logprob: one.logprob })),
      });
    }
    textLength += content.length;
    if (textLength > request.maxTokens * MAX_TOKEN_CHARACTERS) {
      blame('E_HTTP_LIMIT', `more text than ${request.maxTokens} tokens can hold`);
      return;
    }
    // A token brings at most one piece of text: more pieces only make reading them slow.
    if (pieces.length > MAX_PIECES_PER_TOKEN * request.maxTokens + 16) {
      blame('E_HTTP_LIMIT', `more pieces of text than ${request.maxTokens} tokens can be`);
      return;
    }
    if (content !== '') pieces.push({ tNs: now, content });
  };

  const parser = createParser({
    maxBufferSize: limits.lineBytes,
    onEvent: ({ data }) => onEvent(data),
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded')
        blame('E_HTTP_LIMIT', `a line longer than ${limits.lineBytes} bytes`);
    },
  });
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for (const chunk of request.chunks) {
    now = chunk.tNs;
    try {
      parser.feed(decoder.decode(chunk.bytes, { stream: true }));
    } catch {
      blame('E_CONTENT', 'the body is not UTF-8');
    }
    if (faults.length > 0) break;
  }
  now = end.tNs;
  // At one moment protocol comes before content; a broken connection explains a missing end better
  // than the missing end does.
  const early = faults.at(0);
  if (transport && (early === undefined || transport.tNs <= early.tNs)) return { fault: transport };
  if (!done) blame('E_STREAM', 'the stream ended without [DONE]');
  const text = pieces.map(({ content }) => content).join('');
  if (!text.isWellFormed()) blame('E_CONTENT', 'the answer has half a surrogate pair');
  const fault = faults.at(0);
  if (fault) return { fault };
  return {
    answer: {
      text,
      finishReason,
      tokenIds: idsComplete && ids.length > 0 ? ids : null,
      logprobs,
      ...placeTokens(text, pieces, tokenizer),
    },
  };
}

/**
 * Canonical tokens of a text and when each was complete. Offsets are taken in NFC, the form the
 * tokenizer encodes.
 */
function placeTokens(
  text: string,
  pieces: readonly Piece[],
  tokenizer: Tokenizer,
): Pick<Answer, 'canonicalIds' | 'arrivalsNs' | 'contentChunks'> {
  const canonicalIds = tokenizer.encode(text);
  const plain = text.normalize('NFC') === text;
  let prefix = '';
  let plainBytes = 0;
  const reached = pieces.map(({ tNs, content }) => {
    prefix += content;
    plainBytes += utf8(content).length;
    return { tNs, bytes: plain ? plainBytes : utf8(prefix.normalize('NFC')).length };
  });
  const arrivalsNs: number[] = [];
  let at = 0;
  let offset = 0;
  for (const id of canonicalIds) {
    offset += tokenizer.bytesOf(id)?.length ?? 0;
    while (at < reached.length - 1 && reached[at]!.bytes < offset) at++;
    arrivalsNs.push(reached[at]!.tNs);
  }
  const contentChunks: { tNs: number; tokens: number }[] = [];
  for (const tNs of arrivalsNs) {
    const last = contentChunks.at(-1);
    if (last?.tNs === tNs) last.tokens++;
    else contentChunks.push({ tNs, tokens: 1 });
  }
  return { canonicalIds, arrivalsNs, contentChunks };
}
