// Tests of the measuring HTTP client against honest and hostile servers.
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Exchange } from '../load-client.ts';
import { MeasuringClient } from './measuring-client.ts';
import { openCostMeter } from './client-cost.ts';
import { monotonicClock } from '../../node/monotonic-clock.ts';

const deadlines = { start: 5, connect: 1, firstByte: 0.6, interChunk: 0.5, request: 1.5 };
const limits = {
  headerBytes: 16_384,
  informational: 16,
  lineBytes: 4096,
  bodyBytes: 100_000,
  chunks: 1000,
  events: 1000,
};
const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n';
const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const OPEN = `${HEAD}transfer-encoding: chunked\r\n\r\n`;
const CLOSE = '0\r\n\r\n';

const servers: Server[] = [];
const sockets = new Set<Socket>();
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) server.close();
  sockets.clear();
});

/** A raw TCP server: `answer` gets the socket once a whole request has arrived. */
async function hostile(answer: (socket: Socket, nth: number) => void): Promise<string> {
  let requests = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    let text = '';
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      text += data.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
      if (end < 0 || text.length < end + 4 + length) return;
      text = '';
      answer(socket, requests++);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
const cost = openCostMeter();
function clientOf(url: string): MeasuringClient {
  const { hostname, port } = new URL(url);
  return new MeasuringClient(
    { host: hostname, port: Number(port) },
    { deadlines, limits },
    monotonicClock,
    cost,
  );
}
async function ask(answer: (socket: Socket, nth: number) => void, times = 1): Promise<Exchange> {
  const client = clientOf(await hostile(answer));
  let last: Exchange | undefined;
  for (let i = 0; i < times; i++) last = await client.ask('{"prompt":"x"}');
  client.close();
  return last!;
}
const outcome = async (answer: (socket: Socket, nth: number) => void): Promise<string> =>
  (await ask(answer)).end.outcome;
const drip = (socket: Socket, text: string): void => {
  const timer = setInterval(
    () => (socket.destroyed ? clearInterval(timer) : socket.write(text)),
    100,
  );
};

describe('the measuring client against hostile servers', () => {
  it('records bytes and their times from an honest one', async () => {
    const exchange = await ask((socket) => {
      socket.write(OPEN + chunk('data: one\n\n'));
      setTimeout(() => socket.write(chunk('data: two\n\n') + CLOSE), 60);
    });
    expect(exchange.end).toMatchObject({ outcome: 'done', status: 200 });
    expect(exchange.chunks.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual([
      'data: one\n\n',
      'data: two\n\n',
    ]);
    const [first, second] = exchange.chunks;
    expect(first!.tNs).toBeGreaterThan(exchange.sentNs);
    expect(second!.tNs - first!.tNs).toBeGreaterThan(45e6);
  });
  it('keeps one connection, and H26 opens a new one where the server closes it', async () => {
    let connections = 0;
    const url = await hostile((socket) => socket.end(OPEN + chunk('data: x\n\n') + CLOSE));
    servers[0]!.on('connection', () => connections++);
    const client = clientOf(url);
    for (let i = 0; i < 3; i++) expect((await client.ask('{}')).end.outcome).toBe('done');
    client.close();
    expect(connections).toBe(3);
    const kept = await ask((socket) => socket.write(OPEN + chunk('data: x\n\n') + CLOSE), 3);
    expect(kept.end.outcome).toBe('done');
  });
  it('H11 caps response headers', async () => {
    expect(await outcome((socket) => socket.write(`${HEAD}x: ${'a'.repeat(20_000)}\r\n\r\n`))).toBe(
      'limit',
    );
  });
  it('H12 ends a header drip', async () => {
    expect(
      await outcome((socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        drip(socket, 'x: y\r\n');
      }),
    ).toBe('timeout');
  });
  it('H13 caps informational responses', async () => {
    expect(
      await outcome((socket) => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(1000))),
    ).toBe('limit');
  });
  it('H14 refuses an upgrade within a second', async () => {
    const began = monotonicClock.nowNs();
    expect(
      await outcome((socket) =>
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
        ),
      ),
    ).toBe('protocol');
    expect(monotonicClock.nowNs() - began).toBeLessThan(1e9);
  });
  it('H15 follows no redirect', async () => {
    let hits = 0;
    const canary = await hostile(() => hits++);
    expect(
      await outcome((socket) =>
        socket.write(`HTTP/1.1 302 Found\r\nlocation: ${canary}\r\ncontent-length: 0\r\n\r\n`),
      ),
    ).toBe('protocol');
    expect(hits).toBe(0);
  });
  it('H16 refuses a content-encoding, and allows identity', async () => {
    expect(
      await outcome((socket) =>
        socket.write(`${HEAD}content-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n`),
      ),
    ).toBe('protocol');
    expect(
      await outcome((socket) =>
        socket.write(
          `${HEAD}content-encoding: identity\r\ntransfer-encoding: chunked\r\n\r\n${CLOSE}`,
        ),
      ),
    ).toBe('done');
  });
  it.each([
    ['H17 both lengths', `${HEAD}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n${CLOSE}`],
    ['H18 a bad chunk size', `${OPEN}zz\r\nhello\r\n`],
    ['H27 an SSH banner', 'SSH-2.0-OpenSSH_9.0\r\n'],
    ['H27 HTTP/0.9', '<html>hello</html>'],
  ])('%s is a protocol fault', async (_, text) => {
    expect(await outcome((socket) => socket.write(text))).toBe('protocol');
  });
  it('H19 H22 calls a short or broken body closed', async () => {
    expect(await outcome((socket) => socket.end(`${HEAD}content-length: 500\r\n\r\nshort`))).toBe(
      'closed',
    );
    expect(
      await outcome((socket) => {
        socket.write(OPEN + chunk('data: x\n\n'));
        setTimeout(() => socket.resetAndDestroy(), 20);
      }),
    ).toBe('closed');
  });
  it('H21 H28 caps the body and its lines', async () => {
    expect(await outcome((socket) => socket.write(OPEN + chunk('data: x\n'.repeat(20_000))))).toBe(
      'limit',
    );
    expect(await outcome((socket) => socket.write(OPEN + chunk('a'.repeat(9000))))).toBe('limit');
  });
  it('H24 reports the first wrong status', async () => {
    expect(
      (await ask((socket) => socket.write('HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n'))).end,
    ).toMatchObject({
      outcome: 'status',
      status: 503,
    });
  });
  it('H25 ends a trickle by the total deadline, silence by the others', async () => {
    expect(
      (
        await ask((socket) => {
          socket.write(OPEN);
          drip(socket, chunk('x'));
        })
      ).end,
    ).toMatchObject({ outcome: 'timeout', detail: 'request deadline of 1.5 s' });
    expect((await ask(() => undefined)).end.detail).toContain('firstByte');
    expect((await ask((socket) => socket.write(OPEN + chunk('data: x\n\n')))).end.detail).toContain(
      'interChunk',
    );
  });
  it('calls an unreachable server refused', async () => {
    const client = clientOf('http://127.0.0.1:1');
    expect((await client.ask('{}')).end.outcome).toBe('refused');
    expect(await client.healthy()).toBe(false);
    client.close();
  });
  it('H44 sends no header that tells anything', async () => {
    let seen = '';
    const url = await hostile((socket) => socket.write(OPEN + CLOSE));
    servers[0]!.on('connection', (socket: Socket) =>
      socket.on('data', (data) => (seen += data.toString())),
    );
    const client = clientOf(url);
    await client.ask('{}');
    client.close();
    expect(
      seen
        .split('\r\n')
        .filter((line) => line.includes(':'))
        .map((line) => line.split(':')[0]!.toLowerCase())
        .sort(),
    ).toEqual([
      'accept',
      'accept-encoding',
      'connection',
      'content-length',
      'content-type',
      'host',
    ]);
  });
});
