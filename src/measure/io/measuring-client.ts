// HTTP client on a plain socket that records when each byte of an answer arrives.
import { connect, type Socket } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import type { MeasuringRules } from '../../schema/arena.ts';
import type { Exchange } from '../load-client.ts';
import { ResponseReader } from '../http-response.ts';
import type { RequestOutcome } from '../../schema/trace.ts';
import type { CostMeter } from './client-cost.ts';

/** Size of the one buffer that the socket reads into. */
const READ_BYTES = 64 * 1024;
/** What was read is kept in pieces of this size. */
const SLAB_BYTES = 1024 * 1024;
/** How long one health request may take. */
const HEALTH_SECONDS = 2;

export type ClientRules = Pick<MeasuringRules, 'deadlines' | 'limits'>;
export type ServerAddress = { readonly host: string; readonly port: number };
type Deadlines = {
  readonly connect: number;
  readonly firstByte: number;
  readonly interChunk: number;
  readonly request: number;
};
type Limits = ClientRules['limits'];
type Ask = {
  readonly head: string;
  readonly body: string;
  readonly deadlines: Deadlines;
  readonly limits: Limits;
};
type Try = Omit<Exchange, 'cost'> & {
  firstWaitNs: number | null;
  /**
   * The server closed a kept connection before a byte of the answer came: no fault, and the client
   * opens a new one.
   */
  stale: boolean;
  /** Whether the body had been written. */
  asked: boolean;
};

/**
 * A connection, the bytes that the client read from it and has not looked at yet, and the bytes
 * that came while no request was open.
 */
type Line = {
  readonly socket: Socket;
  used: boolean;
  stray: number;
  inbox: { tNs: number; bytes: Buffer }[];
  listener: ((bytes: Buffer, tNs: number) => void) | null;
};

/** Hands over what has been read. */
function drain(line: Line): void {
  const { inbox } = line;
  if (inbox.length === 0) return;
  line.inbox = [];
  for (const { tNs, bytes } of inbox) {
    if (line.listener) line.listener(bytes, tNs);
    else line.stray += bytes.length;
  }
}

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
  #line: Line | null = null;

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
    const line = this.#newLine();
    const head = `GET /health HTTP/1.1\r\n${this.#host()}\r\n`;
    const { end } = await this.#attempt(line, {
      head,
      body: '',
      deadlines,
      limits: this.#rules.limits,
    });
    line.socket.destroy();
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
    this.#line?.socket.destroy();
    this.#line = null;
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
  #ready(): Line {
    const kept = this.#line;
    if (kept && !kept.socket.destroyed && kept.socket.writable) return kept;
    this.#line = this.#newLine();
    return this.#line;
  }

  /**
   * Opens a connection. Bytes are stamped and copied, and that is all: where many streams bring
   * something at the same moment, looking at the first would make the last one late. They are
   * looked at once the loop has read everything that is there.
   */
  #newLine(): Line {
    const clock = this.#clock;
    let slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    let used = 0;
    const callback = (size: number, buffer: Uint8Array): boolean => {
      const tNs = clock.nowNs();
      if (used + size > SLAB_BYTES) {
        slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
        used = 0;
      }
      slab.set(buffer.subarray(0, size), used);
      if (line.inbox.push({ tNs, bytes: slab.subarray(used, used + size) }) === 1)
        setImmediate(drain, line);
      used += size;
      return true;
    };
    const socket = connect({
      ...this.#target,
      noDelay: true,
      onread: { buffer: Buffer.alloc(READ_BYTES), callback },
    });
    const line: Line = { socket, used: false, stray: 0, inbox: [], listener: null };
    // A connection may break while no request is open; the next request finds that out.
    socket.on('error', () => undefined);
    return line;
  }

  #attempt(line: Line, { head, body, deadlines, limits }: Ask): Promise<Try> {
    const clock = this.#clock;
    const cost = this.#cost;
    const { socket } = line;
    const reader = new ResponseReader(limits);
    const chunks: { tNs: number; bytes: Uint8Array }[] = [];
    const reused = line.used;
    line.used = true;
    let sentNs = clock.nowNs();
    const startNs = sentNs;
    let lastNs = sentNs;
    let asked = false;
    let bodyBytes = 0;
    let lineBytes = 0;
    let firstWaitNs: number | null = null;
    let sentWaitNs: number | null = null;
    const since = (before: number | null): number | null => {
      const now = cost.waitNs();
      return before === null || now === null ? null : now - before;
    };

    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      let settled = false;
      const settle = (outcome: RequestOutcome, detail: string): void => {
        if (settled) return;
        settled = true;
        const tNs = clock.nowNs();
        clearTimeout(timer);
        line.listener = null;
        socket.removeListener('close', onClose);
        socket.removeListener('end', onEnd);
        socket.removeListener('error', onError);
        if (outcome !== 'done' || reader.closes) socket.destroy();
        const stale = outcome === 'closed' && reused && !reader.started;
        resolve({
          sentNs,
          chunks,
          end: { tNs, status: reader.status, outcome, detail: detail.slice(0, 200) },
          firstWaitNs,
          stale,
          asked,
        });
      };

      /** The deadline that is due first, and when. */
      const due = (): { name: keyof Deadlines; atNs: number } => {
        if (!asked) return { name: 'connect', atNs: startNs + deadlines.connect * 1e9 };
        const quiet =
          chunks.length === 0
            ? { name: 'firstByte' as const, atNs: sentNs + deadlines.firstByte * 1e9 }
            : { name: 'interChunk' as const, atNs: lastNs + deadlines.interChunk * 1e9 };
        const whole = { name: 'request' as const, atNs: sentNs + deadlines.request * 1e9 };
        return whole.atNs <= quiet.atNs ? whole : quiet;
      };
      const watch = (): void => {
        if (settled) return;
        clearTimeout(timer);
        timer = setTimeout(late, Math.max(0, (due().atNs - clock.nowNs()) / 1e6) + 1);
      };
      const late = (): void => {
        if (due().atNs > clock.nowNs()) {
          watch();
          return;
        }
        // Timers run before sockets are read: bytes that came in time, while this process had no
        // core, must be seen first.
        setImmediate(() => {
          drain(line);
          const { name, atNs } = due();
          if (settled) return;
          if (atNs > clock.nowNs()) watch();
          else settle('timeout', `${name} deadline of ${deadlines[name]} s`);
        });
      };

      const part = (bytes: Buffer): void => {
        bodyBytes += bytes.length;
        const newline = bytes.lastIndexOf(10);
        lineBytes = newline < 0 ? lineBytes + bytes.length : bytes.length - 1 - newline;
        if (bodyBytes > limits.bodyBytes)
          settle('limit', `body larger than ${limits.bodyBytes} bytes`);
        else if (lineBytes > limits.lineBytes)
          settle('limit', `a line longer than ${limits.lineBytes} bytes`);
      };
      line.listener = (bytes, tNs): void => {
        if (settled) return;
        if (!asked) {
          settle('protocol', 'an answer before the request');
          return;
        }
        if (!reader.started) firstWaitNs = since(sentWaitNs);
        lastNs = tNs;
        const parts: Buffer[] = [];
        reader.push(bytes, (piece) => {
          parts.push(piece);
          part(piece);
        });
        // One read is one chunk: its bytes arrived together.
        if (parts.length > 0)
          chunks.push({ tNs, bytes: parts.length === 1 ? parts[0]! : Buffer.concat(parts) });
        if (reader.fault) settle(reader.fault.outcome, reader.fault.detail);
        else if (reader.status !== null && reader.status !== 200)
          settle('status', `status ${reader.status}`);
        else if (chunks.length > limits.chunks)
          settle('limit', `more than ${limits.chunks} chunks`);
        else if (reader.done) settle('done', '');
      };
      const onEnd = (): void => {
        drain(line);
        if (reader.close()) settle('done', '');
        else
          settle(
            'closed',
            reader.started ? 'the body ended early' : 'the connection closed without a response',
          );
      };
      const onClose = (): void => onEnd();
      const onError = (error: NodeJS.ErrnoException): void => {
        drain(line);
        if (error.code === 'ECONNREFUSED') settle('refused', 'connection refused');
        // The server shares this network namespace and may have taken every port: its doing, and no
        // reason to wait for ever.
        else if (error.code === 'EADDRNOTAVAIL')
          settle('timeout', 'no free port is left to connect from');
        else settle('closed', error.code ?? error.message);
      };
      socket.on('end', onEnd);
      socket.on('close', onClose);
      socket.on('error', onError);

      const send = (): void => {
        drain(line);
        if (settled) return;
        if (line.stray > 0) {
          settle('protocol', `${line.stray} bytes on an idle connection`);
          return;
        }
        // Headers first, so that the time is taken just before the first byte of the body.
        socket.cork();
        socket.write(head);
        asked = true;
        sentWaitNs = cost.waitNs();
        sentNs = clock.nowNs();
        lastNs = sentNs;
        if (body !== '') socket.write(body);
        socket.uncork();
        watch();
      };
      watch();
      // A turn of the loop later: the client first sees bytes that a server sent before it was
      // asked.
      if (socket.connecting) socket.once('connect', () => setImmediate(send));
      else setImmediate(send);
    });
  }
}
