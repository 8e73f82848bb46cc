// A read-only container registry on loopback for the demo and for tests.
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Image } from './image-builder.ts';

export type Registry = {
  readonly host: string;
  readonly requests: readonly string[];
  close(): Promise<void>;
};

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
    const asked =
      /^\/v2\/(?<name>.+)\/(?<kind>manifests|blobs)\/(?<digest>sha256:[0-9a-f]{64})$/.exec(
        url,
      )?.groups;
    const images = repositories.get(asked?.['name'] ?? '') ?? [];
    const blobs =
      asked?.['kind'] === 'manifests'
        ? images.map(({ manifest }) => manifest)
        : images.flatMap((image) => image.blobs);
    const found = blobs.find(({ digest }) => digest === asked?.['digest']);
    if (!found) {
      response
        .writeHead(404, { 'content-type': 'application/json' })
        .end(JSON.stringify({ errors: [{ code: 'MANIFEST_UNKNOWN', message: 'not here' }] }));
      return;
    }
    const type =
      asked?.['kind'] === 'manifests'
        ? 'application/vnd.oci.image.manifest.v1+json'
        : 'application/octet-stream';
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
