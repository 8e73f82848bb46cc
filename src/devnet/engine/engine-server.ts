// HTTP server of a tiny inference engine with real weights and vLLM's API paths.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { CacheonError, messageOf } from '../../core/errors.ts';
import { tokenizerFromJson } from '../../prompts/io/tokenizer-file.ts';
import { generate } from './generate.ts';
import { Model } from './model.ts';
import { ApiError } from './requests.ts';
import { type EngineContext, ROUTES } from './engine-routes.ts';
import { VARIANTS } from './variants/index.ts';
import type { Variant } from './variant.ts';
import { loadWeights } from './model-weights.ts';

/** Largest request body. */
const MAX_BODY = 8 * 1024 * 1024;
/** Most warm-up answers, and how near to the best one counts as steady. */
const WARMUPS = 10;
const STEADY = 1.1;
const WARMUP_IDS = Array.from({ length: 24 }, (_, i) => i + 10);
const MODEL_FOLDER = new URL('../model/', import.meta.url);

class EngineError extends CacheonError<'UNKNOWN_VARIANT' | 'PORT_IN_USE' | 'CANNOT_LISTEN'> {}

export type TinyEngine = {
  readonly url: string;
  readonly variant: Variant;
  close(): Promise<void>;
};

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_BODY)
      throw new ApiError(413, 'BadRequestError', `the body is larger than ${MAX_BODY} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** Answers a request by its route; an error becomes an answer of vLLM's form. */
function answer(context: EngineContext, request: IncomingMessage, response: ServerResponse): void {
  const path = (request.url ?? '/').split('?')[0]!;
  const route = ROUTES[`${request.method ?? ''} ${path}`];
  const known = Object.keys(ROUTES).some((key) => key.endsWith(` ${path}`));
  if (!route) {
    const detail = known ? 'Method Not Allowed' : 'Not Found';
    response
      .writeHead(known ? 405 : 404, { 'content-type': 'application/json' })
      .end(JSON.stringify({ detail }));
    return;
  }
  readBody(request)
    .then((body) => route(context, body, response))
    .catch((error: unknown) => {
      const fault =
        error instanceof ApiError
          ? error
          : new ApiError(500, 'InternalServerError', messageOf(error));
      if (response.headersSent) response.destroy();
      else
        response.writeHead(fault.status, { 'content-type': 'application/json' }).end(fault.body());
    });
}

/** Opens a server on loopback. Throws `PORT_IN_USE` and `CANNOT_LISTEN`. */
function listen(server: Server, port: number): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', (error: NodeJS.ErrnoException) => {
      const busy = error.code === 'EADDRINUSE';
      reject(
        new EngineError(
          busy ? 'PORT_IN_USE' : 'CANNOT_LISTEN',
          'usage',
          busy ? `port ${port} is in use` : error.message,
          'choose another port with --port',
        ).causedBy(error),
      );
    });
    server.listen(port, '127.0.0.1');
  });
}

/** Cold code is up to half slower: runs it until its speed is steady, before a client measures. */
function warmUp({ model, variant }: EngineContext): void {
  let best = Infinity;
  for (let i = 0; i < WARMUPS; i++) {
    const began = process.hrtime.bigint();
    for (const step of generate(model, variant, WARMUP_IDS, { maxTokens: 6, top: 5 }))
      if (step.finish) break;
    const took = Number(process.hrtime.bigint() - began);
    if (i >= 3 && took < STEADY * best) break;
    best = Math.min(best, took);
  }
}

/**
 * Starts one tiny engine on loopback: real weights, real logits, vLLM's paths. Ready (and warm)
 * when this returns.
 */
export async function startEngine(options: {
  variant: string;
  port?: number;
  model?: URL;
}): Promise<TinyEngine> {
  const variant = VARIANTS.get(options.variant);
  if (!variant)
    throw new EngineError(
      'UNKNOWN_VARIANT',
      'usage',
      `there is no engine variant ${options.variant}`,
      `choose one of ${[...VARIANTS.keys()].join(', ')}`,
    );
  const folder = options.model ?? MODEL_FOLDER;
  const weights = loadWeights(folder);
  variant.alter?.(weights);
  const context: EngineContext = {
    model: new Model(weights),
    variant,
    tokenizer: tokenizerFromJson(readFileSync(new URL('tokenizer.json', folder), 'utf8')),
  };
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) =>
    answer(context, request, response),
  );
  await listen(server, options.port ?? 0);
  // The port is open, but answers when this is done.
  warmUp(context);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    variant,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
