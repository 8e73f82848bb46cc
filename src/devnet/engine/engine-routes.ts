// The tiny engine's answers to each path of vLLM's API.
import type { ServerResponse } from 'node:http';
import { concatBytes, fromUtf8Lossy } from '../../core/bytes.ts';
import { sha256Hex } from '../../core/hash.ts';
import type { Tokenizer } from '../../core/tokenizer.ts';
import { renderChat } from '../../prompts/template.ts';
import { chatAnswer, type ChatJob } from './chat.ts';
import { forced, generate } from './generate.ts';
import type { Model } from './model.ts';
import {
  ApiError,
  chatSchema,
  completionSchema,
  detokenizeSchema,
  parseBody,
  tokenizeSchema,
} from './requests.ts';
import type { Variant } from './variant.ts';

const MAX_MODEL_LENGTH = 8192;
/** What a client calls the model. */
const MODEL_NAME = 'tiny-qwen2';
/** Default system message of the model's chat template. */
const SYSTEM_MESSAGE = 'You are a helpful assistant.';

/** A running engine. */
export type EngineContext = {
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  readonly variant: Variant;
};
export type Route = (
  context: EngineContext,
  body: string,
  response: ServerResponse,
) => Promise<void> | void;

const json = (response: ServerResponse, value: unknown): void => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
};

const textOf = ({ tokenizer }: EngineContext, ids: readonly number[]): string =>
  fromUtf8Lossy(concatBytes(...ids.map((id) => tokenizer.bytesOf(id) ?? new Uint8Array())));

const checkModel = (name: string | undefined): void => {
  if (name !== undefined && name !== MODEL_NAME)
    throw new ApiError(
      404,
      'NotFoundError',
      `The model \`${name}\` does not exist; this server has ${MODEL_NAME}.`,
      'model',
    );
};

const checkLength = (promptTokens: number, maxTokens: number): number => {
  if (promptTokens >= MAX_MODEL_LENGTH)
    throw new ApiError(
      400,
      'BadRequestError',
      `This model's maximum context length is ${MAX_MODEL_LENGTH} tokens; the prompt has ${promptTokens}.`,
      'input_tokens',
    );
  return Math.min(maxTokens, MAX_MODEL_LENGTH - promptTokens);
};

const chat: Route = async (context, body, response) => {
  const request = parseBody(chatSchema, body);
  checkModel(request.model);
  if (typeof request.top_logprobs === 'number' && request.logprobs !== true)
    throw new ApiError(400, 'BadRequestError', 'top_logprobs needs logprobs: true', 'top_logprobs');
  const promptIds = context.tokenizer.encodePrompt(renderChat(request.messages, SYSTEM_MESSAGE));
  const job: ChatJob = {
    promptIds,
    maxTokens: checkLength(
      promptIds.length,
      request.max_completion_tokens ?? request.max_tokens ?? MAX_MODEL_LENGTH,
    ),
    top: request.logprobs === true ? (request.top_logprobs ?? 0) : -1,
    returnIds: request.return_token_ids === true,
    usage: request.stream_options?.include_usage === true,
    fingerprint: `tiny-${context.variant.name}-${sha256Hex(context.variant.name).slice(0, 8)}`,
    model: MODEL_NAME,
  };
  await chatAnswer(context, job, request.stream === true, response);
};

const completions: Route = (context, body, response) => {
  const request = parseBody(completionSchema, body);
  checkModel(request.model);
  const prompt =
    typeof request.prompt === 'string'
      ? context.tokenizer.encodePrompt(request.prompt)
      : request.prompt;
  const { vocab } = context.model.weights.config;
  if (prompt.length === 0 || prompt.some((id) => id >= vocab))
    throw new ApiError(
      400,
      'BadRequestError',
      'the prompt is empty or has an id outside the vocabulary',
      'prompt',
    );
  const maxTokens = checkLength(prompt.length, request.max_tokens);
  const tokens: number[] = [];
  let finish = 'length';
  // The client never times teacher forcing: it runs by the quickest kernel, whatever this engine
  // is.
  const variant =
    typeof request.prompt_logprobs === 'number'
      ? { ...context.variant, kernel: 'simd' as const }
      : context.variant;
  for (const step of generate(context.model, variant, prompt, { maxTokens, top: -1 })) {
    tokens.push(...step.tokens.map(({ id }) => id));
    finish = step.finish ?? finish;
  }
  const top = request.prompt_logprobs;
  const show = (id: number, logprob: number, rank: number): [string, unknown] => [
    String(id),
    { logprob, rank, decoded_token: textOf(context, [id]) },
  ];
  const promptLogprobs =
    typeof top !== 'number'
      ? null
      : [
          null,
          ...forced(context.model, prompt, Math.max(1, top)).map(({ id, logprob, top: best }) => {
            const rank = best.findIndex((other) => other.id === id);
            return Object.fromEntries([
              show(id, logprob, rank < 0 ? best.length + 1 : rank + 1),
              ...best
                .slice(0, top)
                .filter((other) => other.id !== id)
                .map((other, i) => show(other.id, other.logprob, i + 1)),
            ]);
          }),
        ];
  json(response, {
    id: 'cmpl-tiny',
    object: 'text_completion',
    created: 0,
    model: MODEL_NAME,
    choices: [
      {
        index: 0,
        text: textOf(context, tokens),
        logprobs: null,
        finish_reason: finish,
        prompt_logprobs: promptLogprobs,
      },
    ],
    usage: {
      prompt_tokens: prompt.length,
      completion_tokens: tokens.length,
      total_tokens: prompt.length + tokens.length,
    },
  });
};

/** Routes by method and path. */
export const ROUTES: Readonly<Record<string, Route>> = {
  'GET /health': (_context, _body, response) => void response.writeHead(200).end(),
  'GET /version': (_context, _body, response) => json(response, { version: '0.32.0-tiny' }),
  'GET /v1/models': (_context, _body, response) =>
    json(response, {
      object: 'list',
      data: [
        {
          id: MODEL_NAME,
          object: 'model',
          created: 0,
          owned_by: 'cacheon',
          root: MODEL_NAME,
          max_model_len: MAX_MODEL_LENGTH,
        },
      ],
    }),
  'POST /v1/chat/completions': chat,
  'POST /v1/completions': completions,
  'POST /tokenize': (context, body, response) => {
    const request = parseBody(tokenizeSchema, body);
    const rendered =
      'prompt' in request ? request.prompt : renderChat(request.messages, SYSTEM_MESSAGE);
    const tokens = context.tokenizer.encodePrompt(
      'prompt' in request || request.add_generation_prompt
        ? rendered
        : rendered.replace(/<\|im_start\|>assistant\n$/, ''),
    );
    json(response, {
      count: tokens.length,
      max_model_len: MAX_MODEL_LENGTH,
      tokens,
      token_strs: null,
    });
  },
  'POST /detokenize': (context, body, response) =>
    json(response, { prompt: textOf(context, parseBody(detokenizeSchema, body).tokens) }),
};
