// Chat completions of the tiny engine, streamed or whole, with token ids and logprobs.
import type { ServerResponse } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import type { Tokenizer } from '../../core/tokenizer.ts';
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

/** Text, ids and logprobs that leave in one event. */
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

function* pieces({ model, tokenizer, variant }: Context, job: ChatJob): Generator<Piece> {
  // A code point split over tokens is held back until it is whole; at the end an incomplete one is
  // dropped.
  const decoder = new TextDecoder();
  for (const { tokens, finish } of generate(
    model,
    variant,
    job.promptIds,
    job.maxTokens,
    job.top,
  )) {
    const content = tokens
      .map(({ id }) => decoder.decode(tokenizer.bytesOf(id) ?? new Uint8Array(), { stream: true }))
      .join('');
    yield {
      content,
      ids: tokens.map(({ id }) => id),
      logprobs: job.top < 0 ? [] : tokens.map((token) => logprobEntry(tokenizer, token)),
      finish,
    };
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

/** Answers a chat request, streamed or whole, in the variant's way of delivering tokens. */
export async function chatAnswer(
  context: Context,
  job: ChatJob,
  stream: boolean,
  response: ServerResponse,
): Promise<void> {
  const head = { id: 'chatcmpl-tiny', created: 0, model: job.model };
  const logprobsOf = (piece: Piece): unknown => (job.top < 0 ? null : { content: piece.logprobs });
  const usage = (count: number): unknown => ({
    prompt_tokens: job.promptIds.length,
    completion_tokens: count,
    total_tokens: job.promptIds.length + count,
  });
  if (!stream) {
    const all = joined([...pieces(context, job)]);
    response.writeHead(200, { 'content-type': 'application/json' });
    const choice = {
      index: 0,
      message: { role: 'assistant', content: all.content },
      logprobs: logprobsOf(all),
      finish_reason: all.finish,
      token_ids: job.returnIds ? all.ids : null,
    };
    response.end(
      JSON.stringify({
        ...head,
        object: 'chat.completion',
        choices: [choice],
        usage: usage(all.ids.length),
        prompt_token_ids: job.returnIds ? job.promptIds : null,
      }),
    );
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  const event = (body: Record<string, unknown>): void =>
    void response.write(
      `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', ...body })}\n\n`,
    );
  const role = (): void =>
    event({
      choices: [
        {
          index: 0,
          delta: { role: 'assistant', content: '' },
          logprobs: null,
          finish_reason: null,
        },
      ],
      prompt_token_ids: job.returnIds ? job.promptIds : null,
    });
  const send = (piece: Piece): void =>
    event({
      choices: [
        {
          index: 0,
          delta: { content: piece.content },
          logprobs: logprobsOf(piece),
          finish_reason: piece.finish,
          token_ids: job.returnIds ? piece.ids : null,
        },
      ],
      ...(piece.finish ? { system_fingerprint: job.fingerprint } : {}),
    });
  let count = 0;
  const delivery = context.variant.delivery ?? 'tokens';
  if (delivery === 'early-role') {
    role();
    await turn();
  }
  if (delivery === 'burst') {
    const all = joined([...pieces(context, job)]);
    count = all.ids.length;
    role();
    send(all);
  } else {
    for (const piece of pieces(context, job)) {
      if (response.destroyed) return;
      if (count === 0 && delivery === 'tokens') role();
      count += piece.ids.length;
      send(piece);
      await turn(); // decoding blocks the event loop: let the bytes leave first
    }
  }
  if (job.usage) event({ choices: [], usage: usage(count) });
  response.end('data: [DONE]\n\n');
}
