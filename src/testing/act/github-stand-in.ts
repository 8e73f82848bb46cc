// A local stand-in for GitHub's artifact service and REST API, for tests of workflows.
import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A stand-in for the parts of GitHub that jobs talk to: the artifact service and the REST calls we
 * make. Everything stays on loopback.
 */
export type GithubStub = {
  readonly url: string;
  /** Uploaded artifacts by name, of one run. */
  readonly artifacts: Map<string, { bytes: Buffer; hash: string }>;
  /** REST calls other than artifacts: method and path. */
  readonly calls: string[];
  close(): Promise<void>;
};

type Stored = {
  id: string;
  name: string;
  blocks: Map<string, Buffer>;
  bytes: Buffer;
  hash: string;
  createdAt: string;
};

async function read(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts);
}

/**
 * Starts the stub. act's own artifact server does not work with this client (tried), so jobs use
 * this one.
 */
export async function startGithubStub(): Promise<GithubStub> {
  const stored = new Map<string, Stored>();
  const calls: string[] = [];
  const base = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  // Long, because the client masks it: a short value would turn letters of the log into asterisks.
  const blobUrl = (name: string): string =>
    `${base()}/blob/${encodeURIComponent(name)}?sig=${randomBytes(24).toString('hex')}`;
  const service: Record<string, (body: Record<string, unknown>) => unknown> = {
    CreateArtifact: ({ name }) => {
      if (stored.has(String(name))) return null;
      stored.set(String(name), {
        id: String(stored.size + 1),
        name: String(name),
        blocks: new Map(),
        bytes: Buffer.alloc(0),
        hash: '',
        createdAt: new Date().toISOString(),
      });
      return { ok: true, signed_upload_url: blobUrl(String(name)) };
    },
    FinalizeArtifact: ({ name }) => {
      const item = stored.get(String(name))!;
      item.hash = createHash('sha256').update(item.bytes).digest('hex');
      return { ok: true, artifact_id: item.id };
    },
    ListArtifacts: ({ name_filter: name, id_filter: id }) => ({
      artifacts: [...stored.values()]
        .filter(
          (item) =>
            (typeof name !== 'string' || item.name === name) &&
            (typeof id !== 'string' || item.id === id),
        )
        .map((item) => ({
          workflow_run_backend_id: 'run',
          workflow_job_run_backend_id: 'job',
          database_id: item.id,
          name: item.name,
          size: String(item.bytes.length),
          created_at: item.createdAt,
          digest: `sha256:${item.hash}`,
        })),
    }),
    GetSignedArtifactURL: ({ name }) => ({ signed_url: blobUrl(String(name)) }),
    DeleteArtifact: ({ name }) => ({ ok: stored.delete(String(name)) }),
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://stub');
    void read(request).then((body) => {
      const method = url.pathname.split('/').at(-1)!;
      if (url.pathname.startsWith('/twirp/') && service[method]) {
        const answer = service[method](JSON.parse(body.toString()) as Record<string, unknown>);
        response.writeHead(answer === null ? 409 : 200, { 'content-type': 'application/json' });
        response.end(
          JSON.stringify(
            answer ?? { code: 'already_exists', msg: 'an artifact with this name already exists' },
          ),
        );
        return;
      }
      if (url.pathname.startsWith('/blob/')) {
        const item = stored.get(decodeURIComponent(url.pathname.slice('/blob/'.length)))!;
        if (request.method === 'GET') {
          response.writeHead(200, { 'content-type': 'application/zip' }).end(item.bytes);
          return;
        }
        if (url.searchParams.get('comp') === 'block')
          item.blocks.set(url.searchParams.get('blockid')!, body);
        else if (url.searchParams.get('comp') === 'blocklist')
          item.bytes = Buffer.concat(
            [...body.toString().matchAll(/<(?:Latest|Uncommitted|Committed)>([^<]+)</g)].map(
              ([, id]) => item.blocks.get(id!)!,
            ),
          );
        else item.bytes = body;
        response.writeHead(201).end();
        return;
      }
      calls.push(`${request.method ?? ''} ${url.pathname}`);
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: base(),
    get artifacts() {
      return new Map([...stored].map(([name, { bytes, hash }]) => [name, { bytes, hash }]));
    },
    calls,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/**
 * A token of the form that the artifact client reads its run from. It has no valid signature: the
 * stub believes it.
 */
export function runtimeToken(run: string): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part({ scp: `Actions.Results:${run}:job` })}.unsigned`;
}
