const __bundle_url=require('node:url').pathToFileURL(__filename).href;
"use strict";

// src/measure/io/ground-truth-main.ts
var import_node_net = require("node:net");
var DEFAULT = { ttftMs: 20, itlMs: 2, tokens: 256 };
var streams = /* @__PURE__ */ new Set();
var ticker = null;
var chunk = (text) => `${Buffer.byteLength(text).toString(16)}\r
${text}\r
`;
function event(stream) {
  const role = stream.first ? '"role":"assistant",' : "";
  const finish = stream.left === 1 ? '"length"' : "null";
  return `data: {"id":"t","object":"chat.completion.chunk","created":0,"model":"truth","choices":[{"index":0,"delta":{${role}"content":" ${process.hrtime.bigint()}"},"finish_reason":${finish}}]}

`;
}
function tick() {
  for (const stream of streams) {
    stream.socket.write(chunk(event(stream)));
    stream.first = false;
    if (--stream.left > 0) continue;
    stream.socket.write(`${chunk("data: [DONE]\n\n")}0\r
\r
`);
    streams.delete(stream);
  }
  if (streams.size > 0) return;
  if (ticker) clearInterval(ticker);
  ticker = null;
}
function begin(stream) {
  streams.add(stream);
  ticker ??= setInterval(tick, stream.wish.itlMs);
}
function blast(stream) {
  const many = () => {
    while (stream.left > 0) {
      let block = "";
      for (let i = 0; i < 64 && stream.left > 0; i++, stream.left--) block += chunk(event(stream));
      if (!stream.socket.write(block)) {
        stream.socket.once("drain", many);
        return;
      }
    }
    stream.socket.write(`${chunk("data: [DONE]\n\n")}0\r
\r
`);
  };
  many();
}
function answer(socket, path, body) {
  if (path === "/health" || path === "/v1/models") {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    return;
  }
  const wish = { ...DEFAULT, ...JSON.parse(body).truth ?? {} };
  socket.write(
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
  );
  const stream = { socket, wish, left: wish.tokens, first: true };
  if (wish.itlMs === 0) blast(stream);
  else setTimeout(() => begin(stream), wish.ttftMs);
}
var server = (0, import_node_net.createServer)({ noDelay: true }, (socket) => {
  let text = "";
  socket.on("error", () => void 0);
  socket.on("close", () => {
    for (const stream of streams) if (stream.socket === socket) streams.delete(stream);
  });
  socket.on("data", (data) => {
    text += data.toString("latin1");
    for (; ; ) {
      const head = text.indexOf("\r\n\r\n");
      if (head < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(text.slice(0, head))?.[1] ?? 0);
      if (text.length < head + 4 + length) return;
      const path = text.split(" ", 2)[1] ?? "/";
      const body = text.slice(head + 4, head + 4 + length);
      text = text.slice(head + 4 + length);
      answer(socket, path, body);
    }
  });
});
if (process.env["CACHEON_LEASH"] === "stdin")
  process.stdin.on("close", () => process.exit(0)).resume();
var port = Number(process.argv[process.argv.indexOf("--port") + 1] ?? 0) || 0;
server.listen(port, "127.0.0.1", () => {
  process.stdout.write(
    `${JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` })}
`
  );
});
