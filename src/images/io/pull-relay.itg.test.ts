// The bytes of an image that an engine gets: through our client, on loopback, from a registry that
// tries to lead it astray.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { sha256Hex } from '../../core/hash.ts';
import { type Image, buildImage, layerOf } from '../../devnet/registry/image-builder.ts';
import { type Registry, startRegistry } from '../../devnet/registry/registry-server.ts';
import { findDocker } from '../../node/docker.ts';
import type { ImageStore, Pulled } from '../image-store.ts';
import { Repository } from './registry.ts';
import { dockerImages } from './docker-images.ts';
import { openRelay } from './pull-relay.ts';

const engine = await findDocker();
if (engine === null) console.warn('skipped: pulls by an engine (no Docker engine answers here)');
const folder = mkdtempSync(join(tmpdir(), 'relay-'));
const SIZE = { packedBytes: 1e7, unpackedBytes: 1e7 };
const unique = (): string => `${process.pid} ${process.hrtime.bigint()}`;
const file = (text: string) => ({ bytes: Buffer.from(text), mode: 0o644 });
/** An image that this machine has never seen. */
async function newImage(): Promise<Image> {
  const layers = [
    await layerOf(new Map([['/one', file(unique())]]), true),
    await layerOf(new Map([['/two', file(unique())]]), true),
  ];
  return buildImage(layers, { Entrypoint: ['/one'], Env: [] });
}

type First = (request: IncomingMessage, response: ServerResponse) => boolean;
const open: { close(): Promise<void> }[] = [];
const stores: ImageStore[] = [];
afterEach(async () => {
  for (const item of open.splice(0)) await item.close();
  for (const store of stores.splice(0)) await store.tidy(new Set());
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function served(image: Image, first?: First): Promise<Registry> {
  const registry = await startRegistry(new Map([['mine', [image]]]), first);
  open.push(registry);
  return registry;
}
async function pulled(
  image: Image,
  first?: First,
): Promise<{ result: Pulled; store: ImageStore; registry: Registry }> {
  const registry = await served(image, first);
  const store = dockerImages(engine!, {
    loopback: true,
    cacheFolder: mkdtempSync(join(folder, 'layers-')),
  });
  stores.push(store);
  return {
    result: await store.pull(
      { image: `${registry.host}/mine`, digest: image.manifest.digest },
      SIZE,
      () => undefined,
    ),
    store,
    registry,
  };
}
const isLayer = (image: Image, request: IncomingMessage): boolean =>
  request.method === 'GET' && (request.url ?? '').endsWith(image.blobs.at(-1)!.digest);

describe.skipIf(engine === null)('a pull', () => {
  it('goes through our client alone, once, and the image is known again afterwards', async () => {
    const agents = new Set<string>();
    const image = await newImage();
    const { result, store, registry } = await pulled(image, (request) => {
      agents.add(request.headers['user-agent'] ?? '');
      return false;
    });
    expect(result).toMatchObject({ state: 'found', value: { start: { entrypoint: ['/one'] } } });
    expect([...agents]).toEqual(['cacheon']);
    const asked = registry.requests.length;
    expect(
      await store.pull(
        { image: `${registry.host}/mine`, digest: image.manifest.digest },
        SIZE,
        () => undefined,
      ),
    ).toEqual(result);
    expect(registry.requests.length).toBe(asked);
  });

  it('of an index brings the image that it names for this platform', async () => {
    const image = await newImage();
    const { manifest } = image;
    const platform = { os: 'linux', architecture: 'amd64' };
    const index = {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [
        {
          mediaType: 'application/vnd.oci.image.manifest.v1+json',
          digest: manifest.digest,
          size: manifest.bytes.length,
          platform,
        },
      ],
    };
    const bytes = Buffer.from(JSON.stringify(index));
    const digest = `sha256:${sha256Hex(bytes)}`;
    const registry = await startRegistry(new Map([['mine', [image]]]), (request, response) => {
      if (!(request.url ?? '').endsWith(digest)) return false;
      response.writeHead(200, { 'content-type': index.mediaType }).end(bytes);
      return true;
    });
    open.push(registry);
    const store = dockerImages(engine!, {
      loopback: true,
      cacheFolder: mkdtempSync(join(folder, 'layers-')),
    });
    stores.push(store);
    expect(
      await store.pull({ image: `${registry.host}/mine`, digest }, SIZE, () => undefined),
    ).toMatchObject({
      state: 'found',
      value: { start: { entrypoint: ['/one'] } },
    });
  });

  it('is not led to an address of this machine by a redirect', async () => {
    const hits: string[] = [];
    const canary = createServer((request, response) => {
      hits.push(request.url ?? '');
      response.end();
    });
    await new Promise<void>((resolve) => canary.listen(0, '127.0.0.1', resolve));
    open.push({ close: () => new Promise((resolve) => void canary.close(() => resolve())) });
    const image = await newImage();
    for (const place of [
      `http://127.0.0.1:${(canary.address() as AddressInfo).port}/`,
      'https://169.254.169.254/latest/meta-data/',
    ])
      await expect(
        pulled(image, (request, response) => {
          if (!isLayer(image, request)) return false;
          response.writeHead(307, { location: place }).end();
          return true;
        }),
      ).rejects.toMatchObject({
        code: 'REGISTRY',
        message: expect.stringMatching(/is not https|is an address/) as string,
      });
    expect(hits).toEqual([]);
  });

  it('is gone where the registry has a layer no more, in seconds', async () => {
    const image = await newImage();
    const began = performance.now();
    const { result } = await pulled(image, (request, response) => {
      if (!isLayer(image, request)) return false;
      response.writeHead(404).end();
      return true;
    });
    expect(result).toMatchObject({
      state: 'gone',
      detail: expect.stringContaining('404') as string,
    });
    expect(performance.now() - began).toBeLessThan(5000);
  });

  it.each([
    ['other bytes than the digest', 'DIGEST', (size: number) => Buffer.alloc(size, 1)],
    ['more bytes than the manifest says', 'DIGEST', (size: number) => Buffer.alloc(size + 1, 1)],
    ['fewer bytes', 'DIGEST', (size: number) => Buffer.alloc(size - 1, 1)],
  ])('says so where the registry sends %s, and does not try for minutes', async (_, code, make) => {
    const image = await newImage();
    const began = performance.now();
    await expect(
      pulled(image, (request, response) => {
        if (!isLayer(image, request)) return false;
        response.end(make(image.blobs.at(-1)!.bytes.length));
        return true;
      }),
    ).rejects.toMatchObject({ code, outcome: 'infra' });
    expect(performance.now() - began).toBeLessThan(5000);
  });

  it.each([
    ['a folder where a file is', {}, {}, { '/one': file('x'), '/one/x': file('y') }],
    ['a time that is none', {}, { created: 'yesterday' }, {}],
    ['a label that is no text', { Labels: { a: 1 } }, {}, {}],
  ])('is refused where the engine cannot read what we can: %s', async (_, config, extra, files) => {
    const layer = await layerOf(
      new Map([['/new', file(unique())], ...Object.entries(files)]),
      true,
    );
    const { result } = await pulled(
      buildImage([layer], { Entrypoint: ['/one'], ...config }, extra),
    );
    expect(result).toMatchObject({
      state: 'refused',
      detail: expect.stringContaining('cannot read it') as string,
    });
  });

  it('takes away its own name for an image, and not the image that somebody else here has too', async () => {
    const { result, store } = await pulled(await newImage());
    const { id } = (result as { value: { id: string } }).value;
    await engine!.getImage(id).tag({ repo: 'of-an-operator', tag: 'kept' });
    await store.tidy(new Set());
    expect(await engine!.getImage('of-an-operator:kept').inspect()).toMatchObject({ Id: id });
    await engine!.getImage('of-an-operator:kept').remove({ force: true });
    await expect(engine!.getImage(id).inspect()).rejects.toMatchObject({ statusCode: 404 });
  });

  it('brings a layer that another image’s registry gave wrongly before', async () => {
    const image = await newImage();
    const garbage: First = (request, response) => {
      if (!isLayer(image, request)) return false;
      response.write(Buffer.alloc(50, 1), () => request.socket.destroy());
      return true;
    };
    await expect(pulled(image, garbage)).rejects.toMatchObject({ outcome: 'infra' });
    expect((await pulled(image)).result).toMatchObject({ state: 'found' });
  });

  it('is the registry’s fault where a layer breaks off', async () => {
    const image = await newImage();
    await expect(
      pulled(image, (request, response) => {
        if (!isLayer(image, request)) return false;
        response.writeHead(200, { 'content-length': 1000 });
        response.write('x', () => request.socket.destroy());
        return true;
      }),
    ).rejects.toMatchObject({ code: 'REGISTRY', outcome: 'infra' });
  });
});

describe('a relay', () => {
  it('gives out the image that it was opened for, and nothing else of the same registry', async () => {
    const [image, other] = [await newImage(), await newImage()];
    const registry = await startRegistry(new Map([['mine', [image, other]]]));
    open.push(registry);
    const troubles: number[] = [];
    const repository = new Repository({ host: registry.host, path: 'mine' }, true);
    const spool = mkdtempSync(join(folder, 'spool-'));
    const relay = await openRelay(repository, image.manifest.digest, spool, () => troubles.push(1));
    open.push(relay);
    const host = `http://${relay.name.split('/')[0]!}/v2`;
    const ask = async (path: string, method = 'GET'): Promise<number> =>
      (await fetch(`${host}/${path}`, { method })).status;
    const layer = image.blobs.at(-1)!.digest;
    expect(relay.reached()).toBe(false);
    expect(await ask('')).toBe(200);
    // Not before the relay gave the manifest out: until then the relay does not know that the layer
    // belongs to it.
    expect(await ask(`cacheon/blobs/${layer}`)).toBe(404);
    expect(await ask(`cacheon/manifests/${image.manifest.digest}`, 'HEAD')).toBe(200);
    for (const { digest } of image.blobs) {
      expect(await ask(`cacheon/blobs/${digest}`)).toBe(200);
      expect(await ask(`cacheon/blobs/${digest}`, 'HEAD')).toBe(200);
    }
    expect(await ask(`cacheon/manifests/${other.manifest.digest}`)).toBe(404);
    for (const { digest } of other.blobs) expect(await ask(`cacheon/blobs/${digest}`)).toBe(404);
    expect(await ask(`mine/manifests/${image.manifest.digest}`)).toBe(404);
    expect(troubles).toEqual([]);
    expect(relay.reached()).toBe(true);
  });

  it('gives out no byte of a layer before all of it is right, and leaves no file', async () => {
    const image = await newImage();
    const size = image.blobs.at(-1)!.bytes.length;
    const registry = await served(image, (request, response) => {
      if (!isLayer(image, request)) return false;
      response.end(Buffer.alloc(size, 1));
      return true;
    });
    const spool = mkdtempSync(join(folder, 'spool-'));
    const repository = new Repository({ host: registry.host, path: 'mine' }, true);
    const relay = await openRelay(repository, image.manifest.digest, spool, () => undefined);
    const host = `http://${relay.name.split('/')[0]!}/v2/cacheon`;
    await (await fetch(`${host}/manifests/${image.manifest.digest}`)).text();
    const response = await fetch(`${host}/blobs/${image.blobs.at(-1)!.digest}`);
    let bytes = 0;
    await expect(
      (async () => {
        for await (const part of response.body as unknown as AsyncIterable<Uint8Array>)
          bytes += part.length;
      })(),
    ).rejects.toThrow();
    expect(bytes).toBe(0);
    expect(relay.trouble()).toMatchObject({ error: { code: 'DIGEST' } });
    await relay.close();
    while (readdirSync(spool).length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  });

  it('leaves no file either where it is closed before the registry answers', async () => {
    const image = await newImage();
    const answers: (() => void)[] = [];
    const registry = await served(image, (request, response) => {
      if (!isLayer(image, request)) return false;
      answers.push(() => response.end(image.blobs.at(-1)!.bytes));
      return true;
    });
    const spool = mkdtempSync(join(folder, 'spool-'));
    const repository = new Repository({ host: registry.host, path: 'mine' }, true);
    const relay = await openRelay(repository, image.manifest.digest, spool, () => undefined);
    const host = `http://${relay.name.split('/')[0]!}/v2/cacheon`;
    await (await fetch(`${host}/manifests/${image.manifest.digest}`)).text();
    const asked = fetch(`${host}/blobs/${image.blobs.at(-1)!.digest}`).then((response) =>
      response.text(),
    );
    asked.catch(() => undefined);
    while (answers.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    await relay.close();
    await expect(asked).rejects.toThrow();
    for (const answer of answers) answer();
    while (readdirSync(spool).length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(relay.trouble()).toBeNull();
  });
});
