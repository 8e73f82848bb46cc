// Loopback registry through which the Docker engine pulls only verified content.
import { createReadStream, createWriteStream, mkdirSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
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

export type Relay = {
  /** What an engine on this machine pulls. */
  readonly name: string;
  /**
   * Trouble between us and the registry; null where there was none. `gone` says what the registry
   * does not have.
   */
  readonly trouble: () => { readonly gone: string } | { readonly error: Error } | null;
  /** Whether the engine sent any request. */
  readonly reached: () => boolean;
  /** Bytes of the layers that were asked for: here already, and in all. */
  readonly moved: () => { readonly bytes: number; readonly of: number };
  close(): Promise<void>;
};

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
  const folder = mkdtempSync(join(spool, 'pull-'));
  const manifests = new Set([digest]);
  const configs = new Set<string>();
  const layers = new Map<string, LayerDescriptor>();
  let trouble: ReturnType<Relay['trouble']> = null;
  let reached = false;
  let closed = false;
  const under = new Map<string, Promise<string>>();
  const sources = new Set<IncomingMessage>();
  let bytes = 0;
  const failed = (what: NonNullable<typeof trouble>): void => {
    trouble ??= what;
    onTrouble();
  };

  const learn = (text: string): string => {
    const manifest = JSON.parse(text) as Manifest;
    for (const item of manifest.manifests ?? []) manifests.add(item.digest);
    if (manifest.config) configs.add(manifest.config.digest);
    for (const layer of manifest.layers ?? [])
      layers.set(layer.digest, {
        digest: layer.digest,
        size: layer.size ?? 0,
        mediaType: layer.mediaType ?? '',
      });
    return manifest.mediaType ?? `${OCI}${manifest.manifests ? 'index' : 'manifest'}.v1+json`;
  };

  const fetched = async (layer: LayerDescriptor): Promise<string> => {
    const found = await repository.blob(layer.digest);
    if (found.state === 'gone') throw new Gone(found.detail);
    sources.add(found.value);
    if (closed) {
      found.value.destroy();
      throw new Error('nobody waits for it any more');
    }
    const path = join(folder, layer.digest.replace('sha256:', ''));
    const whole = await relayBlob(found.value, layer, createWriteStream(path), (count) => {
      bytes += count;
    });
    if (!whole) throw wrongBytes(layer.digest);
    return path;
  };
  /** A layer as a file here; fetched once, however often it is asked for. */
  const file = (layer: LayerDescriptor): Promise<string> => {
    const path = under.get(layer.digest) ?? fetched(layer);
    under.set(layer.digest, path);
    return path;
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const bare = request.method === 'HEAD';
    const asked = /^\/v2\/cacheon\/(?<kind>manifests|blobs)\/(?<digest>sha256:[0-9a-f]{64})$/.exec(
      request.url ?? '',
    )?.groups;
    const wanted = asked?.['digest'] ?? '';
    const send = (type: string, size: number, body?: string): void => {
      response.writeHead(200, {
        'content-type': type,
        'content-length': size,
        'docker-content-digest': wanted,
      });
      if (bare) response.end();
      else if (body !== undefined) response.end(body);
    };
    if (request.url === '/v2/') return void response.writeHead(200).end('{}');
    const layer = layers.get(wanted);
    if (asked?.['kind'] === 'blobs' && layer) {
      send('application/octet-stream', layer.size);
      if (bare) return;
      // The head at once, the rest when it is known to be right: engines wait for bytes with more
      // patience than for an answer.
      response.flushHeaders();
      const path = await file(layer);
      if (!response.destroyed) await pipeline(createReadStream(path), response);
      return;
    }
    const isManifest = asked?.['kind'] === 'manifests' && manifests.has(wanted);
    if (!isManifest && !configs.has(wanted)) return void response.writeHead(404).end('{}');
    const found = await (isManifest ? repository.manifest(wanted) : repository.text(wanted));
    if (found.state === 'gone') throw new Gone(found.detail);
    const type = isManifest ? learn(found.value) : 'application/octet-stream';
    send(type, Buffer.byteLength(found.value), found.value);
  };

  const server = createServer((request, response) => {
    reached = true;
    answer(request, response).catch((thrown: unknown) => {
      const error = thrown as NodeJS.ErrnoException;
      // An engine that hangs up has what it wanted, or says itself what it lacks.
      if (closed || error.code === 'ERR_STREAM_PREMATURE_CLOSE') return;
      failed(error instanceof Gone ? { gone: error.message } : { error });
      if (response.headersSent) response.destroy();
      else response.writeHead(error instanceof Gone ? 404 : 502).end('{}');
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    name: `127.0.0.1:${(server.address() as AddressInfo).port}/${NAME}@${digest}`,
    trouble: () => trouble,
    reached: () => reached,
    moved: () => ({
      bytes,
      of: [...under.keys()].reduce((sum, key) => sum + layers.get(key)!.size, 0),
    }),
    close: async () => {
      closed = true;
      for (const source of sources) source.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      // Not waited for: a registry may still owe the head of an answer.
      void Promise.allSettled(under.values())
        .then(() => rm(folder, { recursive: true, force: true }))
        .catch(() => undefined); // the next start clears the spool
    },
  };
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
    error,
  );
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
