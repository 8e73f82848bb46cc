// WebSocket provider for chain nodes that keeps to the request rate of public endpoints.
import { setTimeout as sleep } from 'node:timers/promises';
import { WsProvider } from '@polkadot/api';
import { messageOf } from '../../core/errors.ts';

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

/**
 * A WebSocket provider that keeps a pace, and asks again with growing waits where a node says "too
 * many requests".
 */
export class PacedProvider extends WsProvider {
  readonly #pace: RequestPace | null;
  #tokens: number;
  #filledAt = performance.now();
  #queue: Promise<void> = Promise.resolve();

  constructor(endpoint: string, pace: RequestPace | null, timeoutMs: number) {
    // Without auto-connect: the library would print every failed attempt and retry for ever.
    super(endpoint, false, {}, timeoutMs);
    this.#pace = pace;
    this.#tokens = pace?.burst ?? 0;
  }

  /** Waits for this request's turn: requests keep their order. */
  #turn(pace: RequestPace): Promise<void> {
    const turn = this.#queue.then(async () => {
      const now = performance.now();
      this.#tokens = Math.min(pace.burst, this.#tokens + (now - this.#filledAt) / pace.everyMs);
      this.#filledAt = now;
      if (this.#tokens < 1) {
        const waitMs = (1 - this.#tokens) * pace.everyMs;
        await sleep(waitMs);
        this.#tokens = 1;
        this.#filledAt = performance.now();
      }
      this.#tokens -= 1;
    });
    this.#queue = turn;
    return turn;
  }

  /**
   * The library follows the runtime's version by itself, and no code there catches a failure of
   * that request: the failure would end the process. This provider hangs up on an endpoint that
   * does not answer the request, so that the next caller gets an error of the connection.
   */
  override subscribe(...request: Parameters<WsProvider['subscribe']>): Promise<number | string> {
    return super.subscribe(...request).catch(async (error: unknown) => {
      if (request[1] !== 'state_subscribeRuntimeVersion') throw error;
      await this.disconnect();
      return await new Promise<never>(() => undefined);
    });
  }

  override async send<T>(...request: Parameters<WsProvider['send']>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      if (this.#pace) await this.#turn(this.#pace);
      try {
        return await super.send<T>(...request);
      } catch (error) {
        const waitMs = BACK_OFF_MS[attempt];
        if (
          waitMs === undefined ||
          !TOO_MANY.test(`${(error as { code?: number }).code ?? ''} ${messageOf(error)}`)
        )
          throw error;
        await sleep(waitMs);
      }
    }
  }
}
