// Loopback registry through which the Docker engine pulls only verified content.
import { createReadStream, createWriteStream, mkdirSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ImageError, wrongBytes } from '../errors.ts';
import type { LayerDescriptor } from '../image-store.ts';
import { relayBlob } from './layers.ts';
import type { Repository } from './registry.ts';

/** The relay's name for every image: only its digest means anything. */
const NAME = 'cacheon';
const OCI = 'application/vnd.oci.image.';

type Descriptor = { readonly digest: string; readonly size?: number; readonly mediaType?: string };
type Manifest = {
  readonly mediaType?: string;
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
};

/** Trouble between us and the registry; `gone` says what the registry does not have. */
type Trouble = { readonly gone: string } | { readonly error: Error };

/** What an engine asks for, read from its request. */
type Asked = { readonly kind: 'manifests' | 'blobs'; readonly digest: string };

function askedOf({ url }: IncomingMessage): Asked | null {
  const groups = /^\/v2\/cacheon\/(?<kind>manifests|blobs)\/(?<digest>sha256:[0-9a-f]{64})$/.exec(
    url ?? '',
  )?.groups;
  return groups ? { kind: groups['kind'] as Asked['kind'], digest: groups['digest']! } : null;
}

/** The answer to a request: its head, and its body where one is asked for. */
function send(
  { method }: IncomingMessage,
  response: ServerResponse,
  head: { readonly digest: string; readonly type: string; readonly size: number },
  body?: string,
): void {
  response.writeHead(200, {
    'content-type': head.type,
    'content-length': head.size,
    'docker-content-digest': head.digest,
  });
  if (method === 'HEAD') response.end();
  else if (body !== undefined) response.end(body);
}

/** One image of a registry, on loopback, while an engine pulls it. */
export class Relay {
  readonly #repository: Repository;
  readonly #digest: string;
  readonly #folder: string;
  readonly #onTrouble: () => void;
  readonly #server: Server;
  /** What the image's manifest names: nothing else is given out. */
  readonly #manifests: Set<string>;
  readonly #configs = new Set<string>();
  readonly #layers = new Map<string, LayerDescriptor>();
  /** Layers under way or here, by digest, as files. */
  readonly #files = new Map<string, Promise<string>>();
  readonly #sources = new Set<IncomingMessage>();
  #trouble: Trouble | null = null;
  #reached = false;
  #closed = false;
  #bytes = 0;

  constructor(repository: Repository, digest: string, folder: string, onTrouble: () => void) {
    this.#repository = repository;
    this.#digest = digest;
    this.#manifests = new Set([digest]);
    this.#folder = folder;
    this.#onTrouble = onTrouble;
    this.#server = createServer((request, response) => {
      this.#reached = true;
      this.#answer(request, response).catch((thrown: unknown) =>
        this.#fail(thrown as NodeJS.ErrnoException, response),
      );
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', resolve);
    });
  }

  /** What an engine on this machine pulls. */
  get name(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}/${NAME}@${this.#digest}`;
  }

  /** Null where there was no trouble. */
  trouble(): Trouble | null {
    return this.#trouble;
  }

  /** Whether the engine sent any request. */
  reached(): boolean {
    return this.#reached;
  }

  /** Bytes of the layers that were asked for: here already, and in all. */
  moved(): { readonly bytes: number; readonly of: number } {
    const sizes = [...this.#files.keys()].map((key) => this.#layers.get(key)!.size);
    return { bytes: this.#bytes, of: sizes.reduce((sum, size) => sum + size, 0) };
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const source of this.#sources) source.destroy();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
    // Not waited for: a registry may still owe the head of an answer.
    void Promise.allSettled(this.#files.values())
      .then(() => rm(this.#folder, { recursive: true, force: true }))
      .catch(() => undefined); // the next start clears the spool
  }

  #fail(error: NodeJS.ErrnoException, response: ServerResponse): void {
    // An engine that hangs up has what it wanted, or says itself what it lacks.
    if (this.#closed || error.code === 'ERR_STREAM_PREMATURE_CLOSE') return;
    this.#trouble ??= error instanceof Gone ? { gone: error.message } : { error };
    this.#onTrouble();
    if (response.headersSent) response.destroy();
    else response.writeHead(error instanceof Gone ? 404 : 502).end('{}');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === '/v2/') return void response.writeHead(200).end('{}');
    const asked = askedOf(request);
    const layer = asked?.kind === 'blobs' ? this.#layers.get(asked.digest) : undefined;
    if (layer) return this.#sendLayer(request, response, layer);
    const isManifest = asked?.kind === 'manifests' && this.#manifests.has(asked.digest);
    if (!asked || (!isManifest && !this.#configs.has(asked.digest)))
      return void response.writeHead(404).end('{}');
    const { digest } = asked;
    const found = await (isManifest
      ? this.#repository.manifest(digest)
      : this.#repository.text(digest));
    if (found.state === 'gone') throw new Gone(found.detail);
    const type = isManifest ? this.#learn(found.value) : 'application/octet-stream';
    send(request, response, { digest, type, size: Buffer.byteLength(found.value) }, found.value);
  }

  async #sendLayer(
    request: IncomingMessage,
    response: ServerResponse,
    layer: LayerDescriptor,
  ): Promise<void> {
    const { digest, size } = layer;
    send(request, response, { digest, type: 'application/octet-stream', size });
    if (request.method === 'HEAD') return;
    // The head at once, the rest when it is known to be right: engines wait for bytes with more
    // patience than for an answer.
    response.flushHeaders();
    const path = await this.#file(layer);
    if (!response.destroyed) await pipeline(createReadStream(path), response);
  }

  /** Takes note of what a manifest names, and gives its media type. */
  #learn(text: string): string {
    const manifest = JSON.parse(text) as Manifest;
    for (const item of manifest.manifests ?? []) this.#manifests.add(item.digest);
    if (manifest.config) this.#configs.add(manifest.config.digest);
    for (const { digest, size = 0, mediaType = '' } of manifest.layers ?? [])
      this.#layers.set(digest, { digest, size, mediaType });
    return manifest.mediaType ?? `${OCI}${manifest.manifests ? 'index' : 'manifest'}.v1+json`;
  }

  /** A layer as a file here; fetched once, however often it is asked for. */
  #file(layer: LayerDescriptor): Promise<string> {
    const path = this.#files.get(layer.digest) ?? this.#fetched(layer);
    this.#files.set(layer.digest, path);
    return path;
  }

  async #fetched(layer: LayerDescriptor): Promise<string> {
    const found = await this.#repository.blob(layer.digest);
    if (found.state === 'gone') throw new Gone(found.detail);
    this.#sources.add(found.value);
    if (this.#closed) {
      found.value.destroy();
      throw new Error('nobody waits for it any more');
    }
    const path = join(this.#folder, layer.digest.replace('sha256:', ''));
    const whole = await relayBlob(found.value, layer, createWriteStream(path), (count) => {
      this.#bytes += count;
    });
    if (!whole) throw wrongBytes(layer.digest);
    return path;
  }
}

/**
 * One image of a registry, on loopback, for the engine to pull: every request of the engine goes
 * through our client, so that no registry can lead it to an address of this machine or its
 * networks, and no credential of the engine goes anywhere. The relay gives out only blobs that the
 * image's manifest names, and no byte of a layer before it has checked the whole layer: an engine
 * keeps the beginning of a broken layer by its digest, and would go on from that garbage when
 * another miner's image has the same layer. `spool` is a folder for the layers under way. The relay
 * calls `onTrouble` at once: the engine itself would try again for minutes.
 */
export async function openRelay(
  repository: Repository,
  digest: string,
  spool: string,
  onTrouble: () => void,
): Promise<Relay> {
  mkdirSync(spool, { recursive: true });
  const relay = new Relay(repository, digest, mkdtempSync(join(spool, 'pull-')), onTrouble);
  await relay.listen();
  return relay;
}

class Gone extends Error {}

/** A fault between us and the registry as the caller is to see it. */
export function registryError(error: Error & { readonly code?: string }): ImageError {
  if (error instanceof ImageError) return error;
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') return diskFull(error.message);
  return new ImageError(
    'REGISTRY',
    'infra',
    `a layer broke off: ${error.message}`,
    'try again; if it stays, look at the registry',
  ).causedBy(error);
}

/** No room for an image. */
export function diskFull(text: string): ImageError {
  return new ImageError(
    'DISK',
    'infra',
    `the disk is full: ${text.slice(0, 200)}`,
    'make room for images',
  );
}
