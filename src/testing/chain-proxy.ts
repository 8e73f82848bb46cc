// A proxy before a chain node that counts, falsifies or refuses requests, for tests of clients.
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';

/** What a proxy does with a request: hands it on, answers itself, or ends the connection. */
export type Meddling =
  | 'pass'
  | 'hang-up'
  | { readonly result: unknown }
  | { readonly error: { code: number; message: string } };
export type ProxyOptions = {
  /** Asked for every request, with its number from 1. */
  readonly meddle?: (method: string, params: readonly unknown[], count: number) => Meddling;
};
export type Proxy = {
  readonly url: string;
  /** Methods of all requests so far. */
  readonly requests: string[];
  close(): Promise<void>;
};

type Message = { id?: number; method?: string; params?: unknown[] };

/**
 * A node in front of another node that counts, lies, refuses or hangs up: tests use it to see how
 * clients react.
 */
export async function startProxy(
  target: string,
  { meddle = () => 'pass' }: ProxyOptions = {},
): Promise<Proxy> {
  const requests: string[] = [];
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  await new Promise((resolve) => server.once('listening', resolve));
  server.on('connection', (client) => {
    const node = new WebSocket(target);
    const early: string[] = [];
    node.on('open', () => {
      for (const text of early.splice(0)) node.send(text);
    });
    node.on('message', (data: Buffer) => client.send(data.toString()));
    node.on('close', () => client.close());
    node.on('error', () => client.close());
    client.on('close', () => node.close());
    client.on('error', () => node.close());
    client.on('message', (data: Buffer) => {
      const text = data.toString();
      const { id, method = '', params = [] } = JSON.parse(text) as Message;
      requests.push(method);
      const verdict = meddle(method, params, requests.length);
      if (verdict === 'hang-up') client.terminate();
      else if (verdict !== 'pass') client.send(JSON.stringify({ jsonrpc: '2.0', id, ...verdict }));
      else if (node.readyState === WebSocket.OPEN) node.send(text);
      else early.push(text);
    });
  });
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: async () => {
      for (const client of server.clients) client.terminate();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
