// A read-only container registry on loopback for the demo and for tests.
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Image } from './image-builder.ts';

export type Registry = {
  readonly host: string;
  readonly requests: readonly string[];
  close(): Promise<void>;
};

const PATH = /^\/v2\/(?<name>.+)\/(?<kind>manifests|blobs)\/(?<which>sha256:[0-9a-f]{64}|latest)$/;
const TYPES = {
  manifests: 'application/vnd.oci.image.manifest.v1+json',
  blobs: 'application/octet-stream',
} as const;

/** What a path names. Every repository has one tag, `latest`, which stands for its first image. */
function lookUp(
  repositories: ReadonlyMap<string, readonly Image[]>,
  url: string,
): { found: Image['manifest'] | undefined; type: string } {
  const { name = '', kind, which } = PATH.exec(url)?.groups ?? {};
  const images = repositories.get(name) ?? [];
  const manifests = images.map(({ manifest }) => manifest);
  if (kind === 'manifests' && which === 'latest')
    return { found: manifests[0], type: TYPES.manifests };
  const all = kind === 'manifests' ? manifests : images.flatMap((image) => image.blobs);
  const found = all.find(({ digest }) => digest === which);
  return { found, type: TYPES[kind === 'manifests' ? kind : 'blobs'] };
}

/**
 * A read-only registry on loopback: it serves the requests that an engine or our own client makes
 * for a pull. `first` may answer in its place.
 */
export async function startRegistry(
  repositories: ReadonlyMap<string, readonly Image[]>,
  first: (...args: Parameters<RequestListener>) => boolean = () => false,
): Promise<Registry> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const url = request.url ?? '/';
    requests.push(`${request.method ?? ''} ${url}`);
    if (first(request, response)) return;
    if (url === '/v2/') {
      response.writeHead(200, { 'docker-distribution-api-version': 'registry/2.0' }).end('{}');
      return;
    }
    const { found, type } = lookUp(repositories, url);
    if (!found) {
      response
        .writeHead(404, { 'content-type': 'application/json' })
        .end(JSON.stringify({ errors: [{ code: 'MANIFEST_UNKNOWN', message: 'not here' }] }));
      return;
    }
    response.writeHead(200, {
      'content-type': type,
      'content-length': found.bytes.length,
      'docker-content-digest': found.digest,
    });
    response.end(request.method === 'HEAD' ? undefined : found.bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
