import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HarnessError, wrongBytes } from '../../errors.ts';
import type { LayerDescriptor } from '../../image-store.ts';
import { relayBlob } from '../layers.ts';
import type { Repository } from '../registry.ts';

/** What an image is called here: only its digest means anything. */
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
  /** What went wrong between us and the registry; null where nothing did. What it says it does not have is `gone`. */
  readonly trouble: () => { readonly gone: string } | { readonly error: Error } | null;
  /** Whether anybody came at all. */
  readonly reached: () => boolean;
  close(): Promise<void>;
};

/**
 * One image of a registry, on loopback, for the engine to pull: all that the engine asks for goes through our client, so that no registry can lead
 * it to an address of this machine or its networks, and no credential of the engine goes anywhere. Nothing but what the image's manifest names is
 * given out. `onTrouble` is told at once: the engine itself would try again for minutes.
 */
export async function openRelay(repository: Repository, digest: string, onTrouble: () => void): Promise<Relay> {
  const manifests = new Set([digest]);
  const configs = new Set<string>();
  const layers = new Map<string, LayerDescriptor>();
  let trouble: ReturnType<Relay['trouble']> = null;
  let reached = false;
  const failed = (what: NonNullable<typeof trouble>): void => {
    trouble ??= what;
    onTrouble();
  };

  const learn = (text: string): string => {
    const manifest = JSON.parse(text) as Manifest;
    for (const item of manifest.manifests ?? []) manifests.add(item.digest);
    if (manifest.config) configs.add(manifest.config.digest);
    for (const layer of manifest.layers ?? [])
      layers.set(layer.digest, { digest: layer.digest, size: layer.size ?? 0, mediaType: layer.mediaType ?? '' });
    return manifest.mediaType ?? `${OCI}${manifest.manifests ? 'index' : 'manifest'}.v1+json`;
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const bare = request.method === 'HEAD';
    const asked = /^\/v2\/cacheon\/(?<kind>manifests|blobs)\/(?<digest>sha256:[0-9a-f]{64})$/.exec(request.url ?? '')?.groups;
    const wanted = asked?.['digest'] ?? '';
    const send = (type: string, size: number, body?: string): void => {
      response.writeHead(200, { 'content-type': type, 'content-length': size, 'docker-content-digest': wanted });
      if (bare) response.end();
      else if (body !== undefined) response.end(body);
    };
    if (request.url === '/v2/') return void response.writeHead(200).end('{}');
    const layer = layers.get(wanted);
    if (asked?.['kind'] === 'blobs' && layer) {
      const found = bare ? null : await repository.blob(wanted);
      if (found?.state === 'gone') throw new Gone(found.detail);
      send('application/octet-stream', layer.size);
      if (found && !(await relayBlob(found.value, layer, response))) throw wrongBytes(wanted);
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
      if (error.code === 'ERR_STREAM_PREMATURE_CLOSE') return;
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
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

class Gone extends Error {}

/** A fault of a registry as the caller is to see it. */
export function registryError(error: Error): HarnessError {
  if (error instanceof HarnessError) return error;
  return new HarnessError(
    'REGISTRY',
    'infra',
    `a layer broke off: ${error.message}`,
    'try again; if it stays, look at the registry',
    error,
  );
}
