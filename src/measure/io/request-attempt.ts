// One request on one connection: sent, timed, and read to the end of its answer or its first fault.
import type { Clock } from '../../core/clock.ts';
import type { MeasuringRules } from '../../schema/arena.ts';
import type { RequestOutcome } from '../../schema/trace.ts';
import { type Deadlines, dueDeadline } from '../deadlines.ts';
import { ResponseReader } from '../http-response.ts';
import type { Exchange } from '../load-client.ts';
import type { CostMeter } from './client-cost.ts';
import type { Connection } from './connection.ts';

/** A request as it goes over the wire, and what its answer may take. */
export type Ask = {
  readonly head: string;
  readonly body: string;
  readonly deadlines: Deadlines;
  readonly limits: MeasuringRules['limits'];
};
/** What came of one attempt. */
export type Try = Omit<Exchange, 'cost'> & {
  readonly firstWaitNs: number | null;
  /**
   * The server closed a kept connection before a byte of the answer came: no fault, and the client
   * opens a new one.
   */
  readonly stale: boolean;
  /** Whether the body had been written. */
  readonly asked: boolean;
};

/** The instruments of a client: its clock, and what measuring costs it. */
export type Instruments = { readonly clock: Clock; readonly cost: CostMeter };

/** One attempt; `run` is called once. */
export class RequestAttempt {
  readonly #connection: Connection;
  readonly #ask: Ask;
  readonly #clock: Clock;
  readonly #cost: CostMeter;
  readonly #reader: ResponseReader;
  readonly #reused: boolean;
  readonly #startNs: number;
  readonly #chunks: { tNs: number; bytes: Uint8Array }[] = [];
  #sentNs: number;
  #lastNs: number;
  #asked = false;
  #bodyBytes = 0;
  #lineBytes = 0;
  #firstWaitNs: number | null = null;
  #sentWaitNs: number | null = null;
  #timer: NodeJS.Timeout | undefined;
  #resolve: ((result: Try) => void) | null = null;

  constructor(connection: Connection, ask: Ask, { clock, cost }: Instruments) {
    this.#connection = connection;
    this.#ask = ask;
    this.#clock = clock;
    this.#cost = cost;
    this.#reader = new ResponseReader(ask.limits);
    this.#reused = connection.used;
    connection.used = true;
    this.#startNs = clock.nowNs();
    this.#sentNs = this.#startNs;
    this.#lastNs = this.#startNs;
  }

  run(): Promise<Try> {
    const { socket } = this.#connection;
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#connection.listener = this.#onBytes;
      socket.on('end', this.#onEnd);
      socket.on('close', this.#onEnd);
      socket.on('error', this.#onError);
      this.#watch();
      // A turn of the loop later: the client first sees bytes that a server sent before it was
      // asked.
      if (socket.connecting) socket.once('connect', () => setImmediate(this.#send));
      else setImmediate(this.#send);
    });
  }

  #settle(outcome: RequestOutcome, detail: string): void {
    const resolve = this.#resolve;
    if (!resolve) return;
    this.#resolve = null;
    const tNs = this.#clock.nowNs();
    const { socket } = this.#connection;
    clearTimeout(this.#timer);
    this.#connection.listener = null;
    socket.removeListener('close', this.#onEnd);
    socket.removeListener('end', this.#onEnd);
    socket.removeListener('error', this.#onError);
    if (outcome !== 'done' || this.#reader.closes) socket.destroy();
    const { status, started } = this.#reader;
    resolve({
      sentNs: this.#sentNs,
      chunks: this.#chunks,
      end: { tNs, status, outcome, detail: detail.slice(0, 200) },
      firstWaitNs: this.#firstWaitNs,
      stale: outcome === 'closed' && this.#reused && !started,
      asked: this.#asked,
    });
  }

  readonly #send = (): void => {
    const { socket, stray } = this.#drained();
    if (!this.#resolve) return;
    if (stray > 0) {
      this.#settle('protocol', `${stray} bytes on an idle connection`);
      return;
    }
    const { head, body } = this.#ask;
    // Headers first, so that the time is taken just before the first byte of the body.
    socket.cork();
    socket.write(head);
    this.#asked = true;
    this.#sentWaitNs = this.#cost.waitNs();
    this.#sentNs = this.#clock.nowNs();
    this.#lastNs = this.#sentNs;
    if (body !== '') socket.write(body);
    socket.uncork();
    this.#watch();
  };

  /** The connection, with everything looked at that has been read. */
  #drained(): Connection {
    this.#connection.drain();
    return this.#connection;
  }

  readonly #onBytes = (bytes: Buffer, tNs: number): void => {
    if (!this.#resolve) return;
    if (!this.#asked) {
      this.#settle('protocol', 'an answer before the request');
      return;
    }
    const reader = this.#reader;
    if (!reader.started) this.#firstWaitNs = this.#waitedSinceSent();
    this.#lastNs = tNs;
    const parts: Buffer[] = [];
    reader.push(bytes, (piece) => {
      parts.push(piece);
      this.#measure(piece);
    });
    // One read is one chunk: its bytes arrived together.
    if (parts.length > 0)
      this.#chunks.push({ tNs, bytes: parts.length === 1 ? parts[0]! : Buffer.concat(parts) });
    this.#judge();
  };

  /** Ends the attempt where the answer is whole, or broke a rule. */
  #judge(): void {
    const { fault, status, done } = this.#reader;
    const { chunks } = this.#ask.limits;
    if (fault) this.#settle(fault.outcome, fault.detail);
    else if (status !== null && status !== 200) this.#settle('status', `status ${status}`);
    else if (this.#chunks.length > chunks) this.#settle('limit', `more than ${chunks} chunks`);
    else if (done) this.#settle('done', '');
  }

  /** Counts a part of the body against its limits. */
  #measure(bytes: Buffer): void {
    const { limits } = this.#ask;
    this.#bodyBytes += bytes.length;
    const newline = bytes.lastIndexOf(10);
    this.#lineBytes = newline < 0 ? this.#lineBytes + bytes.length : bytes.length - 1 - newline;
    if (this.#bodyBytes > limits.bodyBytes)
      this.#settle('limit', `body larger than ${limits.bodyBytes} bytes`);
    else if (this.#lineBytes > limits.lineBytes)
      this.#settle('limit', `a line longer than ${limits.lineBytes} bytes`);
  }

  #waitedSinceSent(): number | null {
    const now = this.#cost.waitNs();
    return this.#sentWaitNs === null || now === null ? null : now - this.#sentWaitNs;
  }

  readonly #onEnd = (): void => {
    this.#drained();
    if (this.#reader.close()) this.#settle('done', '');
    else
      this.#settle(
        'closed',
        this.#reader.started ? 'the body ended early' : 'the connection closed without a response',
      );
  };

  readonly #onError = (error: NodeJS.ErrnoException): void => {
    this.#drained();
    if (error.code === 'ECONNREFUSED') this.#settle('refused', 'connection refused');
    // The server shares this network namespace and may have taken every port: its doing, and no
    // reason to wait for ever.
    else if (error.code === 'EADDRNOTAVAIL')
      this.#settle('timeout', 'no free port is left to connect from');
    else this.#settle('closed', error.code ?? error.message);
  };

  #due(): ReturnType<typeof dueDeadline> {
    return dueDeadline(
      {
        startNs: this.#startNs,
        sentNs: this.#asked ? this.#sentNs : null,
        lastNs: this.#chunks.length === 0 ? null : this.#lastNs,
      },
      this.#ask.deadlines,
    );
  }

  #watch(): void {
    if (!this.#resolve) return;
    clearTimeout(this.#timer);
    const leftMs = (this.#due().atNs - this.#clock.nowNs()) / 1e6;
    this.#timer = setTimeout(this.#late, Math.max(0, leftMs) + 1);
  }

  readonly #late = (): void => {
    if (this.#due().atNs > this.#clock.nowNs()) {
      this.#watch();
      return;
    }
    // Timers run before sockets are read: bytes that came in time, while this process had no core,
    // must be seen first.
    setImmediate(() => {
      this.#drained();
      const { name, atNs } = this.#due();
      if (!this.#resolve) return;
      if (atNs > this.#clock.nowNs()) this.#watch();
      else this.#settle('timeout', `${name} deadline of ${this.#ask.deadlines[name]} s`);
    });
  };
}
