// The registry client against registries that lead astray, and against a real one with a real
// engine.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import {
  admission,
  base,
  closeRegistries,
  folder,
  mine,
  original,
  removeFolder,
} from '../../testing/admission-images.ts';
import { findDocker } from '../../node/docker.ts';
import type { LocalImage } from '../image-store.ts';
import { dockerImages } from './docker-images.ts';
import { Repository } from './registry.ts';

afterEach(closeRegistries);
afterAll(removeFolder);

describe('the registry client', () => {
  it('is led to no address of this machine or its networks', async () => {
    let hits = 0;
    const canary = createServer((_, response) => {
      hits++;
      response.end('{}');
    });
    await new Promise<void>((done) => canary.listen(0, '127.0.0.1', done));
    const port = (canary.address() as AddressInfo).port;
    try {
      // A name of this machine, asked as any registry is: over https, and never reached.
      await expect(
        new Repository({ host: `localhost:${port}`, path: 'x' }, false).manifest(
          `sha256:${'0'.repeat(64)}`,
        ),
      ).rejects.toMatchObject({
        code: 'REGISTRY',
        message: expect.stringContaining('private') as string,
      });
      for (const location of [
        `http://127.0.0.1:${port}/`,
        `https://127.0.0.1:${port}/`,
        `https://localhost:${port}/`,
      ]) {
        const { ask } = await admission(
          { original },
          {
            first: (request, response) => {
              if (!(request.url ?? '').includes('/original/blobs/')) return false;
              response.writeHead(307, { location }).end();
              return true;
            },
          },
        );
        await expect(ask('original')).rejects.toMatchObject({ code: 'REGISTRY' });
      }
      const { ask } = await admission(
        { original },
        {
          first: (request, response) => {
            if (!(request.url ?? '').includes('/original/')) return false;
            response
              .writeHead(401, {
                'www-authenticate': `Bearer realm="https://localhost:${port}/token",service="x"`,
              })
              .end();
            return true;
          },
        },
      );
      await expect(ask('original')).rejects.toMatchObject({ code: 'REGISTRY' });
      expect(hits).toBe(0);
    } finally {
      canary.close();
    }
  });
  it('ends a redirect that goes round', async () => {
    const { ask } = await admission(
      { original },
      {
        first: (request, response) => {
          if (!(request.url ?? '').includes('/original/blobs/')) return false;
          response.writeHead(307, { location: request.url }).end();
          return true;
        },
      },
    );
    await expect(ask('original')).rejects.toMatchObject({
      message: expect.stringContaining('redirects more than') as string,
    });
  });
});

const found = await findDocker();
const distribution = ((): string | null => {
  try {
    return execFileSync('which', ['docker-registry']).toString().trim();
  } catch {
    return null;
  }
})();
if (distribution === null || found === null)
  console.warn('skipped: pulling from a real registry (needs Docker and docker-registry)');

describe.skipIf(distribution === null || found === null)(
  'a real registry and a real engine',
  () => {
    it('reads and pulls by digest what was pushed by hand', async () => {
      const storage = join(folder, 'registry');
      mkdirSync(storage);
      const config = join(folder, 'registry.yml');
      const port = 20_000 + Math.floor(Math.random() * 20_000);
      writeFileSync(
        config,
        `version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: ${storage}\nhttp:\n  addr: 127.0.0.1:${port}\n`,
      );
      const server = spawn(distribution!, ['serve', config], { stdio: 'ignore' });
      const url = `http://127.0.0.1:${port}`;
      try {
        for (let i = 0; i < 100; i++) {
          if ((await fetch(`${url}/v2/`).catch(() => null))?.ok === true) break;
          await new Promise((done) => setTimeout(done, 50));
        }
        for (const blob of original.blobs) {
          const begun = await fetch(`${url}/v2/original/blobs/uploads/`, { method: 'POST' });
          const place = new URL(begun.headers.get('location')!, url);
          place.searchParams.set('digest', blob.digest);
          expect(
            (
              await fetch(place, {
                method: 'PUT',
                body: Buffer.from(blob.bytes),
                headers: { 'content-type': 'application/octet-stream' },
              })
            ).status,
          ).toBe(201);
        }
        const put = await fetch(`${url}/v2/original/manifests/latest`, {
          method: 'PUT',
          body: Buffer.from(original.manifest.bytes),
          headers: { 'content-type': 'application/vnd.oci.image.manifest.v1+json' },
        });
        expect(put.headers.get('docker-content-digest')).toBe(original.manifest.digest);
        const cache = { loopback: true, cacheFolder: join(folder, 'real-layers') };
        const images = dockerImages(found!, cache);
        const image = `127.0.0.1:${port}/original`;
        const ref = { image, digest: original.manifest.digest };
        expect(await images.manifest(ref)).toMatchObject({
          state: 'found',
        });
        expect(
          await images.scan(
            image,
            { digest: mine.digest, mediaType: mine.mediaType, size: mine.bytes.length },
            { maxBytes: 1e9, pace: images.pace() },
          ),
        ).toMatchObject({ value: { ok: true, scan: { diffId: mine.diffId } } });
        expect(await images.manifest({ image, digest: `sha256:${'0'.repeat(64)}` })).toMatchObject({
          state: 'gone',
        });
        const pulled = await images.pull(
          ref,
          { packedBytes: 1e6, unpackedBytes: 1e6 },
          () => undefined,
        );
        expect(pulled).toMatchObject({
          state: 'found',
          value: { diffIds: [base.diffId, mine.diffId], start: { entrypoint: ['/mine'] } },
        });
        expect(
          await images.pull(
            { image, digest: `sha256:${'1'.repeat(64)}` },
            { packedBytes: 1e6, unpackedBytes: 1e6 },
            () => undefined,
          ),
        ).toMatchObject({ state: 'gone' });
        // A registry that never answers the engine: given up in time.
        const hung = createServer(() => undefined);
        await new Promise<void>((done) => hung.listen(0, '127.0.0.1', done));
        const impatient = dockerImages(found!, {
          ...cache,
          patience: { graceMs: 1500, bytesPerSecond: 1e9 },
        });
        const size = { packedBytes: 1, unpackedBytes: 1 };
        await expect(
          impatient.pull(
            {
              image: `127.0.0.1:${(hung.address() as AddressInfo).port}/x`,
              digest: `sha256:${'2'.repeat(64)}`,
            },
            size,
            () => undefined,
          ),
        ).rejects.toMatchObject({
          code: 'REGISTRY',
          message: expect.stringContaining('not done within 2 s') as string,
        });
        hung.closeAllConnections();
        hung.close();
        // The store removes every image that it brought to this machine, except those that are to
        // stay; a new process knows of them too.
        const Id = (pulled as { value: LocalImage }).value.id;
        await images.tidy(new Set([Id]));
        expect(await found!.getImage(Id).inspect()).toMatchObject({ Id });
        await dockerImages(found!, cache).tidy(new Set());
        await expect(found!.getImage(Id).inspect()).rejects.toMatchObject({ statusCode: 404 });
      } finally {
        server.kill('SIGKILL');
      }
    });
  },
);
