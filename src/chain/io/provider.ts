// Middleware in front of a chain node's WebSocket: the pace of public endpoints, and second tries.
import { setTimeout as sleep } from 'node:timers/promises';
import { WsProvider } from '@polkadot/api';
import type { ProviderInterface } from '@polkadot/rpc-provider/types';
import { messageOf } from '../../core/errors.ts';
import { retry } from '../../core/retry.ts';

/**
 * How fast requests may follow each other: a bucket of `burst` that fills by one every `everyMs`.
 */
export type RequestPace = { readonly everyMs: number; readonly burst: number };

/**
 * Public endpoints allow about one request a second and address; a start-up takes a handful at
 * once.
 */
const PUBLIC_PACE: RequestPace = { everyMs: 1000, burst: 12 };

/** Waits before asking again after a node said "too many", doubled each time. */
const BACK_OFF_MS = [1000, 2000, 4000, 8000];
const TOO_MANY = /too many requests|rate.?limit|429|-32005|-32007|-32029|-32999/i;

/** The pace of an endpoint: none for one's own machine and private networks. */
export function paceOf(endpoint: string): RequestPace | null {
  const host = URL.canParse(endpoint) ? new URL(endpoint).hostname : '';
  const own = /^(?:localhost|127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|\[::1\])/.test(host);
  return own ? null : PUBLIC_PACE;
}

/** Sends one request, and gives its answer. A middleware makes another one of it. */
type Send = (...request: Parameters<ProviderInterface['send']>) => Promise<unknown>;

/** Keeps requests to a pace, in their order. */
function paced(send: Send, pace: RequestPace): Send {
  let tokens = pace.burst;
  let filledAt = performance.now();
  let queue: Promise<void> = Promise.resolve();
  const turn = async (): Promise<void> => {
    const now = performance.now();
    tokens = Math.min(pace.burst, tokens + (now - filledAt) / pace.everyMs);
    filledAt = now;
    if (tokens < 1) {
      await sleep((1 - tokens) * pace.everyMs);
      tokens = 1;
      filledAt = performance.now();
    }
    tokens -= 1;
  };
  return async (...request) => {
    queue = queue.then(turn);
    await queue;
    return send(...request);
  };
}

/** Whether a node says that it was asked too much. */
function isTooMany(error: unknown): boolean {
  return TOO_MANY.test(`${(error as { code?: number }).code ?? ''} ${messageOf(error)}`);
}

/** Asks again with growing waits where a node says "too many requests". */
function backingOff(send: Send): Send {
  return (...request) =>
    retry(() => send(...request), { waitsMs: BACK_OFF_MS, sleep, again: isTooMany });
}

/**
 * A subscription that no code of the library catches the failure of: it follows the runtime's
 * version by itself, and a failure would end the process. This one hangs up on an endpoint that
 * does not answer it, so that the next caller gets an error of the connection.
 */
function hangingUp(provider: WsProvider): ProviderInterface['subscribe'] {
  return (...request) =>
    provider.subscribe(...request).catch(async (error: unknown) => {
      if (request[1] !== 'state_subscribeRuntimeVersion') throw error;
      await provider.disconnect();
      return await new Promise<never>(() => undefined);
    });
}

/** A WebSocket provider and the middleware in front of it. */
export type NodeProvider = ProviderInterface & Pick<WsProvider, 'isReady'>;

/**
 * A provider for one endpoint that keeps its pace (none: as fast as it answers) and asks again
 * where the node is busy. It connects once it is told to.
 */
export function nodeProvider(
  endpoint: string,
  pace: RequestPace | null,
  timeoutMs: number,
): NodeProvider {
  // Without auto-connect: the library would print every failed attempt and retry for ever.
  const socket = new WsProvider(endpoint, false, {}, timeoutMs);
  const plain: Send = (...request) => socket.send(...request);
  const send = backingOff(pace ? paced(plain, pace) : plain);
  const subscribe = hangingUp(socket);
  // Everything else is the socket's own.
  return new Proxy(socket, {
    get: (target, name) => {
      if (name === 'send') return send;
      if (name === 'subscribe') return subscribe;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  }) as unknown as NodeProvider;
}
