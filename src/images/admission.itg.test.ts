// Admission of images from a registry on loopback, read by the real client.
import { constants, zstdCompressSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { sha256Hex } from '../core/hash.ts';
import {
  admission,
  base,
  baseline,
  baselineEnv,
  closeRegistries,
  engineFiles,
  ENTRY,
  layer,
  mine,
  original,
  printsOf,
  removeFolder,
} from '../testing/admission-images.ts';
import {
  buildImage,
  layerOf,
  type Image,
  type ImageLayer,
} from '../devnet/registry/image-builder.ts';
import { startRegistry } from '../devnet/registry/registry-server.ts';
import { monotonicClock } from '../node/monotonic-clock.ts';

afterEach(closeRegistries);
afterAll(removeFolder);

describe('admission', () => {
  it('admits an honest image, pulls it once, and keeps its fingerprint', async () => {
    const { ask, kept, pulled } = await admission({ original });
    expect(await ask('original')).toBe('admitted');
    expect(await ask('original')).toBe('admitted');
    expect(pulled).toHaveLength(1);
    const [fingerprint] = printsOf(kept);
    expect(fingerprint).toMatchObject({ key: 'original:1', digest: original.manifest.digest });
    expect(fingerprint!.files).toHaveLength(20);
  });

  it.each([
    ['a declared volume (C17)', { Volumes: { '/data': {} } }, /volume \/data/],
    ['ONBUILD', { OnBuild: ['RUN evil'] }, /ONBUILD/],
    ['LD_PRELOAD', { Env: ['LD_PRELOAD=/evil.so'] }, /LD_PRELOAD/],
    [
      'another NVIDIA_VISIBLE_DEVICES',
      { Env: ['NVIDIA_VISIBLE_DEVICES=0,1'] },
      /NVIDIA_VISIBLE_DEVICES/,
    ],
    ['CUDA_ anything', { Env: ['CUDA_VISIBLE_DEVICES=all'] }, /CUDA_VISIBLE/],
  ])('refuses %s', async (_, config, reason) => {
    const { ask, pulled } = await admission({
      bad: buildImage([base, mine], { Entrypoint: ['/mine'], ...config }),
    });
    expect(await ask('bad')).toMatch(/^image-policy/);
    expect(await ask('bad')).toMatch(reason);
    expect(pulled).toEqual([]);
  });
  it('takes variables as the baseline has them, emptied ones, and those that the arena lists', async () => {
    const environment = ['CUDA_VERSION=13.0'];
    const image = buildImage([base, mine], {
      Entrypoint: ['/mine'],
      Env: [...baselineEnv, 'LD_PRELOAD=', ...environment],
    });
    const { ask } = await admission({ image });
    expect(await ask('image')).toMatch(/CUDA_VERSION/);
    const listed = await admission({ image }, { environment });
    expect(await listed.ask('image')).toBe('admitted');
  });
  it('takes the variables of a public engine that the arena lists, and nobody owns its files', async () => {
    const other = buildImage([await layer(engineFiles('nightly'))], {
      Entrypoint: ['/serve'],
      Env: ['CUDA_VERSION=13.1'],
    });
    const built = (env: string[]): Image =>
      buildImage([{ ...nightly }, mine], {
        Entrypoint: ['/mine'],
        Env: [...env, 'CUDA_VERSION=13.1'],
      });
    const nightly = await layer(engineFiles('nightly'));
    const options = { extra: { nightly: [other] }, bases: [`nightly@${other.manifest.digest}`] };
    const { ask, kept } = await admission({ image: built([]) }, options);
    expect(await ask('image')).toBe('admitted');
    expect(printsOf(kept)).toMatchObject([{ files: { length: 20 } }]);
    const unlisted = await admission({ image: built([]) });
    expect(await unlisted.ask('image')).toMatch(/CUDA_VERSION/);
  });
  it('refuses another platform, and layers that are not the ones it names', async () => {
    const { ask } = await admission({
      arm: buildImage([base, mine], ENTRY, { architecture: 'arm64' }),
      swapped: buildImage([base, { ...mine, diffId: base.diffId }], ENTRY),
      short: buildImage([base, mine], ENTRY, {
        rootfs: { type: 'layers', diff_ids: [base.diffId] },
      }),
    });
    expect(await ask('arm')).toMatch(/image-policy: an image for linux\/arm64/);
    expect(await ask('swapped')).toMatch(/image-content: layer 2 is not/);
    expect(await ask('short')).toMatch(/diff-ids/);
  });
  it('refuses what the engine would read otherwise: names in another case, another program', async () => {
    const twice = buildImage([base, mine], { ...ENTRY, volumes: { '/data': {} } });
    const layers = JSON.parse(Buffer.from(original.manifest.bytes).toString()) as {
      layers: object[];
    };
    const text = Buffer.from(JSON.stringify({ ...layers, Layers: layers.layers }));
    const manifest = { digest: `sha256:${sha256Hex(text)}`, bytes: text };
    const { ask } = await admission({ twice, shadowed: { ...original, manifest } });
    expect(await ask('twice')).toMatch(/another spelling/);
    expect(await ask('shadowed')).toMatch(/another spelling/);
    const other = await admission({ original }, { engine: { volumes: ['/data'] } });
    expect(await other.ask('original')).toMatch(/the engine reads another list of volumes/);
    const none = await admission({ none: buildImage([base, mine], {}) });
    expect(await none.ask('none')).toMatch(/no program/);
  });
  it('refuses a megabyte that unpacks to a gigabyte before anything is on disk', async () => {
    const zeros = Buffer.alloc(64 * 1024 * 1024);
    const bomb = await layerOf(new Map([['/zeros', { bytes: zeros, mode: 0o644 }]]), true);
    expect(bomb.bytes.length).toBeLessThan(100_000);
    const { ask, pulled } = await admission(
      { bomb: buildImage([base, bomb], ENTRY) },
      { arena: { maxUnpackedGb: 0.01 } },
    );
    expect(await ask('bomb')).toMatch(/image-content: it unpacks to more than 0.0 GB/);
    expect(pulled).toEqual([]);
  });
  it('gives up a registry that drips, and says so, long before it has sent all', async () => {
    const drip: Parameters<typeof startRegistry>[1] = (request, response) => {
      if (!(request.url ?? '').includes(`/slow/blobs/${mine.digest}`)) return false;
      const timer = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(timer));
      return true;
    };
    const { ask } = await admission(
      { slow: original, next: original },
      { first: drip, patience: { graceMs: 300, bytesPerSecond: 1e6 } },
    );
    const began = monotonicClock.nowNs();
    await expect(ask('slow')).rejects.toMatchObject({
      code: 'REGISTRY',
      message: expect.stringMatching(/slower than 1.0 MB/) as string,
    });
    expect(await ask('next')).toBe('admitted');
    expect(monotonicClock.nowNs() - began).toBeLessThan(5e9);
  });
  it('reads zstd of many frames, and what no reader should skip', async () => {
    const half = Math.floor(mine.plain.length / 2);
    const skipped = Buffer.concat([
      Buffer.from([0x5f, 0x2a, 0x4d, 0x18, 3, 0, 0, 0]),
      Buffer.from('toc'),
    ]);
    const checked = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };
    const frames = [
      skipped,
      zstdCompressSync(mine.plain.subarray(0, half), checked),
      skipped,
      zstdCompressSync(mine.plain.subarray(half)),
      skipped,
    ];
    const zstd = (
      bytes: Buffer,
      mediaType = 'application/vnd.oci.image.layer.v1.tar+zstd',
    ): ImageLayer => ({
      ...mine,
      bytes,
      mediaType,
      digest: `sha256:${sha256Hex(bytes)}`,
    });
    const whole = Buffer.concat(frames);
    const { ask } = await admission({
      frames: buildImage([base, zstd(whole)], ENTRY),
      docker: buildImage([base, zstd(whole, 'application/vnd.docker.image.rootfs.diff.tar.zstd')], {
        Entrypoint: ['/z'],
      }),
      cut: buildImage([base, zstd(whole.subarray(0, whole.length - 15))], { Entrypoint: ['/z'] }),
      other: buildImage([base, zstd(Buffer.concat([whole, Buffer.from('more')]))], {
        Entrypoint: ['/z'],
      }),
    });
    expect(await ask('frames')).toBe('admitted');
    expect(await ask('docker')).toMatch(/^copy: of frames:1/);
    for (const name of ['cut', 'other'])
      expect(await ask(name)).toMatch(/image-content: .* does not unpack/);
  });
  it('refuses a configuration that no registry would hold, before asking for it', async () => {
    const text = JSON.parse(Buffer.from(original.manifest.bytes).toString()) as { config: object };
    const bytes = Buffer.from(
      JSON.stringify({ ...text, config: { ...text.config, size: 5 * 1024 * 1024 } }),
    );
    const { ask } = await admission({
      big: { ...original, manifest: { digest: `sha256:${sha256Hex(bytes)}`, bytes } },
    });
    expect(await ask('big')).toMatch(/image-policy: the configuration is larger/);
  });
  it('names the images that stay on a machine: the arena’s own, also where a miner entered one, and those it is asked for', async () => {
    const { ask, idsOf } = await admission({ same: baseline, original });
    expect(idsOf([])).toBeNull();
    expect(await ask('same')).toBe('admitted');
    expect(await ask('original')).toBe('admitted');
    expect(idsOf([])).toContain(baseline.manifest.digest);
    expect(idsOf([])).not.toContain(original.manifest.digest);
    expect(idsOf(['original:2'])).toContain(original.manifest.digest);
  });
  it('refuses devices and pipes, which an engine might open as a file of users, but for layers of the arena’s own', async () => {
    const of = async (
      ...special: { name: string; type: 'fifo' | 'character-device' }[]
    ): Promise<ImageLayer> => {
      const tar = pack();
      for (const entry of special) tar.entry({ ...entry, devmajor: 10, devminor: 130 });
      tar.entry({ name: 'srv/special' }, special.map(({ name }) => name).join());
      tar.finalize();
      const parts: Buffer[] = [];
      for await (const part of tar as unknown as AsyncIterable<Buffer>) parts.push(part);
      const plain = Buffer.concat(parts);
      const digest = `sha256:${sha256Hex(plain)}`;
      return {
        digest,
        bytes: plain,
        diffId: digest,
        mediaType: 'application/vnd.oci.image.layer.v1.tar',
      };
    };
    const pipe = buildImage([base, await of({ name: 'etc/passwd', type: 'fifo' })], ENTRY);
    const device = buildImage(
      [base, await of({ name: 'etc/group', type: 'character-device' })],
      ENTRY,
    );
    const old = await of({ name: 'dev/null', type: 'character-device' });
    const publicEngine = buildImage([old], ENTRY);
    const options = {
      extra: { old: [publicEngine] },
      bases: [`old@${publicEngine.manifest.digest}`],
    };
    const { ask } = await admission(
      { pipe, device, heir: buildImage([old, mine], ENTRY) },
      options,
    );
    for (const name of ['pipe', 'device'])
      expect(await ask(name)).toMatch(/image-content: layer 2 has a device or a pipe/);
    expect(await ask('heir')).toBe('admitted');
  });
  it('refuses sizes that are not those of what it names, and texts that are none', async () => {
    type Sizes = { config: { size: number }; layers: { size: number }[] };
    const honest = buildImage([base, mine], ENTRY);
    const changed = (change: (manifest: Buffer) => Buffer): Image => {
      const bytes = change(Buffer.from(honest.manifest.bytes));
      return { ...honest, manifest: { bytes, digest: `sha256:${sha256Hex(bytes)}` } };
    };
    const claiming = (change: (manifest: Sizes) => unknown): Image =>
      changed((bytes) => {
        const manifest = JSON.parse(bytes.toString()) as Sizes;
        change(manifest);
        return Buffer.from(JSON.stringify(manifest));
      });
    const { ask } = await admission({
      honest,
      layer: claiming(({ layers }) => (layers[1]!.size += 1)),
      config: claiming(({ config }) => (config.size += 1)),
      // A name in Latin-1 is JSON to a lenient reader, and other bytes once it was read.
      latin: changed((bytes) =>
        Buffer.concat([
          bytes.subarray(0, -1),
          Buffer.from(',"annotations":{"a":"\xe9"}}', 'latin1'),
        ]),
      ),
      replaced: changed((bytes) =>
        Buffer.concat([bytes.subarray(0, -1), Buffer.from(',"annotations":{"a":"\uFFFD"}}')]),
      ),
    });
    expect(await ask('honest')).toBe('admitted');
    expect(await ask('layer')).toMatch(/^image-content: .* has \d+ bytes, its manifest says/);
    expect(await ask('config')).toMatch(/^image-policy: the configuration has another size/);
    expect(await ask('latin')).toMatch(/^image-content: the manifest is not UTF-8/);
    expect(await ask('replaced')).not.toMatch(/UTF-8/);
  });
  it('stops at too many files, before their marks fill the memory', async () => {
    const many = await Promise.all([0, 1, 2].map((i) => layer(engineFiles(`many-${i}`, 30))));
    const { ask, registry } = await admission(
      { many: buildImage([base, ...many], ENTRY) },
      { arena: { maxOwnFiles: 40 } },
    );
    expect(await ask('many')).toMatch(/image-content: more than 90 files/);
    expect(registry.requests.some((url) => url.includes(many[2]!.digest))).toBe(false);
  });
  it('gives a registry so much time for an image, not for each of its layers', async () => {
    const slowly: Parameters<typeof startRegistry>[1] = (request, response) => {
      const many = thin.find(({ digest }) => (request.url ?? '').endsWith(`/blobs/${digest}`));
      if (many) setTimeout(() => response.end(Buffer.from(many.bytes)), 150);
      return many !== undefined;
    };
    const thin = await Promise.all(
      Array.from({ length: 10 }, (_, i) => layer({ [`/srv/${i}`]: `${i}` })),
    );
    const { ask } = await admission(
      { thin: buildImage([base, ...thin], ENTRY) },
      { first: slowly, patience: { graceMs: 600, bytesPerSecond: 1e6 } },
    );
    await expect(ask('thin')).rejects.toMatchObject({
      message: expect.stringContaining('slower than') as string,
    });
  });
  it('refuses a layer that is no tar, and names a registry’s lie as nobody’s fault', async () => {
    const bytes = Buffer.from('this is no gzip at all');
    const rubbish: ImageLayer = {
      digest: `sha256:${sha256Hex(bytes)}`,
      bytes,
      diffId: mine.diffId,
      mediaType: mine.mediaType,
    };
    const { ask } = await admission(
      { rubbish: buildImage([base, rubbish], ENTRY), lying: original },
      {
        first: (request, response) => {
          if (!(request.url ?? '').includes(`/lying/blobs/${mine.digest}`)) return false;
          response.end(Buffer.from(base.bytes));
          return true;
        },
      },
    );
    expect(await ask('rubbish')).toMatch(/image-content: .* does not unpack/);
    await expect(ask('lying')).rejects.toMatchObject({ code: 'DIGEST', outcome: 'infra' });
  });
  it('calls an image gone where its registry says 401, 403 or 404, and anything else a fault of the registry', async () => {
    const answers = new Map([
      ['gone', 404],
      ['shut', 403],
      ['closed', 401],
      ['broken', 500],
    ]);
    const { ask, registry } = await admission(
      { gone: original, shut: original, closed: original, broken: original },
      {
        first: (request, response) => {
          const status = answers.get((request.url ?? '').split('/')[2] ?? '');
          if (status === undefined) return false;
          response.writeHead(status).end();
          return true;
        },
      },
    );
    for (const name of ['gone', 'shut', 'closed']) expect(await ask(name)).toMatch(/^image-gone/);
    for (let i = 0; i < 3; i++)
      await expect(ask('broken')).rejects.toMatchObject({ code: 'REGISTRY' });
    // Admission tried once more, then settled for the round: no arm waits for the image again.
    expect(registry.requests.filter((url) => url.includes('/broken/'))).toHaveLength(2);
  });
});
