// Images without their registry: what was read once, and what a mirror holds.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { afterAll, describe, expect, it } from 'vitest';
import { buildImage, layerOf } from '../../devnet/registry/image-builder.ts';
import { type Registry, startRegistry } from '../../devnet/registry/registry-server.ts';
import { dockerImages } from './docker-images.ts';

const folder = mkdtempSync(join(tmpdir(), 'images-io-'));
const registries: Registry[] = [];
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  for (const registry of registries) await registry.close().catch(() => undefined);
});
const content = new Map([['/x', { bytes: Buffer.from('x'), mode: 0o644 }]]);
const image = buildImage([await layerOf(content, true)], { Entrypoint: ['/x'] });
const { digest } = image.manifest;

async function serve(name: string, images = [image]): Promise<Registry> {
  const registry = await startRegistry(new Map([[name, images]]));
  registries.push(registry);
  return registry;
}
const storeIn = (name: string, mirror: string | null = null) =>
  dockerImages(null as unknown as Docker, {
    loopback: true,
    cacheFolder: join(folder, name),
    mirror,
  });

describe('an image whose registry is gone', () => {
  it('is read from what was read before, by its digest, until its file is another one', async () => {
    const registry = await serve('mine');
    const ref = { image: `${registry.host}/mine`, digest };
    const first = await storeIn('cache').manifest(ref);
    expect(first.state).toBe('found');
    await registry.close();
    const again = storeIn('cache');
    expect(await again.manifest(ref)).toEqual(first);
    const texts = join(folder, 'cache/texts');
    for (const name of readdirSync(texts)) writeFileSync(join(texts, name), 'edited');
    await expect(again.manifest(ref)).rejects.toMatchObject({ code: 'REGISTRY' });
    await expect(storeIn('empty').manifest(ref)).rejects.toMatchObject({ code: 'REGISTRY' });
  });
  it('is read from the mirror, whether its own says gone or does not answer', async () => {
    const own = await serve('mine', []);
    const place = own.host.replace(':', '-');
    const mirror = await serve(`copies/${place}/mine`);
    const store = storeIn('mirrored', `${mirror.host}/copies`);
    const ref = { image: `${own.host}/mine:latest`, digest };
    expect((await store.manifest(ref)).state).toBe('found');
    expect((await storeIn('alone').manifest(ref)).state).toBe('gone');
    await own.close();
    const layer = JSON.parse(Buffer.from(image.manifest.bytes).toString()) as {
      layers: { digest: string; mediaType: string; size: number }[];
    };
    const limits = { maxBytes: 1e6, pace: store.pace() };
    expect(await store.scan(ref.image, layer.layers[0]!, limits)).toMatchObject({
      ...{ state: 'found', value: { ok: true } },
    });
    const missing = { ...ref, digest: `sha256:${'0'.repeat(64)}` };
    await expect(store.manifest(missing)).rejects.toMatchObject({ code: 'REGISTRY' });
  });
});
