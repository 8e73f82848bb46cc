const __bundle_url=require('node:url').pathToFileURL(__filename).href;
"use strict";

// src/measure/io/measuring-sidecar-main.ts
var import_node_readline = require("node:readline");

// src/measure/io/connection.ts
var import_node_net = require("node:net");
var READ_BYTES = 64 * 1024;
var SLAB_BYTES = 1024 * 1024;
var Connection = class {
  socket;
  /** Whether a request went over it before. */
  used = false;
  /** Bytes that came while no request was open. */
  stray = 0;
  listener = null;
  #clock;
  #inbox = [];
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #slabUsed = 0;
  #drained = () => this.drain();
  constructor(target, clock) {
    this.#clock = clock;
    this.socket = (0, import_node_net.connect)({
      ...target,
      noDelay: true,
      onread: {
        buffer: Buffer.alloc(READ_BYTES),
        callback: (size, buffer) => this.#stamp(size, buffer)
      }
    });
    this.socket.on("error", () => void 0);
  }
  /** Whether another request can go over it. */
  get open() {
    return !this.socket.destroyed && this.socket.writable;
  }
  /** Hands over what has been read. */
  drain() {
    const inbox = this.#inbox;
    if (inbox.length === 0) return;
    this.#inbox = [];
    for (const { tNs, bytes } of inbox) {
      if (this.listener) this.listener(bytes, tNs);
      else this.stray += bytes.length;
    }
  }
  /** The time first: nothing that happens to the bytes may come before it. */
  #stamp(size, buffer) {
    const tNs = this.#clock.nowNs();
    if (this.#slabUsed + size > SLAB_BYTES) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#slabUsed = 0;
    }
    const begin = this.#slabUsed;
    this.#slab.set(buffer.subarray(0, size), begin);
    this.#slabUsed += size;
    const bytes = this.#slab.subarray(begin, this.#slabUsed);
    if (this.#inbox.push({ tNs, bytes }) === 1) setImmediate(this.#drained);
    return true;
  }
};

// src/measure/deadlines.ts
function dueDeadline({ startNs, sentNs, lastNs }, deadlines) {
  if (sentNs === null) return { name: "connect", atNs: startNs + deadlines.connect * 1e9 };
  const quiet = lastNs === null ? { name: "firstByte", atNs: sentNs + deadlines.firstByte * 1e9 } : { name: "interChunk", atNs: lastNs + deadlines.interChunk * 1e9 };
  const whole = { name: "request", atNs: sentNs + deadlines.request * 1e9 };
  return whole.atNs <= quiet.atNs ? whole : quiet;
}

// src/measure/http-response.ts
var MAX_SIZE_LINE = 64;
var MAX_LENGTH_DIGITS = 15;
var CR = 13;
var LF = 10;
var STATUS_LINE = /^HTTP\/1\.[01] (\d{3})(?: [\t\x20-\x7e\x80-\xff]*)?$/;
var HEADER = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)$/;
var EXPECTED_START = Buffer.from("HTTP/1.");
var ResponseReader = class {
  #limits;
  #state = "head";
  #head = "";
  #headBytes = 0;
  #informational = 0;
  #left = 0;
  #line = "";
  #chunks = 0;
  /** Status of the final response, once its head is read. */
  status = null;
  /** Set by the first fault; nothing is read after it. */
  fault = null;
  /** Whether the server said that it closes the connection after this response. */
  closes = false;
  /** Whether any byte has arrived. */
  started = false;
  constructor(limits) {
    this.#limits = limits;
  }
  get done() {
    return this.#state === "done";
  }
  /** Reads the next bytes; calls `body` with every part of the body in them. */
  push(bytes, body) {
    this.started ||= bytes.length > 0;
    let at = 0;
    while (at < bytes.length && this.fault === null) {
      switch (this.#state) {
        case "head":
        case "trailers":
          at = this.#readHead(bytes, at);
          break;
        case "until-close":
          body(bytes.subarray(at));
          return;
        case "fixed":
        case "data": {
          const end = Math.min(bytes.length, at + this.#left);
          body(bytes.subarray(at, end));
          this.#left -= end - at;
          at = end;
          if (this.#left === 0) this.#state = this.#state === "fixed" ? "done" : "data-end";
          break;
        }
        case "size":
        case "data-end":
          at = this.#readFraming(bytes, at);
          break;
        case "done":
          this.#refuse("protocol", `${bytes.length - at} bytes after the end of the response`);
      }
    }
  }
  /** The server has closed its side. Returns whether that completes the response. */
  close() {
    if (this.#state === "until-close") this.#state = "done";
    return this.#state === "done";
  }
  #refuse(outcome, detail) {
    this.fault ??= { outcome, detail };
  }
  /** Head of a response, or trailers: lines up to an empty one. */
  #readHead(bytes, from) {
    const limit = this.#limits.headerBytes;
    if (this.#state === "head" && this.#headBytes < EXPECTED_START.length) {
      const seen = Buffer.concat([
        Buffer.from(this.#head, "latin1"),
        bytes.subarray(from)
      ]).subarray(0, EXPECTED_START.length);
      if (!seen.equals(EXPECTED_START.subarray(0, seen.length))) {
        this.#refuse("protocol", "no HTTP/1.1 status line");
        return bytes.length;
      }
    }
    for (let at = from; at < bytes.length; ) {
      const newline = bytes.indexOf(LF, at);
      const end = newline < 0 ? bytes.length : newline + 1;
      this.#headBytes += end - at;
      if (this.#headBytes > limit) {
        this.#refuse("limit", `headers larger than ${limit} bytes`);
        return bytes.length;
      }
      this.#head += bytes.toString("latin1", at, end);
      at = end;
      if (newline < 0) return at;
      if (this.#head.charCodeAt(this.#head.length - 2) !== CR) {
        this.#refuse("protocol", "a header line without CRLF");
        return at;
      }
      if (this.#state === "trailers" ? /(?:^|\r\n)\r\n$/.test(this.#head) : this.#head.endsWith("\r\n\r\n")) {
        this.#endHead();
        return at;
      }
    }
    return bytes.length;
  }
  #endHead() {
    const lines = this.#head.split("\r\n").slice(0, -2);
    this.#head = "";
    const trailers = this.#state === "trailers";
    const status = trailers ? null : STATUS_LINE.exec(lines.shift() ?? "");
    if (!trailers && !status) {
      this.#refuse("protocol", "a malformed status line");
      return;
    }
    const headers = /* @__PURE__ */ new Map();
    for (const line of lines) {
      const parsed = HEADER.exec(line);
      const name = parsed?.[1].toLowerCase();
      if (!parsed || name === void 0) {
        this.#refuse("protocol", "a malformed header line");
        return;
      }
      if ((name === "content-length" || name === "transfer-encoding") && headers.has(name)) {
        this.#refuse("protocol", `two ${name} headers`);
        return;
      }
      headers.set(name, stripped(parsed[2]));
    }
    if (trailers) this.#state = "done";
    else this.#begin(Number(status[1]), headers);
  }
  /** What follows a head. */
  #begin(status, headers) {
    if (status === 101) {
      this.#refuse("protocol", "an upgrade nobody asked for");
      return;
    }
    if (status < 200) {
      if (++this.#informational > this.#limits.informational)
        this.#refuse("limit", `more than ${this.#limits.informational} informational responses`);
      return;
    }
    this.status = status;
    if (status >= 300 && status < 400) {
      this.#refuse("protocol", `redirect (status ${status})`);
      return;
    }
    const encoding = headers.get("content-encoding");
    if (encoding !== void 0 && encoding.toLowerCase() !== "identity") {
      this.#refuse("protocol", "content-encoding nobody asked for");
      return;
    }
    this.closes = /(?:^|[,\s])close(?:[,\s]|$)/i.test(headers.get("connection") ?? "");
    this.#frame(status, headers);
  }
  /** How the body's end is known. */
  #frame(status, headers) {
    const length = headers.get("content-length");
    const transfer = headers.get("transfer-encoding");
    if (length !== void 0 && transfer !== void 0) {
      this.#refuse("protocol", "both content-length and transfer-encoding");
    } else if (transfer !== void 0) {
      if (transfer.toLowerCase() !== "chunked")
        this.#refuse("protocol", "a transfer-encoding other than chunked");
      this.#state = "size";
    } else if (length !== void 0) {
      if (!/^\d+$/.test(length) || length.length > MAX_LENGTH_DIGITS)
        this.#refuse("protocol", "a malformed content-length");
      this.#left = Number(length);
      this.#state = this.#left === 0 ? "done" : "fixed";
    } else if (status === 204) {
      this.#state = "done";
    } else {
      this.closes = true;
      this.#state = "until-close";
    }
  }
  /** A chunk-size line, or the CRLF after a chunk. */
  #readFraming(bytes, at) {
    const newline = bytes.indexOf(LF, at);
    const end = newline < 0 ? bytes.length : newline + 1;
    this.#line += bytes.toString("latin1", at, Math.min(end, at + MAX_SIZE_LINE + 1));
    if (this.#line.length > MAX_SIZE_LINE) {
      this.#refuse("protocol", `a chunk-size line longer than ${MAX_SIZE_LINE} bytes`);
      return end;
    }
    if (newline < 0) return end;
    const line = this.#line;
    this.#line = "";
    if (line.charCodeAt(line.length - 2) !== CR) {
      this.#refuse("protocol", "a chunk line without CRLF");
    } else if (this.#state === "data-end") {
      if (line.length === 2) this.#state = "size";
      else this.#refuse("protocol", "a chunk longer than its size");
    } else {
      const size = /^([0-9a-fA-F]{1,8})(?:[\t ]*;[^\r\n]*)?\r\n$/.exec(line);
      if (!size) {
        this.#refuse("protocol", "a malformed chunk size");
      } else {
        if (++this.#chunks > this.#limits.chunks)
          this.#refuse("limit", `more than ${this.#limits.chunks} HTTP chunks`);
        this.#left = Number.parseInt(size[1], 16);
        this.#headBytes = 0;
        this.#state = this.#left === 0 ? "trailers" : "data";
      }
    }
    return end;
  }
};
function stripped(value) {
  let from = 0;
  let to = value.length;
  while (from < to && (value[from] === " " || value[from] === "	")) from++;
  while (to > from && (value[to - 1] === " " || value[to - 1] === "	")) to--;
  return value.slice(from, to);
}

// src/measure/io/request-attempt.ts
var RequestAttempt = class {
  #connection;
  #ask;
  #clock;
  #cost;
  #reader;
  #reused;
  #startNs;
  #chunks = [];
  #sentNs;
  #lastNs;
  #asked = false;
  #bodyBytes = 0;
  #lineBytes = 0;
  #firstWaitNs = null;
  #sentWaitNs = null;
  #timer;
  #resolve = null;
  constructor(connection, ask, { clock, cost: cost2 }) {
    this.#connection = connection;
    this.#ask = ask;
    this.#clock = clock;
    this.#cost = cost2;
    this.#reader = new ResponseReader(ask.limits);
    this.#reused = connection.used;
    connection.used = true;
    this.#startNs = clock.nowNs();
    this.#sentNs = this.#startNs;
    this.#lastNs = this.#startNs;
  }
  run() {
    const { socket } = this.#connection;
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#connection.listener = this.#onBytes;
      socket.on("end", this.#onEnd);
      socket.on("close", this.#onEnd);
      socket.on("error", this.#onError);
      this.#watch();
      if (socket.connecting) socket.once("connect", () => setImmediate(this.#send));
      else setImmediate(this.#send);
    });
  }
  #settle(outcome, detail) {
    const resolve = this.#resolve;
    if (!resolve) return;
    this.#resolve = null;
    const tNs = this.#clock.nowNs();
    const { socket } = this.#connection;
    clearTimeout(this.#timer);
    this.#connection.listener = null;
    socket.removeListener("close", this.#onEnd);
    socket.removeListener("end", this.#onEnd);
    socket.removeListener("error", this.#onError);
    if (outcome !== "done" || this.#reader.closes) socket.destroy();
    const { status, started } = this.#reader;
    resolve({
      sentNs: this.#sentNs,
      chunks: this.#chunks,
      end: { tNs, status, outcome, detail: detail.slice(0, 200) },
      firstWaitNs: this.#firstWaitNs,
      stale: outcome === "closed" && this.#reused && !started,
      asked: this.#asked
    });
  }
  #send = () => {
    const { socket, stray } = this.#drained();
    if (!this.#resolve) return;
    if (stray > 0) {
      this.#settle("protocol", `${stray} bytes on an idle connection`);
      return;
    }
    const { head, body } = this.#ask;
    socket.cork();
    socket.write(head);
    this.#asked = true;
    this.#sentWaitNs = this.#cost.waitNs();
    this.#sentNs = this.#clock.nowNs();
    this.#lastNs = this.#sentNs;
    if (body !== "") socket.write(body);
    socket.uncork();
    this.#watch();
  };
  /** The connection, with everything looked at that has been read. */
  #drained() {
    this.#connection.drain();
    return this.#connection;
  }
  #onBytes = (bytes, tNs) => {
    if (!this.#resolve) return;
    if (!this.#asked) {
      this.#settle("protocol", "an answer before the request");
      return;
    }
    const reader = this.#reader;
    if (!reader.started) this.#firstWaitNs = this.#waitedSinceSent();
    this.#lastNs = tNs;
    const parts = [];
    reader.push(bytes, (piece) => {
      parts.push(piece);
      this.#measure(piece);
    });
    if (parts.length > 0)
      this.#chunks.push({ tNs, bytes: parts.length === 1 ? parts[0] : Buffer.concat(parts) });
    this.#judge();
  };
  /** Ends the attempt where the answer is whole, or broke a rule. */
  #judge() {
    const { fault, status, done } = this.#reader;
    const { chunks } = this.#ask.limits;
    if (fault) this.#settle(fault.outcome, fault.detail);
    else if (status !== null && status !== 200) this.#settle("status", `status ${status}`);
    else if (this.#chunks.length > chunks) this.#settle("limit", `more than ${chunks} chunks`);
    else if (done) this.#settle("done", "");
  }
  /** Counts a part of the body against its limits. */
  #measure(bytes) {
    const { limits } = this.#ask;
    this.#bodyBytes += bytes.length;
    const newline = bytes.lastIndexOf(10);
    this.#lineBytes = newline < 0 ? this.#lineBytes + bytes.length : bytes.length - 1 - newline;
    if (this.#bodyBytes > limits.bodyBytes)
      this.#settle("limit", `body larger than ${limits.bodyBytes} bytes`);
    else if (this.#lineBytes > limits.lineBytes)
      this.#settle("limit", `a line longer than ${limits.lineBytes} bytes`);
  }
  #waitedSinceSent() {
    const now = this.#cost.waitNs();
    return this.#sentWaitNs === null || now === null ? null : now - this.#sentWaitNs;
  }
  #onEnd = () => {
    this.#drained();
    if (this.#reader.close()) this.#settle("done", "");
    else
      this.#settle(
        "closed",
        this.#reader.started ? "the body ended early" : "the connection closed without a response"
      );
  };
  #onError = (error) => {
    this.#drained();
    if (error.code === "ECONNREFUSED") this.#settle("refused", "connection refused");
    else if (error.code === "EADDRNOTAVAIL")
      this.#settle("timeout", "no free port is left to connect from");
    else this.#settle("closed", error.code ?? error.message);
  };
  #due() {
    return dueDeadline(
      {
        startNs: this.#startNs,
        sentNs: this.#asked ? this.#sentNs : null,
        lastNs: this.#chunks.length === 0 ? null : this.#lastNs
      },
      this.#ask.deadlines
    );
  }
  #watch() {
    if (!this.#resolve) return;
    clearTimeout(this.#timer);
    const leftMs = (this.#due().atNs - this.#clock.nowNs()) / 1e6;
    this.#timer = setTimeout(this.#late, Math.max(0, leftMs) + 1);
  }
  #late = () => {
    if (this.#due().atNs > this.#clock.nowNs()) {
      this.#watch();
      return;
    }
    setImmediate(() => {
      this.#drained();
      const { name, atNs } = this.#due();
      if (!this.#resolve) return;
      if (atNs > this.#clock.nowNs()) this.#watch();
      else this.#settle("timeout", `${name} deadline of ${this.#ask.deadlines[name]} s`);
    });
  };
};

// src/measure/io/measuring-client.ts
var HEALTH_SECONDS = 2;
var MeasuringClient = class {
  #target;
  #rules;
  #clock;
  #cost;
  #connection = null;
  constructor(target, rules, clock, cost2) {
    this.#target = target;
    this.#rules = rules;
    this.#clock = clock;
    this.#cost = cost2;
  }
  /** Whether `GET /health` answers 200 now, on a connection of its own. */
  async healthy() {
    const deadlines = {
      connect: HEALTH_SECONDS,
      firstByte: HEALTH_SECONDS,
      interChunk: HEALTH_SECONDS,
      request: HEALTH_SECONDS
    };
    const connection = new Connection(this.#target, this.#clock);
    const head = `GET /health HTTP/1.1\r
${this.#host()}\r
`;
    const { end } = await this.#attempt(connection, {
      head,
      body: "",
      deadlines,
      limits: this.#rules.limits
    });
    connection.socket.destroy();
    return end.outcome === "done" && end.status === 200;
  }
  /** Posts a chat request and records what comes back. */
  async ask(body) {
    return await this.#measured({
      head: this.#post("/v1/chat/completions", body, "text/event-stream"),
      body,
      ...this.#rules
    });
  }
  /** Posts JSON anywhere, with limits of the caller's: for servers of our own. */
  async post(path, body, seconds, maxBytes) {
    const deadlines = {
      ...this.#rules.deadlines,
      firstByte: seconds,
      interChunk: seconds,
      request: seconds
    };
    const limits = {
      ...this.#rules.limits,
      bodyBytes: maxBytes,
      lineBytes: maxBytes,
      chunks: maxBytes
    };
    return await this.#measured({
      head: this.#post(path, body, "application/json"),
      body,
      deadlines,
      limits
    });
  }
  close() {
    this.#connection?.socket.destroy();
    this.#connection = null;
  }
  #host() {
    return `Host: ${this.#target.host.includes(":") ? `[${this.#target.host}]` : this.#target.host}:${this.#target.port}\r
`;
  }
  // The headers tell a server nothing but what it must know (H44), and are the same for warm-ups
  // and scored prompts.
  #post(path, body, accept) {
    return `POST ${path} HTTP/1.1\r
${this.#host()}Connection: keep-alive\r
Content-Type: application/json\r
Content-Length: ${Buffer.byteLength(body)}\r
Accept: ${accept}\r
Accept-Encoding: identity\r
\r
`;
  }
  async #measured(ask) {
    const begin = this.#cost.read();
    const first = await this.#attempt(this.#ready(), ask);
    const second = first.stale ? await this.#attempt(this.#ready(), ask) : null;
    const { stale: _, asked: __, firstWaitNs, ...last } = second ?? first;
    const end = this.#cost.read();
    const waitNs = begin.waitNs === null || end.waitNs === null ? null : end.waitNs - begin.waitNs;
    return {
      ...last,
      sentNs: second && first.asked ? first.sentNs : last.sentNs,
      cost: { firstWaitNs, waitNs, gcNs: end.gcNs - begin.gcNs }
    };
  }
  /** The kept connection, or a new one. */
  #ready() {
    if (!this.#connection?.open) this.#connection = new Connection(this.#target, this.#clock);
    return this.#connection;
  }
  #attempt(connection, ask) {
    return new RequestAttempt(connection, ask, { clock: this.#clock, cost: this.#cost }).run();
  }
};

// src/node/monotonic-clock.ts
var import_promises = require("node:timers/promises");
function monotonicClockFrom(originNs2) {
  return { nowNs: () => Number(process.hrtime.bigint() - originNs2), sleep: (ms) => (0, import_promises.setTimeout)(ms) };
}
var originNs = process.hrtime.bigint();
var monotonicClock = monotonicClockFrom(originNs);

// src/measure/io/client-cost.ts
var import_node_fs = require("node:fs");
var import_node_perf_hooks = require("node:perf_hooks");
function openCostMeter(path = "/proc/self/schedstat") {
  let gcNs = 0;
  new import_node_perf_hooks.PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) gcNs += Math.round(duration * 1e6);
  }).observe({ entryTypes: ["gc"] });
  let file = null;
  try {
    file = (0, import_node_fs.openSync)(path, "r");
  } catch {
  }
  const buffer = Buffer.alloc(128);
  const waitNs = () => {
    if (file === null) return null;
    const length = (0, import_node_fs.readSync)(file, buffer, 0, buffer.length, 0);
    const wait = Number(buffer.toString("latin1", 0, length).split(" ")[1]);
    return Number.isSafeInteger(wait) ? wait : null;
  };
  return { waitNs, read: () => ({ waitNs: waitNs(), gcNs }) };
}

// src/measure/io/measuring-sidecar-main.ts
var cost = openCostMeter();
var client = null;
var packed = ({ chunks, ...rest }) => ({
  ...rest,
  chunks: chunks.map(({ tNs, bytes }) => [tNs, Buffer.from(bytes).toString("base64")])
});
async function obey(command) {
  if (command.op === "open") {
    client = new MeasuringClient(
      command.target,
      command.rules,
      monotonicClockFrom(BigInt(command.originNs)),
      cost
    );
    return true;
  }
  if (!client) throw new Error("open comes first");
  if (command.op === "healthy") return await client.healthy();
  if (command.op === "ask") return packed(await client.ask(command.body));
  return packed(await client.post(command.path, command.body, command.seconds, command.maxBytes));
}
async function main() {
  for await (const line of (0, import_node_readline.createInterface)({ input: process.stdin, crlfDelay: Infinity })) {
    const command = JSON.parse(line);
    const result = await obey(command);
    process.stdout.write(`${JSON.stringify({ id: command.id, result })}
`);
  }
  process.exit(0);
}
void main();
