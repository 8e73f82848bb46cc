// HTTP client on a plain socket that records when each byte of an answer arrives.
import type { Clock } from '../../core/clock.ts';
import type { MeasuringRules } from '../../schema/arena.ts';
import type { Exchange } from '../load-client.ts';
import type { CostMeter } from './client-cost.ts';
import { Connection, type ServerAddress } from './connection.ts';
import { type Ask, RequestAttempt, type Try } from './request-attempt.ts';

/** How long one health request may take. */
const HEALTH_SECONDS = 2;

export type ClientRules = Pick<MeasuringRules, 'deadlines' | 'limits'>;

/**
 * HTTP/1.1 client of the measurement, on a plain socket: one warm keep-alive connection, one
 * request at a time. A stamp is the first thing that happens to bytes; only the end of the response
 * is looked for, and everything else is read after the run. No redirects, no decompression, every
 * size and time limited.
 */
export class MeasuringClient {
  readonly #target: ServerAddress;
  readonly #rules: ClientRules;
  readonly #clock: Clock;
  readonly #cost: CostMeter;
  #connection: Connection | null = null;

  constructor(target: ServerAddress, rules: ClientRules, clock: Clock, cost: CostMeter) {
    this.#target = target;
    this.#rules = rules;
    this.#clock = clock;
    this.#cost = cost;
  }

  /** Whether `GET /health` answers 200 now, on a connection of its own. */
  async healthy(): Promise<boolean> {
    const deadlines = {
      connect: HEALTH_SECONDS,
      firstByte: HEALTH_SECONDS,
      interChunk: HEALTH_SECONDS,
      request: HEALTH_SECONDS,
    };
    const connection = new Connection(this.#target, this.#clock);
    const head = `GET /health HTTP/1.1\r\n${this.#host()}\r\n`;
    const { end } = await this.#attempt(connection, {
      head,
      body: '',
      deadlines,
      limits: this.#rules.limits,
    });
    connection.socket.destroy();
    return end.outcome === 'done' && end.status === 200;
  }

  /** Posts a chat request and records what comes back. */
  async ask(body: string): Promise<Exchange> {
    return await this.#measured({
      head: this.#post('/v1/chat/completions', body, 'text/event-stream'),
      body,
      ...this.#rules,
    });
  }

  /** Posts JSON anywhere, with limits of the caller's: for servers of our own. */
  async post(path: string, body: string, seconds: number, maxBytes: number): Promise<Exchange> {
    const deadlines = {
      ...this.#rules.deadlines,
      firstByte: seconds,
      interChunk: seconds,
      request: seconds,
    };
    const limits = {
      ...this.#rules.limits,
      bodyBytes: maxBytes,
      lineBytes: maxBytes,
      chunks: maxBytes,
    };
    return await this.#measured({
      head: this.#post(path, body, 'application/json'),
      body,
      deadlines,
      limits,
    });
  }

  close(): void {
    this.#connection?.socket.destroy();
    this.#connection = null;
  }

  #host(): string {
    return `Host: ${this.#target.host.includes(':') ? `[${this.#target.host}]` : this.#target.host}:${this.#target.port}\r\n`;
  }

  // The headers tell a server nothing but what it must know (H44), and are the same for warm-ups
  // and scored prompts.
  #post(path: string, body: string, accept: string): string {
    return (
      `POST ${path} HTTP/1.1\r\n${this.#host()}Connection: keep-alive\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nAccept: ${accept}\r\nAccept-Encoding: identity\r\n\r\n`
    );
  }

  async #measured(ask: Ask): Promise<Exchange> {
    const begin = this.#cost.read();
    const first = await this.#attempt(this.#ready(), ask);
    // The clock keeps running from the first time the prompt left: a server that reads it, works
    // and then hangs up wins nothing.
    const second = first.stale ? await this.#attempt(this.#ready(), ask) : null;
    const { stale: _, asked: __, firstWaitNs, ...last } = second ?? first;
    const end = this.#cost.read();
    const waitNs = begin.waitNs === null || end.waitNs === null ? null : end.waitNs - begin.waitNs;
    return {
      ...last,
      sentNs: second && first.asked ? first.sentNs : last.sentNs,
      cost: { firstWaitNs, waitNs, gcNs: end.gcNs - begin.gcNs },
    };
  }

  /** The kept connection, or a new one. */
  #ready(): Connection {
    if (!this.#connection?.open) this.#connection = new Connection(this.#target, this.#clock);
    return this.#connection;
  }

  #attempt(connection: Connection, ask: Ask): Promise<Try> {
    return new RequestAttempt(connection, ask, { clock: this.#clock, cost: this.#cost }).run();
  }
}
