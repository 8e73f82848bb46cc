// A local stand-in for GitHub's artifact service and REST API, for tests of workflows.
import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
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
  /** Begins another attempt of the run: names are free again, and what there is stays. */
  nextAttempt(): void;
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

/** Artifacts of one run, with the calls of the artifact service. */
class ArtifactStore {
  readonly stored = new Map<string, Stored>();
  readonly #earlier: Stored[] = [];
  readonly #base: () => string;

  constructor(base: () => string) {
    this.#base = base;
  }

  /** Artifacts are kept over the attempts of a run, and a name is taken in its own attempt alone. */
  nextAttempt(): void {
    this.#earlier.push(...this.stored.values());
    this.stored.clear();
  }

  /** The newest artifact of a name. */
  named(name: string): Stored {
    return this.stored.get(name) ?? this.#earlier.findLast((item) => item.name === name)!;
  }

  /** Answers a call of the service; null: there is one of that name already. */
  call(method: string, body: Record<string, unknown>): unknown {
    const name = String(body['name']);
    switch (method) {
      case 'CreateArtifact':
        return this.#create(name);
      case 'FinalizeArtifact': {
        const item = this.stored.get(name)!;
        item.hash = createHash('sha256').update(item.bytes).digest('hex');
        return { ok: true, artifact_id: item.id };
      }
      case 'ListArtifacts':
        return { artifacts: this.#list(body['name_filter'], body['id_filter']) };
      case 'GetSignedArtifactURL':
        return { signed_url: this.#blobUrl(name) };
      case 'DeleteArtifact':
        return { ok: this.stored.delete(name) };
      default:
        throw new Error(`the stand-in has no ${method}`);
    }
  }

  /** Takes a part of an artifact's bytes, as Azure's blobs are uploaded. */
  put(name: string, query: URLSearchParams, body: Buffer): void {
    const item = this.stored.get(name)!;
    const part = query.get('comp');
    if (part === 'block') item.blocks.set(query.get('blockid')!, body);
    else if (part === 'blocklist')
      item.bytes = Buffer.concat(
        [...body.toString().matchAll(/<(?:Latest|Uncommitted|Committed)>([^<]+)</g)].map(([, id]) =>
          item.blocks.get(id!)!,
        ),
      );
    else item.bytes = body;
  }

  // Long, because the client masks it: a short value would turn letters of the log into asterisks.
  #blobUrl(name: string): string {
    return `${this.#base()}/blob/${encodeURIComponent(name)}?sig=${randomBytes(24).toString('hex')}`;
  }

  #create(name: string): unknown {
    if (this.stored.has(name)) return null;
    this.stored.set(name, {
      id: String(this.#earlier.length + this.stored.size + 1),
      name,
      blocks: new Map(),
      bytes: Buffer.alloc(0),
      hash: '',
      createdAt: new Date().toISOString(),
    });
    return { ok: true, signed_upload_url: this.#blobUrl(name) };
  }

  #list(name: unknown, id: unknown): unknown[] {
    return [...this.#earlier, ...this.stored.values()]
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
      }));
  }
}

/** What a repository has beside its runs' artifacts; one of it outlives several runs. */
export type RepositoryState = {
  readonly issues: { number: number; state: string; body: string; labels: string[] }[];
  /** When the watched workflow began, newest first. */
  readonly runs: { created_at: string }[];
};

/** Answers of the REST calls that read or write issues and runs; null for any other. */
function restAnswer(
  { issues, runs }: RepositoryState,
  method: string,
  path: string,
  body: Buffer,
): unknown {
  if (/\/workflows\/[^/]+\/runs$/.test(path)) return { workflow_runs: runs };
  if (!/\/issues(?:\/\d+)?$/.test(path)) return null;
  if (method === 'GET') return issues.filter(({ state }) => state === 'open');
  const given = JSON.parse(body.toString()) as object;
  const number = Number(/\d+$/.exec(path)?.[0] ?? issues.length + 1);
  const found = issues.find((issue) => issue.number === number);
  if (found) return Object.assign(found, given);
  issues.push({ number, state: 'open', body: '', labels: [], ...given });
  return issues.at(-1);
}

/** Answers one request: a call of the artifact service, a blob, or any other REST call. */
function answer(
  { store, calls, state }: { store: ArtifactStore; calls: string[]; state: RepositoryState },
  { method = '', url: path = '/' }: IncomingMessage,
  body: Buffer,
): (response: ServerResponse) => void {
  const url = new URL(path, 'http://stub');
  if (url.pathname.startsWith('/twirp/')) {
    const call = url.pathname.split('/').at(-1)!;
    const found = store.call(call, JSON.parse(body.toString()) as Record<string, unknown>);
    const taken = { code: 'already_exists', msg: 'an artifact with this name already exists' };
    return (response) =>
      response
        .writeHead(found === null ? 409 : 200, { 'content-type': 'application/json' })
        .end(JSON.stringify(found ?? taken));
  }
  if (url.pathname.startsWith('/blob/')) {
    const name = decodeURIComponent(url.pathname.slice('/blob/'.length));
    if (method === 'GET')
      return (response) =>
        response.writeHead(200, { 'content-type': 'application/zip' }).end(store.named(name).bytes);
    store.put(name, url.searchParams, body);
    return (response) => response.writeHead(201).end();
  }
  calls.push(`${method} ${url.pathname}`);
  const rest = restAnswer(state, method, url.pathname, body);
  if (rest !== null)
    return (response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(rest));
  return (response) => response.writeHead(204).end();
}

/**
 * Starts the stub. act's own artifact server does not work with this client (tried), so jobs use
 * this one.
 */
export async function startGithubStub(
  state: RepositoryState = { issues: [], runs: [] },
): Promise<GithubStub> {
  const base = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const store = new ArtifactStore(base);
  const calls: string[] = [];
  const server = createServer((request, response) => {
    read(request)
      .then((body) => answer({ store, calls, state }, request, body)(response))
      .catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: base(),
    get artifacts() {
      return new Map([...store.stored].map(([name, { bytes, hash }]) => [name, { bytes, hash }]));
    },
    calls,
    nextAttempt: () => store.nextAttempt(),
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
