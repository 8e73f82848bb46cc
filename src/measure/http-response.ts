// Strict incremental reader of HTTP/1.1 responses from untrusted servers.
import type { MeasuringRules } from '../schema/arena.ts';
import type { RequestOutcome } from '../schema/trace.ts';

/**
 * Longest chunk-size line: eight hex digits and a short extension. Longer ones only slow a client
 * down.
 */
const MAX_SIZE_LINE = 64;
/** Largest body length that is read as a number. */
const MAX_LENGTH_DIGITS = 15;
const CR = 13;
const LF = 10;

const STATUS_LINE = /^HTTP\/1\.[01] (\d{3})(?: [\t\x20-\x7e\x80-\xff]*)?$/;
// One quantifier for the value, stripped afterwards: three that overlap take cubic time for a line
// of blanks.
const HEADER = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)$/;
const EXPECTED_START = Buffer.from('HTTP/1.');

export type HttpLimits = Pick<MeasuringRules['limits'], 'headerBytes' | 'informational' | 'chunks'>;
/** Why a response is not accepted. */
export type HttpFault = { readonly outcome: RequestOutcome; readonly detail: string };
type State = 'head' | 'fixed' | 'until-close' | 'size' | 'data' | 'data-end' | 'trailers' | 'done';

/**
 * Strict reader of one HTTP/1.1 response, fed with what a socket gives. It only finds the end of a
 * response, because it runs between two stamps: the judge reads the body after the run. It accepts
 * one way to state a length, and nothing that two readers could understand differently (RFC 9112
 * sections 5 to 7).
 */
export class ResponseReader {
  readonly #limits: HttpLimits;
  #state: State = 'head';
  #head = '';
  #headBytes = 0;
  #informational = 0;
  #left = 0;
  #line = '';
  #chunks = 0;
  /** Status of the final response, once its head is read. */
  status: number | null = null;
  /** Set by the first fault; nothing is read after it. */
  fault: HttpFault | null = null;
  /** Whether the server said that it closes the connection after this response. */
  closes = false;
  /** Whether any byte has arrived. */
  started = false;

  constructor(limits: HttpLimits) {
    this.#limits = limits;
  }

  get done(): boolean {
    return this.#state === 'done';
  }

  /** Reads the next bytes; calls `body` with every part of the body in them. */
  push(bytes: Buffer, body: (part: Buffer) => void): void {
    this.started ||= bytes.length > 0;
    let at = 0;
    while (at < bytes.length && this.fault === null) {
      switch (this.#state) {
        case 'head':
        case 'trailers':
          at = this.#readHead(bytes, at);
          break;
        case 'until-close':
          body(bytes.subarray(at));
          return;
        case 'fixed':
        case 'data': {
          const end = Math.min(bytes.length, at + this.#left);
          body(bytes.subarray(at, end));
          this.#left -= end - at;
          at = end;
          if (this.#left === 0) this.#state = this.#state === 'fixed' ? 'done' : 'data-end';
          break;
        }
        case 'size':
        case 'data-end':
          at = this.#readFraming(bytes, at);
          break;
        case 'done':
          // A client that believed these bytes would take them for the answer to its next request,
          // which it has not sent yet.
          this.#refuse('protocol', `${bytes.length - at} bytes after the end of the response`);
      }
    }
  }

  /** The server has closed its side. Returns whether that completes the response. */
  close(): boolean {
    if (this.#state === 'until-close') this.#state = 'done';
    return this.#state === 'done';
  }

  #refuse(outcome: RequestOutcome, detail: string): void {
    this.fault ??= { outcome, detail };
  }

  /** Head of a response, or trailers: lines up to an empty one. */
  #readHead(bytes: Buffer, from: number): number {
    const limit = this.#limits.headerBytes;
    if (this.#state === 'head' && this.#headBytes < EXPECTED_START.length) {
      // Not HTTP at all (0.9, a banner of another protocol): said at once, not after a deadline.
      const seen = Buffer.concat([
        Buffer.from(this.#head, 'latin1'),
        bytes.subarray(from),
      ]).subarray(0, EXPECTED_START.length);
      if (!seen.equals(EXPECTED_START.subarray(0, seen.length))) {
        this.#refuse('protocol', 'no HTTP/1.1 status line');
        return bytes.length;
      }
    }
    for (let at = from; at < bytes.length;) {
      const newline = bytes.indexOf(LF, at);
      const end = newline < 0 ? bytes.length : newline + 1;
      this.#headBytes += end - at;
      if (this.#headBytes > limit) {
        this.#refuse('limit', `headers larger than ${limit} bytes`);
        return bytes.length;
      }
      this.#head += bytes.toString('latin1', at, end);
      at = end;
      if (newline < 0) return at;
      if (this.#head.charCodeAt(this.#head.length - 2) !== CR) {
        this.#refuse('protocol', 'a header line without CRLF');
        return at;
      }
      if (
        this.#state === 'trailers'
          ? /(?:^|\r\n)\r\n$/.test(this.#head)
          : this.#head.endsWith('\r\n\r\n')
      ) {
        this.#endHead();
        return at;
      }
    }
    return bytes.length;
  }

  #endHead(): void {
    const lines = this.#head.split('\r\n').slice(0, -2);
    this.#head = '';
    const trailers = this.#state === 'trailers';
    const status = trailers ? null : STATUS_LINE.exec(lines.shift() ?? '');
    if (!trailers && !status) {
      this.#refuse('protocol', 'a malformed status line');
      return;
    }
    const headers = new Map<string, string>();
    for (const line of lines) {
      const parsed = HEADER.exec(line);
      const name = parsed?.[1]!.toLowerCase();
      if (!parsed || name === undefined) {
        this.#refuse('protocol', 'a malformed header line');
        return;
      }
      if ((name === 'content-length' || name === 'transfer-encoding') && headers.has(name)) {
        this.#refuse('protocol', `two ${name} headers`);
        return;
      }
      headers.set(name, stripped(parsed[2]!));
    }
    if (trailers) this.#state = 'done';
    else this.#begin(Number(status![1]), headers);
  }

  /** What follows a head. */
  #begin(status: number, headers: ReadonlyMap<string, string>): void {
    if (status === 101) {
      this.#refuse('protocol', 'an upgrade nobody asked for');
      return;
    }
    if (status < 200) {
      if (++this.#informational > this.#limits.informational)
        this.#refuse('limit', `more than ${this.#limits.informational} informational responses`);
      return;
    }
    this.status = status;
    if (status >= 300 && status < 400) {
      this.#refuse('protocol', `redirect (status ${status})`);
      return;
    }
    const encoding = headers.get('content-encoding');
    if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
      this.#refuse('protocol', 'content-encoding nobody asked for');
      return;
    }
    this.closes = /(?:^|[,\s])close(?:[,\s]|$)/i.test(headers.get('connection') ?? '');
    this.#frame(status, headers);
  }

  /** How the body's end is known. */
  #frame(status: number, headers: ReadonlyMap<string, string>): void {
    const length = headers.get('content-length');
    const transfer = headers.get('transfer-encoding');
    if (length !== undefined && transfer !== undefined) {
      this.#refuse('protocol', 'both content-length and transfer-encoding');
    } else if (transfer !== undefined) {
      if (transfer.toLowerCase() !== 'chunked')
        this.#refuse('protocol', 'a transfer-encoding other than chunked');
      this.#state = 'size';
    } else if (length !== undefined) {
      if (!/^\d+$/.test(length) || length.length > MAX_LENGTH_DIGITS)
        this.#refuse('protocol', 'a malformed content-length');
      this.#left = Number(length);
      this.#state = this.#left === 0 ? 'done' : 'fixed';
    } else if (status === 204) {
      this.#state = 'done';
    } else {
      this.closes = true;
      this.#state = 'until-close';
    }
  }

  /** A chunk-size line, or the CRLF after a chunk. */
  #readFraming(bytes: Buffer, at: number): number {
    const newline = bytes.indexOf(LF, at);
    const end = newline < 0 ? bytes.length : newline + 1;
    this.#line += bytes.toString('latin1', at, Math.min(end, at + MAX_SIZE_LINE + 1));
    if (this.#line.length > MAX_SIZE_LINE) {
      this.#refuse('protocol', `a chunk-size line longer than ${MAX_SIZE_LINE} bytes`);
      return end;
    }
    if (newline < 0) return end;
    const line = this.#line;
    this.#line = '';
    if (line.charCodeAt(line.length - 2) !== CR) {
      this.#refuse('protocol', 'a chunk line without CRLF');
    } else if (this.#state === 'data-end') {
      if (line.length === 2) this.#state = 'size';
      else this.#refuse('protocol', 'a chunk longer than its size');
    } else {
      const size = /^([0-9a-fA-F]{1,8})(?:[\t ]*;[^\r\n]*)?\r\n$/.exec(line);
      if (!size) {
        this.#refuse('protocol', 'a malformed chunk size');
      } else {
        // A chunk a byte is legal and only costs the client time, which it would then be blamed
        // for.
        if (++this.#chunks > this.#limits.chunks)
          this.#refuse('limit', `more than ${this.#limits.chunks} HTTP chunks`);
        this.#left = Number.parseInt(size[1]!, 16);
        this.#headBytes = 0;
        this.#state = this.#left === 0 ? 'trailers' : 'data';
      }
    }
    return end;
  }
}

/** A header's value without the blanks around it. */
function stripped(value: string): string {
  let from = 0;
  let to = value.length;
  while (from < to && (value[from] === ' ' || value[from] === '\t')) from++;
  while (to > from && (value[to - 1] === ' ' || value[to - 1] === '\t')) to--;
  return value.slice(from, to);
}
