// Reading of a server's streamed answer: text, token ids, arrival times or the earliest fault.
import { createParser } from 'eventsource-parser';
import { z } from 'zod';
import { utf8 } from '../core/bytes.ts';
import { messageOf } from '../core/errors.ts';
import { type ContentChunk, type Piece, placeTokens } from './token-arrivals.ts';
import { parseStrictJson, SERVER_JSON } from '../core/strict-json.ts';
import type { Tokenizer } from '../core/tokenizer.ts';
import type { MeasuringRules } from '../schema/arena.ts';
import { because, type Reasoned } from '../schema/reasons.ts';
import type { InfraFault, MinerFault, SecurityFault } from '../schema/verdicts.ts';
import type { TracedRequest } from '../schema/trace.ts';

/**
 * A fault with its moment: of several the earliest in time is the verdict; at one moment protocol
 * comes before content before gate.
 */
export type Fault = Reasoned & {
  readonly verdict: MinerFault | InfraFault | SecurityFault;
  readonly tNs: number;
};

/** One token's log-probabilities as the server reports them: compared as bytes, never scored. */
export type LogprobEntry = {
  readonly bytes: readonly number[];
  readonly logprob: number;
  readonly top: readonly { bytes: readonly number[]; logprob: number }[];
};

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

export type AnswerLimits = Pick<MeasuringRules, 'maxTokens'> & {
  readonly limits: Pick<MeasuringRules['limits'], 'lineBytes' | 'events'>;
};
type Choice = z.infer<typeof eventSchema>['choices'][number];
type Entry = z.infer<typeof entry>;

const bytesOf = ({ bytes, token }: Entry): readonly number[] => bytes ?? [...utf8(token)];

/** Reads the events of one answer in the order of their arrival, up to the first fault. */
class AnswerReader {
  readonly pieces: Piece[] = [];
  readonly ids: number[] = [];
  readonly logprobs: LogprobEntry[] = [];
  finishReason: string | null = null;
  /** Whether every event with text named its ids. */
  idsComplete = true;
  done = false;
  /** Arrival of the bytes that are being read. */
  now: number;
  #fault: Fault | null = null;
  #events = 0;
  #textLength = 0;
  readonly #request: TracedRequest;
  readonly #rules: AnswerLimits;

  constructor(request: TracedRequest, rules: AnswerLimits) {
    this.now = request.sentNs;
    this.#request = request;
    this.#rules = rules;
  }

  /** The earliest fault so far; null while there is none. */
  get fault(): Fault | null {
    return this.#fault;
  }

  /** Notes a fault at this moment; the first one stands. */
  blame(verdict: MinerFault, ...[code, detail, figures]: Parameters<typeof because>): void {
    const place = `prompt ${this.#request.prompt}`;
    const why = because(code, `${place}: ${detail}`, figures);
    this.#fault ??= { verdict, ...why, tNs: this.now };
  }

  /** Takes the data of one event. */
  event(data: string): void {
    if (this.#fault) return;
    this.#events++;
    if (this.#events > this.#rules.limits.events)
      this.blame('E_HTTP_LIMIT', 'events', `more than ${this.#rules.limits.events} events`, {
        value: this.#events,
        limit: this.#rules.limits.events,
      });
    else if (this.done) this.blame('E_CONTENT', 'event-after-done', 'an event after [DONE]');
    else if (data === '[DONE]') this.done = true;
    else this.#read(data);
  }

  #read(data: string): void {
    let value: unknown;
    try {
      value = parseStrictJson(data, SERVER_JSON);
    } catch (error) {
      this.blame('E_CONTENT', 'event-json', `an event is not JSON: ${messageOf(error)}`);
      return;
    }
    const parsed = eventSchema.safeParse(value);
    if (!parsed.success) {
      const { path, message } = parsed.error.issues[0]!;
      this.blame('E_CONTENT', 'event-field', `event field ${path.join('.')}: ${message}`);
      return;
    }
    const { error, choices } = parsed.data;
    if (error !== undefined && error !== null)
      this.blame('E_API', 'error-event', 'an error event in the stream');
    else if (choices[0]) this.#take(choices[0]);
  }

  #take(choice: Choice): void {
    const content = choice.delta?.content ?? '';
    if (this.finishReason !== null && (content !== '' || choice.finish_reason)) {
      this.blame(
        'E_CONTENT',
        'after-finish',
        'content or a second finish_reason after finish_reason',
      );
      return;
    }
    this.finishReason = choice.finish_reason ?? this.finishReason;
    if (choice.token_ids) this.ids.push(...choice.token_ids);
    else if (content !== '') this.idsComplete = false;
    for (const item of choice.logprobs?.content ?? [])
      this.logprobs.push({
        bytes: bytesOf(item),
        logprob: item.logprob,
        top: item.top_logprobs.map((one) => ({ bytes: bytesOf(one), logprob: one.logprob })),
      });
    this.#grow(content);
  }

  #grow(content: string): void {
    const { maxTokens } = this.#rules;
    this.#textLength += content.length;
    if (this.#textLength > maxTokens * MAX_TOKEN_CHARACTERS)
      this.blame('E_HTTP_LIMIT', 'text-length', `more text than ${maxTokens} tokens can hold`, {
        value: this.#textLength,
        limit: maxTokens * MAX_TOKEN_CHARACTERS,
      });
    // A token brings at most one piece of text: more pieces only make reading them slow.
    else if (this.pieces.length > MAX_PIECES_PER_TOKEN * maxTokens + 16)
      this.blame('E_HTTP_LIMIT', 'pieces', `more pieces of text than ${maxTokens} tokens can be`);
    else if (content !== '') this.pieces.push({ tNs: this.now, content });
  }
}

/** Outcomes in words; an outcome's detail says the rest. */
const OUTCOME_SAYS = {
  timeout: 'no answer in time',
  closed: 'the connection was closed',
  refused: 'the connection was refused',
  limit: 'more than an answer may hold',
  protocol: 'the HTTP is broken',
  status: 'it was answered',
} as const;

/** What the client saw go wrong with a request; null where it ended well. */
function transportFault({ prompt, end }: TracedRequest): Fault | null {
  const { outcome, detail, tNs } = end!;
  if (outcome === 'done') return null;
  const why = because(outcome, `prompt ${prompt}: ${OUTCOME_SAYS[outcome]}: ${detail}`);
  return { verdict: protocolFault[outcome], ...why, tNs };
}

/** Feeds the body of a request to a reader, chunk by chunk, until its first fault. */
function feed(reader: AnswerReader, request: TracedRequest, { limits }: AnswerLimits): void {
  const parser = createParser({
    maxBufferSize: limits.lineBytes,
    onEvent: ({ data }) => reader.event(data),
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded')
        reader.blame(
          'E_HTTP_LIMIT',
          'line-length',
          `a line longer than ${limits.lineBytes} bytes`,
          {
            limit: limits.lineBytes,
          },
        );
    },
  });
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for (const chunk of request.chunks) {
    reader.now = chunk.tNs;
    try {
      parser.feed(decoder.decode(chunk.bytes, { stream: true }));
    } catch {
      reader.blame('E_CONTENT', 'encoding', 'the body is not UTF-8');
    }
    if (reader.fault) break;
  }
  reader.now = request.end!.tNs;
}

type AnswerRead = { readonly answer: Answer } | { readonly fault: Fault };
/** What was read of chunks, and by what: they never change once a request has its end. */
type Remembered = {
  readonly tokenizer: Tokenizer;
  readonly rules: string;
  readonly read: AnswerRead;
};
const READ = new WeakMap<TracedRequest['chunks'], Remembered>();

/**
 * Reads a traced request: its answer, or the earliest fault (RULES "Which fault counts"). Never
 * throws on what a server sent. The same bytes are read and tokenised once, however often they are
 * asked for.
 */
export function readAnswer(
  request: TracedRequest,
  tokenizer: Tokenizer,
  limits: AnswerLimits,
): AnswerRead {
  const { chunks, prompt, sentNs, end } = request;
  const { lineBytes, events } = limits.limits;
  const rules = JSON.stringify([prompt, sentNs, limits.maxTokens, end, lineBytes, events]);
  const before = READ.get(chunks);
  if (before?.tokenizer === tokenizer && before.rules === rules) return before.read;
  const read = readNow(request, tokenizer, limits);
  READ.set(chunks, { tokenizer, rules, read });
  return read;
}

function readNow(request: TracedRequest, tokenizer: Tokenizer, limits: AnswerLimits): AnswerRead {
  const reader = new AnswerReader(request, limits);
  feed(reader, request, limits);
  // At one moment protocol comes before content; a broken connection explains a missing end better
  // than the missing end does.
  const transport = transportFault(request);
  const early = reader.fault;
  if (transport && (early === null || transport.tNs <= early.tNs)) return { fault: transport };
  if (!reader.done) reader.blame('E_STREAM', 'no-done', 'the stream ended without [DONE]');
  const text = reader.pieces.map(({ content }) => content).join('');
  if (!text.isWellFormed())
    reader.blame('E_CONTENT', 'surrogate', 'the answer has half a surrogate pair');
  if (reader.fault) return { fault: reader.fault };
  const { ids, idsComplete, finishReason, logprobs, pieces } = reader;
  const tokenIds = idsComplete && ids.length > 0 ? ids : null;
  const placed = placeTokens(text, pieces, tokenizer);
  return { answer: { text, finishReason, tokenIds, logprobs, ...placed } };
}
