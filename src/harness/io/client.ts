import { Agent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import type { Arena } from '../arena.ts';
import type { Exchange, LoadClient } from '../client.ts';
import type { Outcome } from '../trace.ts';

/** How long one health request may take. */
const HEALTH_MS = 2000;

type Finish = (outcome: Outcome, detail: string) => void;

/**
 * HTTP/1.1 client of the measurement: one warm keep-alive connection, no redirects, no decompression, strict parser, every size and time
 * limited. Stamps are taken in the socket's callback; bytes are kept and parsed after the run, so parsing cannot delay a stamp.
 */
export function openClient(url: string, arena: Pick<Arena, 'deadlines' | 'limits'>, clock: Clock): LoadClient {
  const base = new URL(url);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const target = { host: base.hostname.replace(/^\[|\]$/g, ''), port: base.port === '' ? 80 : Number(base.port), agent };

  const healthy = (): Promise<boolean> =>
    new Promise((resolve) => {
      const probe = httpRequest(
        { ...target, agent: false, path: '/health', method: 'GET', timeout: HEALTH_MS, maxHeaderSize: arena.limits.headerBytes },
        (response) => {
          resolve(response.statusCode === 200);
          response.destroy();
        },
      );
      const timer = setTimeout(() => probe.destroy(), HEALTH_MS);
      probe.on('close', () => {
        clearTimeout(timer);
        resolve(false);
      });
      probe.on('timeout', () => probe.destroy());
      probe.on('error', () => resolve(false));
      probe.on('upgrade', (_response: IncomingMessage, socket: Socket) => socket.destroy());
      probe.end();
    });

  const ask = async (body: string): Promise<Exchange> => {
    const first = await attempt(body);
    // A kept connection may have been closed while idle: nothing of the prompt was answered, so it is opened anew, outside `sent`.
    if (!first.stale) return first;
    // The clock keeps running from the first time the prompt left: a server that reads it, works and then hangs up wins nothing.
    const second = await attempt(body);
    return first.asked ? { ...second, sentNs: first.sentNs } : second;
  };

  const attempt = (body: string): Promise<Exchange & { stale: boolean; asked: boolean }> =>
    new Promise((resolve) => {
      const { deadlines, limits } = arena;
      const chunks: { tNs: number; bytes: Uint8Array }[] = [];
      let sentNs = clock.nowNs();
      let status: number | null = null;
      let informational = 0;
      let bytes = 0;
      let lineBytes = 0;
      let settled = false;
      let answered = false;
      let asked = false;
      const timers = new Map<string, NodeJS.Timeout>();
      const arm = (name: string, seconds: number): void => {
        clearTimeout(timers.get(name));
        timers.set(
          name,
          setTimeout(() => finish('timeout', `${name} deadline of ${seconds} s`), seconds * 1000),
        );
      };
      const disarm = (name: string): void => clearTimeout(timers.get(name));
      const finish: Finish = (outcome, detail) => {
        if (settled) return;
        settled = true;
        const tNs = clock.nowNs();
        for (const timer of timers.values()) clearTimeout(timer);
        if (outcome !== 'done') request.destroy();
        resolve({
          sentNs,
          chunks,
          end: { tNs, status, outcome, detail: detail.slice(0, 200) },
          stale: outcome === 'closed' && !answered && request.reusedSocket,
          asked,
        });
      };

      const request: ClientRequest = httpRequest({
        ...target,
        path: '/v1/chat/completions',
        method: 'POST',
        maxHeaderSize: limits.headerBytes,
        insecureHTTPParser: false,
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          accept: 'text/event-stream',
          'accept-encoding': 'identity',
        },
      });
      arm('connect', deadlines.connect);
      arm('request', deadlines.connect + deadlines.request);
      const send = (): void => {
        if (settled) return;
        disarm('connect');
        arm('request', deadlines.request);
        arm('firstByte', deadlines.firstByte);
        asked = true;
        sentNs = clock.nowNs();
        request.end(body);
      };
      request.on('socket', (socket) => {
        // Headers first, the prompt only on a connected socket: set-up stays outside the measured time.
        socket.setNoDelay(true);
        request.flushHeaders();
        if (socket.connecting) socket.once('connect', () => setImmediate(send));
        else setImmediate(send);
      });
      request.on('information', () => {
        answered = true;
        if (++informational > limits.informational) finish('limit', `more than ${limits.informational} informational responses`);
      });
      request.on('upgrade', (_response, socket) => {
        socket.destroy();
        finish('protocol', 'an upgrade nobody asked for');
      });
      request.on('error', (error: NodeJS.ErrnoException) => {
        const code = error.code ?? '';
        if (code === 'HPE_HEADER_OVERFLOW' || code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW')
          finish(code === 'HPE_HEADER_OVERFLOW' ? 'limit' : 'protocol', code);
        else if (code.startsWith('HPE_')) finish('protocol', code);
        else if (code === 'ECONNREFUSED') finish('refused', 'connection refused');
        else finish('closed', code || error.message);
      });
      request.on('close', () => finish('closed', 'the connection closed without a response'));
      request.on('response', (response) => {
        answered = true;
        status = response.statusCode ?? null;
        const encoding = response.headers['content-encoding'];
        if (status !== null && status >= 300 && status < 400) {
          finish('protocol', `redirect (status ${status})`);
          return;
        }
        if (status !== null && status < 200) {
          finish('protocol', `status ${status} as a final answer`);
          return;
        }
        if (status !== 200) {
          finish('status', `status ${status ?? 'none'}`);
          return;
        }
        if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
          finish('protocol', 'content-encoding nobody asked for');
          return;
        }
        if (response.headers['transfer-encoding'] !== undefined && response.headers['content-length'] !== undefined) {
          finish('protocol', 'both content-length and transfer-encoding');
          return;
        }
        response.on('data', (chunk: Buffer) => {
          const tNs = clock.nowNs();
          if (settled) return;
          disarm('firstByte');
          arm('interChunk', deadlines.interChunk);
          chunks.push({ tNs, bytes: chunk });
          bytes += chunk.length;
          const newline = chunk.lastIndexOf(10);
          lineBytes = newline < 0 ? lineBytes + chunk.length : chunk.length - 1 - newline;
          if (bytes > limits.bodyBytes) finish('limit', `body larger than ${limits.bodyBytes} bytes`);
          else if (lineBytes > limits.lineBytes) finish('limit', `a line longer than ${limits.lineBytes} bytes`);
          else if (chunks.length > limits.chunks) finish('limit', `more than ${limits.chunks} chunks`);
        });
        response.on('end', () => finish('done', ''));
        response.on('aborted', () => finish('closed', 'the body ended early'));
        response.on('error', (error: NodeJS.ErrnoException) =>
          error.code?.startsWith('HPE_') === true
            ? finish('protocol', error.code)
            : finish('closed', error.code ?? error.message),
        );
      });
    });

  return { healthy, ask, close: () => agent.destroy() };
}
