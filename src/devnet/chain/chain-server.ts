// WebSocket server of the embedded development chain, with snapshots on disk.
import { existsSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { CacheonError } from '../../core/errors.ts';
import { writeWhole } from '../../node/atomic-file.ts';
import { devGenesis, type GenesisOptions } from './genesis.ts';
import { ChainNode, type NodeSnapshot } from './node.ts';
import { rpcError, RpcError, rpcMethods, type Subscriber } from './rpc.ts';

/** Largest JSON-RPC message. */
const MAX_MESSAGE = 8 * 1024 * 1024;

class DevnetError extends CacheonError<'PORT_IN_USE' | 'CANNOT_LISTEN' | 'BAD_SNAPSHOT'> {}

export type ChainServer = {
  readonly node: ChainNode;
  readonly url: string;
  close(): Promise<void>;
};
export type ChainServerOptions = GenesisOptions & { port?: number; stateFile?: string };

type Request = { id?: number | string; method?: unknown; params?: unknown };

/**
 * Starts the embedded chain on loopback. With a state file it goes on where that file left off, and
 * writes it when it closes.
 */
export async function startChain(options: ChainServerOptions = {}): Promise<ChainServer> {
  const { stateFile } = options;
  let snapshot: NodeSnapshot | undefined;
  if (stateFile !== undefined && existsSync(stateFile)) {
    try {
      snapshot = JSON.parse(readFileSync(stateFile, 'utf8')) as NodeSnapshot;
    } catch (error) {
      throw new DevnetError(
        'BAD_SNAPSHOT',
        'usage',
        `${stateFile} is not a chain snapshot`,
        'name a file written by the embedded chain, or a new one',
      ).causedBy(error);
    }
  }
  const node = snapshot
    ? new ChainNode(snapshot.genesis, snapshot)
    : new ChainNode(devGenesis(options));
  const save = (): string | null => {
    if (stateFile === undefined) return null;
    writeWhole(stateFile, JSON.stringify(node.snapshot()));
    return stateFile;
  };
  const methods = rpcMethods(node, { save });
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port: options.port ?? 0,
    maxPayload: MAX_MESSAGE,
    perMessageDeflate: false,
  });
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', (error: NodeJS.ErrnoException) => {
      const busy = error.code === 'EADDRINUSE';
      reject(
        new DevnetError(
          busy ? 'PORT_IN_USE' : 'CANNOT_LISTEN',
          'usage',
          busy ? `port ${options.port ?? 0} is in use` : error.message,
          'choose another port with --port',
        ).causedBy(error),
      );
    });
  });
  server.on('connection', (socket) => serve(socket, methods));
  const timer =
    node.genesis.blockMs === null ? null : setInterval(() => node.build(), node.genesis.blockMs);
  return {
    node,
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      if (timer) clearInterval(timer);
      node.stop();
      save();
      for (const client of server.clients) client.terminate();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function serve(socket: WebSocket, methods: ReturnType<typeof rpcMethods>): void {
  const open = new Map<string, () => void>();
  let next = 0;
  const send = (message: unknown): void => {
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message));
  };
  const answer = (request: Request): unknown => {
    // The reply to a subscription goes out before its first notification: clients route by the id
    // in the reply.
    const later: (() => void)[] = [];
    let replied = false;
    const subscriber: Subscriber = {
      start: (method, begin) => {
        const id = `s${++next}`;
        const stop = begin((result) => {
          const push = (): void =>
            send({ jsonrpc: '2.0', method, params: { subscription: id, result } });
          if (replied) push();
          else later.push(push);
        });
        open.set(id, stop);
        return id;
      },
      stop: (id) => {
        open.get(id)?.();
        return open.delete(id);
      },
    };
    const id = request.id ?? null;
    try {
      if (typeof request.method !== 'string') throw new RpcError(-32600, 'Invalid request');
      const method = Object.hasOwn(methods, request.method) ? methods[request.method] : undefined;
      if (!method) throw new RpcError(-32601, 'Method not found');
      const result = method(
        Array.isArray(request.params) ? (request.params as unknown[]) : [],
        subscriber,
      );
      return { jsonrpc: '2.0', id, result };
    } catch (error) {
      return { jsonrpc: '2.0', id, error: rpcError(error) };
    } finally {
      setImmediate(() => {
        replied = true;
        for (const push of later) push();
      });
    }
  };
  socket.on('message', (data: Buffer) => {
    let parsed: unknown;
    try {
      parsed = JSON.parse(data.toString('utf8'));
    } catch {
      send({ jsonrpc: '2.0', id: null, error: { code: -32700, message: 'Parse error' } });
      return;
    }
    send(
      Array.isArray(parsed)
        ? parsed.map((item) => answer(item as Request))
        : answer(parsed as Request),
    );
  });
  socket.on('close', () => {
    for (const stop of open.values()) stop();
  });
  socket.on('error', () => undefined);
}
