const __bundle_url=require('node:url').pathToFileURL(__filename).href;
"use strict";

// src/measure/io/measuring-sidecar-main.ts
var import_node_readline = require("node:readline");

// src/measure/io/measuring-client.ts
var import_node_net = require("node:net");

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

// src/measure/io/measuring-client.ts
var READ_BYTES = 64 * 1024;
var SLAB_BYTES = 1024 * 1024;
var HEALTH_SECONDS = 2;
function drain(line) {
  const { inbox } = line;
  if (inbox.length === 0) return;
  line.inbox = [];
  for (const { tNs, bytes } of inbox) {
    if (line.listener) line.listener(bytes, tNs);
    else line.stray += bytes.length;
  }
}
var MeasuringClient = class {
  #target;
  #rules;
  #clock;
  #cost;
  #line = null;
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
    const line = this.#newLine();
    const head = `GET /health HTTP/1.1\r
${this.#host()}\r
`;
    const { end } = await this.#attempt(line, {
      head,
      body: "",
      deadlines,
      limits: this.#rules.limits
    });
    line.socket.destroy();
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
    this.#line?.socket.destroy();
    this.#line = null;
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
  #newLine() {
    const clock = this.#clock;
    let slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    let used = 0;
    const callback = (size, buffer) => {
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
    const socket = (0, import_node_net.connect)({
      ...this.#target,
      noDelay: true,
      onread: { buffer: Buffer.alloc(READ_BYTES), callback }
    });
    const line = { socket, used: false, stray: 0, inbox: [], listener: null };
    socket.on("error", () => void 0);
    return line;
  }
  #attempt(line, { head, body, deadlines, limits }) {
    const clock = this.#clock;
    const cost2 = this.#cost;
    const { socket } = line;
    const reader = new ResponseReader(limits);
    const chunks = [];
    const reused = line.used;
    line.used = true;
    let sentNs = clock.nowNs();
    const startNs = sentNs;
    let lastNs = sentNs;
    let asked = false;
    let bodyBytes = 0;
    let lineBytes = 0;
    let firstWaitNs = null;
    let sentWaitNs = null;
    const since = (before) => {
      const now = cost2.waitNs();
      return before === null || now === null ? null : now - before;
    };
    return new Promise((resolve) => {
      let timer;
      let settled = false;
      const settle = (outcome, detail) => {
        if (settled) return;
        settled = true;
        const tNs = clock.nowNs();
        clearTimeout(timer);
        line.listener = null;
        socket.removeListener("close", onClose);
        socket.removeListener("end", onEnd);
        socket.removeListener("error", onError);
        if (outcome !== "done" || reader.closes) socket.destroy();
        const stale = outcome === "closed" && reused && !reader.started;
        resolve({
          sentNs,
          chunks,
          end: { tNs, status: reader.status, outcome, detail: detail.slice(0, 200) },
          firstWaitNs,
          stale,
          asked
        });
      };
      const due = () => {
        if (!asked) return { name: "connect", atNs: startNs + deadlines.connect * 1e9 };
        const quiet = chunks.length === 0 ? { name: "firstByte", atNs: sentNs + deadlines.firstByte * 1e9 } : { name: "interChunk", atNs: lastNs + deadlines.interChunk * 1e9 };
        const whole = { name: "request", atNs: sentNs + deadlines.request * 1e9 };
        return whole.atNs <= quiet.atNs ? whole : quiet;
      };
      const watch = () => {
        if (settled) return;
        clearTimeout(timer);
        timer = setTimeout(late, Math.max(0, (due().atNs - clock.nowNs()) / 1e6) + 1);
      };
      const late = () => {
        if (due().atNs > clock.nowNs()) {
          watch();
          return;
        }
        setImmediate(() => {
          drain(line);
          const { name, atNs } = due();
          if (settled) return;
          if (atNs > clock.nowNs()) watch();
          else settle("timeout", `${name} deadline of ${deadlines[name]} s`);
        });
      };
      const part = (bytes) => {
        bodyBytes += bytes.length;
        const newline = bytes.lastIndexOf(10);
        lineBytes = newline < 0 ? lineBytes + bytes.length : bytes.length - 1 - newline;
        if (bodyBytes > limits.bodyBytes)
          settle("limit", `body larger than ${limits.bodyBytes} bytes`);
        else if (lineBytes > limits.lineBytes)
          settle("limit", `a line longer than ${limits.lineBytes} bytes`);
      };
      line.listener = (bytes, tNs) => {
        if (settled) return;
        if (!asked) {
          settle("protocol", "an answer before the request");
          return;
        }
        if (!reader.started) firstWaitNs = since(sentWaitNs);
        lastNs = tNs;
        const parts = [];
        reader.push(bytes, (piece) => {
          parts.push(piece);
          part(piece);
        });
        if (parts.length > 0)
          chunks.push({ tNs, bytes: parts.length === 1 ? parts[0] : Buffer.concat(parts) });
        if (reader.fault) settle(reader.fault.outcome, reader.fault.detail);
        else if (reader.status !== null && reader.status !== 200)
          settle("status", `status ${reader.status}`);
        else if (chunks.length > limits.chunks)
          settle("limit", `more than ${limits.chunks} chunks`);
        else if (reader.done) settle("done", "");
      };
      const onEnd = () => {
        drain(line);
        if (reader.close()) settle("done", "");
        else
          settle(
            "closed",
            reader.started ? "the body ended early" : "the connection closed without a response"
          );
      };
      const onClose = () => onEnd();
      const onError = (error) => {
        drain(line);
        if (error.code === "ECONNREFUSED") settle("refused", "connection refused");
        else if (error.code === "EADDRNOTAVAIL")
          settle("timeout", "no free port is left to connect from");
        else settle("closed", error.code ?? error.message);
      };
      socket.on("end", onEnd);
      socket.on("close", onClose);
      socket.on("error", onError);
      const send = () => {
        drain(line);
        if (settled) return;
        if (line.stray > 0) {
          settle("protocol", `${line.stray} bytes on an idle connection`);
          return;
        }
        socket.cork();
        socket.write(head);
        asked = true;
        sentWaitNs = cost2.waitNs();
        sentNs = clock.nowNs();
        lastNs = sentNs;
        if (body !== "") socket.write(body);
        socket.uncork();
        watch();
      };
      watch();
      if (socket.connecting) socket.once("connect", () => setImmediate(send));
      else setImmediate(send);
    });
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
