// Chat completions of the tiny engine, streamed or whole, with token ids and logprobs.
import type { ServerResponse } from 'node:http';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import type { Tokenizer } from '../../core/tokenizer.ts';
import { asComputed, guessedFirst } from './sending.ts';
import { generate, type Emitted, type Step } from './generate.ts';
import type { Model } from './model.ts';
import type { Variant } from './variant.ts';

/** One chat request, checked and tokenized. `top` -1: no logprobs. */
export type ChatJob = {
  promptIds: number[];
  maxTokens: number;
  top: number;
  returnIds: boolean;
  usage: boolean;
  fingerprint: string;
  model: string;
};
type Context = { readonly model: Model; readonly tokenizer: Tokenizer; readonly variant: Variant };

/** Text, id and log-probability of one token; of several, once they leave in one event. */
type Piece = { content: string; ids: number[]; logprobs: unknown[]; finish: Step['finish'] };

function logprobEntry(tokenizer: Tokenizer, token: Emitted): unknown {
  const entry = (id: number, logprob: number): Record<string, unknown> => {
    const bytes = tokenizer.bytesOf(id) ?? new Uint8Array();
    return {
      token: new TextDecoder().decode(bytes),
      logprob: Math.max(logprob, -9999),
      bytes: [...bytes],
    };
  };
  const others = token.top.filter(({ id }) => id !== token.id);
  // As vLLM: the emitted token comes first, then the best others, cut to the number asked for.
  const list = token.top.length === 0 ? [] : [token, ...others].slice(0, token.top.length);
  return {
    ...entry(token.id, token.logprob),
    top_logprobs: list.map(({ id, logprob }) => entry(id, logprob)),
  };
}

/** Steps of a model as pieces, one a token. */
function* pieces(steps: Iterable<Step>, { tokenizer }: Context, job: ChatJob): Generator<Piece[]> {
  // A code point split over tokens is held back until it is whole; at the end an incomplete one is
  // dropped.
  const decoder = new TextDecoder();
  for (const { tokens, finish } of steps) {
    const last = tokens.length - 1;
    yield tokens.map((token, i) => ({
      content: decoder.decode(tokenizer.bytesOf(token.id) ?? new Uint8Array(), { stream: true }),
      ids: [token.id],
      logprobs: job.top < 0 ? [] : [logprobEntry(tokenizer, token)],
      finish: i === last ? finish : null,
    }));
  }
}

/** The steps of an answer. */
function stepsOf({ model, variant }: Context, job: ChatJob): Generator<Step> {
  return generate(model, variant, job.promptIds, job);
}

/**
 * A guess of the first tokens, made quickly by the fastest kernel, as a small model would make it;
 * a wrong one is wrong for every second prompt.
 */
function guessOf(context: Context, job: ChatJob): Piece[] {
  const { tokens, wrong } = context.variant.guess!;
  const quick = { ...context.variant, kernel: 'simd' } as const;
  const size = { ...job, maxTokens: Math.min(tokens, job.maxTokens) };
  const steps = generate(context.model, quick, job.promptIds, size);
  const right = [...pieces(steps, context, job)]
    .flat()
    .map((piece) => ({ ...piece, finish: null }));
  if (!wrong || sum(job.promptIds) % 2 === 1) return right;
  const id = (right[0]!.ids[0]! + 1) % context.model.weights.config.vocab;
  const content = new TextDecoder().decode(context.tokenizer.bytesOf(id) ?? new Uint8Array());
  return [{ ...right[0]!, ids: [id], content }, ...right.slice(1)];
}

const sum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0);

/** What a variant computes, as it computes it; the event loop turns between two steps. */
async function* computedBy(context: Context, job: ChatJob): AsyncGenerator<Piece[]> {
  for (const batch of pieces(stepsOf(context, job), context, job)) {
    yield batch;
    await turn(); // decoding blocks the event loop: let the bytes leave first
  }
}

function joined(list: readonly Piece[]): Piece {
  return {
    content: list.map((piece) => piece.content).join(''),
    ids: list.flatMap((piece) => piece.ids),
    logprobs: list.flatMap((piece) => piece.logprobs),
    finish: list.at(-1)?.finish ?? null,
  };
}

/** What every part of an answer says. */
const headOf = ({ model }: ChatJob): object => ({ id: 'chatcmpl-tiny', created: 0, model });

const logprobsOf = ({ top }: ChatJob, piece: Piece): unknown =>
  top < 0 ? null : { content: piece.logprobs };

const usageOf = ({ promptIds }: ChatJob, completion: number): unknown => ({
  prompt_tokens: promptIds.length,
  completion_tokens: completion,
  total_tokens: promptIds.length + completion,
});

/** Answers a request whole. */
function wholeAnswer(context: Context, job: ChatJob, response: ServerResponse): void {
  const all = joined([...pieces(stepsOf(context, job), context, job)].flat());
  const choice = {
    index: 0,
    message: { role: 'assistant', content: all.content },
    logprobs: logprobsOf(job, all),
    finish_reason: all.finish,
    token_ids: job.returnIds ? all.ids : null,
  };
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(
    JSON.stringify({
      ...headOf(job),
      object: 'chat.completion',
      choices: [choice],
      usage: usageOf(job, all.ids.length),
      prompt_token_ids: job.returnIds ? job.promptIds : null,
    }),
  );
}

/** The events of a streamed answer. */
class AnswerStream {
  readonly #job: ChatJob;
  readonly #response: ServerResponse;

  constructor(job: ChatJob, response: ServerResponse) {
    this.#job = job;
    this.#response = response;
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  }

  /** The event without text that opens an answer. */
  role(): void {
    const delta = { role: 'assistant', content: '' };
    this.#event({
      choices: [{ index: 0, delta, logprobs: null, finish_reason: null }],
      prompt_token_ids: this.#job.returnIds ? this.#job.promptIds : null,
    });
  }

  send(piece: Piece): void {
    const choice = {
      index: 0,
      delta: { content: piece.content },
      logprobs: logprobsOf(this.#job, piece),
      finish_reason: piece.finish,
      token_ids: this.#job.returnIds ? piece.ids : null,
    };
    const fingerprint = piece.finish ? { system_fingerprint: this.#job.fingerprint } : {};
    this.#event({ choices: [choice], ...fingerprint });
  }

  end(completion: number): void {
    if (this.#job.usage) this.#event({ choices: [], usage: usageOf(this.#job, completion) });
    this.#response.end('data: [DONE]\n\n');
  }

  #event(body: Record<string, unknown>): void {
    const event = { ...headOf(this.#job), object: 'chat.completion.chunk', ...body };
    this.#response.write(`data: ${JSON.stringify(event)}\n\n`);
  }
}

/** Streams an answer in the variant's way; gives the count of its tokens, null where nobody listens. */
async function deliver(
  context: Context,
  job: ChatJob,
  stream: AnswerStream,
  isGone: () => boolean,
): Promise<number | null> {
  const { send = asComputed, earlyRole, guess } = context.variant;
  if (earlyRole) {
    stream.role();
    await turn();
  }
  const computed = computedBy(context, job);
  const ready = guess ? guessedFirst(computed, guessOf(context, job)) : computed;
  let count = 0;
  for await (const batch of send<Piece>(ready, (ms) => sleep(ms))) {
    if (isGone()) return null;
    if (count === 0 && !earlyRole) stream.role();
    count += batch.length;
    stream.send(joined(batch));
  }
  return count;
}

/** Answers a chat request, streamed or whole, in the variant's way of delivering tokens. */
export async function chatAnswer(
  context: Context,
  job: ChatJob,
  stream: boolean,
  response: ServerResponse,
): Promise<void> {
  if (!stream) {
    wholeAnswer(context, job, response);
    return;
  }
  const events = new AnswerStream(job, response);
  const count = await deliver(context, job, events, () => response.destroyed);
  if (count !== null) events.end(count);
}
