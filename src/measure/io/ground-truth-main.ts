// The ground truth: a server that writes into every event when it wrote it, on the machine's
// monotonic clock. A client that is measured against it shows its own error. Every stream of a tick
// gets its event at the same instant, as an inference step does. `--port N` (default: any free
// one); prints one JSON line with its URL. Imports nothing but Node: the sandbox's image holds it
// too.
import { createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

type Wish = { ttftMs: number; itlMs: number; tokens: number };
type Stream = { readonly socket: Socket; readonly wish: Wish; left: number; first: boolean };

const DEFAULT: Wish = { ttftMs: 20, itlMs: 2, tokens: 256 };
const streams = new Set<Stream>();
let ticker: NodeJS.Timeout | null = null;

const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

/**
 * The stamp is the text itself: a client that keeps an answer's text has every time of writing. The
 * server takes the stamp last.
 */
function event(stream: Stream): string {
  const role = stream.first ? '"role":"assistant",' : '';
  const finish = stream.left === 1 ? '"length"' : 'null';
  return `data: {"id":"t","object":"chat.completion.chunk","created":0,"model":"truth","choices":[{"index":0,"delta":{${role}"content":" ${process.hrtime.bigint()}"},"finish_reason":${finish}}]}\n\n`;
}

function tick(): void {
  for (const stream of streams) {
    stream.socket.write(chunk(event(stream)));
    stream.first = false;
    if (--stream.left > 0) continue;
    stream.socket.write(`${chunk('data: [DONE]\n\n')}0\r\n\r\n`);
    streams.delete(stream);
  }
  if (streams.size > 0) return;
  if (ticker) clearInterval(ticker);
  ticker = null;
}

function begin(stream: Stream): void {
  streams.add(stream);
  ticker ??= setInterval(tick, stream.wish.itlMs);
}

/** No pauses: as fast as the other side takes it, for measuring how fast that is. */
function blast(stream: Stream): void {
  const many = (): void => {
    while (stream.left > 0) {
      let block = '';
      for (let i = 0; i < 64 && stream.left > 0; i++, stream.left--) block += chunk(event(stream));
      if (!stream.socket.write(block)) {
        stream.socket.once('drain', many);
        return;
      }
    }
    stream.socket.write(`${chunk('data: [DONE]\n\n')}0\r\n\r\n`);
  };
  many();
}

function answer(socket: Socket, path: string, body: string): void {
  if (path === '/health' || path === '/v1/models') {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    return;
  }
  const wish = { ...DEFAULT, ...((JSON.parse(body) as { truth?: Partial<Wish> }).truth ?? {}) };
  socket.write(
    'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n',
  );
  const stream = { socket, wish, left: wish.tokens, first: true };
  if (wish.itlMs === 0) blast(stream);
  else setTimeout(() => begin(stream), wish.ttftMs);
}

const server = createServer({ noDelay: true }, (socket) => {
  let text = '';
  socket.on('error', () => undefined);
  socket.on('close', () => {
    for (const stream of streams) if (stream.socket === socket) streams.delete(stream);
  });
  socket.on('data', (data) => {
    text += data.toString('latin1');
    for (;;) {
      const head = text.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(text.slice(0, head))?.[1] ?? 0);
      if (text.length < head + 4 + length) return;
      const path = text.split(' ', 2)[1] ?? '/';
      const body = text.slice(head + 4, head + 4 + length);
      text = text.slice(head + 4 + length);
      answer(socket, path, body);
    }
  });
});

if (process.env['CACHEON_LEASH'] === 'stdin')
  process.stdin.on('close', () => process.exit(0)).resume();
const port = Number(process.argv[process.argv.indexOf('--port') + 1] ?? 0) || 0;
server.listen(port, '127.0.0.1', () => {
  process.stdout.write(
    `${JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })}\n`,
  );
});
