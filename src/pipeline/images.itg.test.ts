// Admission of images from a registry on loopback, read by the real client and, where Docker is there, pulled by the engine.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { constants, zstdCompressSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import { pack } from 'tar-stream';
import type Docker from 'dockerode';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { splitReference } from '../arena/image-ref.ts';
import { parseArena } from '../arena/schema.ts';
import { sha256Hex } from '../core/hash.ts';
import { silentLog } from '../core/log.ts';
import { imageOf, layerOf, type Image, type Layer } from '../devnet/registry/oci.ts';
import { startRegistry, type Registry } from '../devnet/registry/server.ts';
import type { ImageStore, LocalImage } from '../harness/image-store.ts';
import { monotonicClock } from '../harness/io/clock.ts';
import { findDocker } from '../harness/io/docker/host.ts';
import { dockerImages, type Patience } from '../harness/io/docker/image-store.ts';
import { isPrivateAddress, Repository } from '../harness/io/registry.ts';
import { fingerprintReader, type KnownImage } from './fingerprints.ts';
import { openAdmission, type Admission, type Entry } from './images.ts';

/** No test waits between two tries. */
const clock = { ...monotonicClock, sleep: () => Promise.resolve() };
const ROOT = resolve(import.meta.dirname, '../..');
const found = await findDocker();
const folder = mkdtempSync(join(tmpdir(), 'images-'));
const arenaFile = JSON.parse(readFileSync(join(ROOT, 'src/devnet/arena.json'), 'utf8')) as object;
const registries: Registry[] = [];
afterEach(async () => {
  for (const registry of registries.splice(0)) await registry.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (content: string | Buffer) => ({ bytes: Buffer.from(content), mode: 0o644 });
const layer = (files: Record<string, string>, packed = true): Promise<Layer> =>
  layerOf(new Map(Object.entries(files).map(([path, content]) => [path, file(content)])), packed);
const engineFiles = (tag: string, count = 20): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`/srv/${tag}/${i}`, `${tag} file ${i}\n`]));
const base = await layer(engineFiles('base', 50));
const baselineEnv = ['PATH=/usr/bin', 'NVIDIA_VISIBLE_DEVICES=all', 'LD_LIBRARY_PATH=/usr/local/nvidia/lib'];
const baseline = imageOf([base], { Entrypoint: ['/serve'], Env: baselineEnv });
const ENTRY = { Entrypoint: ['/mine'] };
const mine = { ...(await layer(engineFiles('mine'))), plain: Buffer.from((await layer(engineFiles('mine'), false)).bytes) };
const original = imageOf([base, mine], { Entrypoint: ['/mine'], Env: baselineEnv });

/** The admission of images that were entered in this order, from one registry. Pulls count as done: the engine is another test's. */
async function admission(
  entered: Record<string, Image>,
  options: {
    arena?: object;
    first?: Parameters<typeof startRegistry>[1];
    extra?: Record<string, readonly Image[]>;
    engine?: Partial<LocalImage>;
    known?: readonly KnownImage[];
    patience?: Patience;
    bases?: readonly string[];
    environment?: readonly string[];
  } = {},
): Promise<{
  ask: (name: string) => Promise<string>;
  kept: Map<string, Uint8Array>;
  registry: Registry;
  pulled: string[];
  idsOf: Admission['idsOf'];
}> {
  const registry = await startRegistry(
    new Map(
      Object.entries({
        baseline: [baseline],
        ...Object.fromEntries(Object.entries(entered).map(([name, image]) => [name, [image]])),
        ...options.extra,
      }),
    ),
    options.first,
  );
  registries.push(registry);
  const reference = `${registry.host}/baseline@${baseline.manifest.digest}`;
  const arena = parseArena(
    {
      ...arenaFile,
      images: {
        baseline: reference,
        reference,
        bases: (options.bases ?? []).map((base) => `${registry.host}/${base}`),
        environment: options.environment ?? [],
      },
      ...options.arena,
    },
    'test',
  );
  const pulled: string[] = [];
  const real = dockerImages(
    null as unknown as Docker,
    splitReference,
    true,
    mkdtempSync(join(folder, 'layers-')),
    options.patience,
  );
  const images: ImageStore = {
    ...real,
    pull: async (image, digest) => {
      pulled.push(image);
      const manifest = JSON.parse(((await real.manifest(image, digest)) as { value: string }).value) as {
        config: { digest: string };
      };
      const config = await real.config(image, manifest.config.digest);
      const { rootfs, config: settings } = JSON.parse((config as { value: string }).value) as {
        rootfs: { diff_ids: string[] };
        config: Record<string, string[]>;
      };
      const start = { entrypoint: settings['Entrypoint'] ?? [], cmd: settings['Cmd'] ?? [], workingDir: '' };
      return {
        state: 'found',
        value: {
          id: digest,
          diffIds: rootfs.diff_ids,
          env: settings['Env'] ?? [],
          volumes: [],
          onBuild: [],
          start,
          ...options.engine,
        },
      };
    },
  };
  const entries = Object.entries(entered).map(([name, image], i): Entry => ({
    key: `${name}:${i + 1}`,
    hotkey: name,
    commitBlock: i + 1,
    image: `${registry.host}/${name}`,
    digest: image.manifest.digest,
  }));
  const kept = new Map<string, Uint8Array>();
  const { admit, idsOf } = openAdmission(
    { images, clock, log: silentLog, keep: (path, content) => void kept.set(path, content) },
    arena,
    { shard: 0, entries, known: options.known ?? [] },
  );
  const ask = async (name: string): Promise<string> => {
    const refusal = await admit(entries.find(({ hotkey }) => hotkey === name)!.key);
    return 'name' in refusal ? `${refusal.name}: ${refusal.detail}` : 'admitted';
  };
  return { ask, kept, registry, pulled, idsOf };
}

const printsOf = (kept: ReadonlyMap<string, Uint8Array>) =>
  [...kept].map(([path, bytes]) => fingerprintReader((own) => Buffer.from(own).toString())(`rounds/1/${path}`, bytes));

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
    ['another NVIDIA_VISIBLE_DEVICES', { Env: ['NVIDIA_VISIBLE_DEVICES=0,1'] }, /NVIDIA_VISIBLE_DEVICES/],
    ['CUDA_ anything', { Env: ['CUDA_VISIBLE_DEVICES=all'] }, /CUDA_VISIBLE/],
  ])('refuses %s', async (_, config, reason) => {
    const { ask, pulled } = await admission({ bad: imageOf([base, mine], { Entrypoint: ['/mine'], ...config }) });
    expect(await ask('bad')).toMatch(/^image-policy/);
    expect(await ask('bad')).toMatch(reason);
    expect(pulled).toEqual([]);
  });
  it('takes variables as the baseline has them, emptied ones, and those that the arena lists', async () => {
    const environment = ['CUDA_VERSION=13.0'];
    const image = imageOf([base, mine], { Entrypoint: ['/mine'], Env: [...baselineEnv, 'LD_PRELOAD=', ...environment] });
    const { ask } = await admission({ image });
    expect(await ask('image')).toMatch(/CUDA_VERSION/);
    const listed = await admission({ image }, { environment });
    expect(await listed.ask('image')).toBe('admitted');
  });
  it('takes the variables of a public engine that the arena lists, and nobody owns its files', async () => {
    const other = imageOf([await layer(engineFiles('nightly'))], { Entrypoint: ['/serve'], Env: ['CUDA_VERSION=13.1'] });
    const built = (env: string[]): Image =>
      imageOf([{ ...nightly }, mine], { Entrypoint: ['/mine'], Env: [...env, 'CUDA_VERSION=13.1'] });
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
      arm: imageOf([base, mine], ENTRY, { architecture: 'arm64' }),
      swapped: imageOf([base, { ...mine, diffId: base.diffId }], ENTRY),
      short: imageOf([base, mine], ENTRY, { rootfs: { type: 'layers', diff_ids: [base.diffId] } }),
    });
    expect(await ask('arm')).toMatch(/image-policy: an image for linux\/arm64/);
    expect(await ask('swapped')).toMatch(/image-policy: layer 2 is not/);
    expect(await ask('short')).toMatch(/diff-ids/);
  });
  it('refuses what the engine would read otherwise: names in another case, another program', async () => {
    const twice = imageOf([base, mine], { ...ENTRY, volumes: { '/data': {} } });
    const layers = JSON.parse(Buffer.from(original.manifest.bytes).toString()) as { layers: object[] };
    const text = Buffer.from(JSON.stringify({ ...layers, Layers: layers.layers }));
    const manifest = { digest: `sha256:${sha256Hex(text)}`, bytes: text };
    const { ask } = await admission({ twice, shadowed: { ...original, manifest } });
    expect(await ask('twice')).toMatch(/another spelling/);
    expect(await ask('shadowed')).toMatch(/another spelling/);
    const other = await admission({ original }, { engine: { volumes: ['/data'] } });
    expect(await other.ask('original')).toMatch(/the engine reads another list of volumes/);
    const none = await admission({ none: imageOf([base, mine], {}) });
    expect(await none.ask('none')).toMatch(/no program/);
  });
  it('refuses a megabyte that unpacks to a gigabyte before anything is on disk', async () => {
    const zeros = Buffer.alloc(64 * 1024 * 1024);
    const bomb = await layerOf(new Map([['/zeros', { bytes: zeros, mode: 0o644 }]]), true);
    expect(bomb.bytes.length).toBeLessThan(100_000);
    const { ask, pulled } = await admission({ bomb: imageOf([base, bomb], ENTRY) }, { arena: { maxUnpackedGb: 0.01 } });
    expect(await ask('bomb')).toMatch(/image-policy: it unpacks to more than 0.0 GB/);
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
    const skipped = Buffer.concat([Buffer.from([0x5f, 0x2a, 0x4d, 0x18, 3, 0, 0, 0]), Buffer.from('toc')]);
    const checked = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };
    const frames = [
      skipped,
      zstdCompressSync(mine.plain.subarray(0, half), checked),
      skipped,
      zstdCompressSync(mine.plain.subarray(half)),
      skipped,
    ];
    const zstd = (bytes: Buffer, mediaType = 'application/vnd.oci.image.layer.v1.tar+zstd'): Layer => ({
      ...mine,
      bytes,
      mediaType,
      digest: `sha256:${sha256Hex(bytes)}`,
    });
    const whole = Buffer.concat(frames);
    const { ask } = await admission({
      frames: imageOf([base, zstd(whole)], ENTRY),
      docker: imageOf([base, zstd(whole, 'application/vnd.docker.image.rootfs.diff.tar.zstd')], { Entrypoint: ['/z'] }),
      cut: imageOf([base, zstd(whole.subarray(0, whole.length - 15))], { Entrypoint: ['/z'] }),
      other: imageOf([base, zstd(Buffer.concat([whole, Buffer.from('more')]))], { Entrypoint: ['/z'] }),
    });
    expect(await ask('frames')).toBe('admitted');
    expect(await ask('docker')).toMatch(/^copy: of frames:1/);
    for (const name of ['cut', 'other']) expect(await ask(name)).toMatch(/image-policy: .* does not unpack/);
  });
  it('refuses a configuration that no registry would hold, before asking for it', async () => {
    const text = JSON.parse(Buffer.from(original.manifest.bytes).toString()) as { config: object };
    const bytes = Buffer.from(JSON.stringify({ ...text, config: { ...text.config, size: 5 * 1024 * 1024 } }));
    const { ask } = await admission({ big: { ...original, manifest: { digest: `sha256:${sha256Hex(bytes)}`, bytes } } });
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
    const of = async (...special: { name: string; type: 'fifo' | 'character-device' }[]): Promise<Layer> => {
      const tar = pack();
      for (const entry of special) tar.entry({ ...entry, devmajor: 10, devminor: 130 });
      tar.entry({ name: 'srv/special' }, special.map(({ name }) => name).join());
      tar.finalize();
      const parts: Buffer[] = [];
      for await (const part of tar as unknown as AsyncIterable<Buffer>) parts.push(part);
      const plain = Buffer.concat(parts);
      const digest = `sha256:${sha256Hex(plain)}`;
      return { digest, bytes: plain, diffId: digest, mediaType: 'application/vnd.oci.image.layer.v1.tar' };
    };
    const pipe = imageOf([base, await of({ name: 'etc/passwd', type: 'fifo' })], ENTRY);
    const device = imageOf([base, await of({ name: 'etc/group', type: 'character-device' })], ENTRY);
    const old = await of({ name: 'dev/null', type: 'character-device' });
    const publicEngine = imageOf([old], ENTRY);
    const options = { extra: { old: [publicEngine] }, bases: [`old@${publicEngine.manifest.digest}`] };
    const { ask } = await admission({ pipe, device, heir: imageOf([old, mine], ENTRY) }, options);
    for (const name of ['pipe', 'device']) expect(await ask(name)).toMatch(/image-policy: layer 2 has a device or a pipe/);
    expect(await ask('heir')).toBe('admitted');
  });
  it('stops at too many files, before their marks fill the memory', async () => {
    const many = await Promise.all([0, 1, 2].map((i) => layer(engineFiles(`many-${i}`, 30))));
    const { ask, registry } = await admission({ many: imageOf([base, ...many], ENTRY) }, { arena: { maxOwnFiles: 40 } });
    expect(await ask('many')).toMatch(/image-policy: more than 90 files/);
    expect(registry.requests.some((url) => url.includes(many[2]!.digest))).toBe(false);
  });
  it('gives a registry so much time for an image, not for each of its layers', async () => {
    const slowly: Parameters<typeof startRegistry>[1] = (request, response) => {
      const many = thin.find(({ digest }) => (request.url ?? '').endsWith(`/blobs/${digest}`));
      if (many) setTimeout(() => response.end(Buffer.from(many.bytes)), 150);
      return many !== undefined;
    };
    const thin = await Promise.all(Array.from({ length: 10 }, (_, i) => layer({ [`/srv/${i}`]: `${i}` })));
    const { ask } = await admission(
      { thin: imageOf([base, ...thin], ENTRY) },
      { first: slowly, patience: { graceMs: 600, bytesPerSecond: 1e6 } },
    );
    await expect(ask('thin')).rejects.toMatchObject({ message: expect.stringContaining('slower than') as string });
  });
  it('refuses a layer that is no tar, and names a registry’s lie as nobody’s fault', async () => {
    const bytes = Buffer.from('this is no gzip at all');
    const rubbish: Layer = { digest: `sha256:${sha256Hex(bytes)}`, bytes, diffId: mine.diffId, mediaType: mine.mediaType };
    const { ask } = await admission(
      { rubbish: imageOf([base, rubbish], ENTRY), lying: original },
      {
        first: (request, response) => {
          if (!(request.url ?? '').includes(`/lying/blobs/${mine.digest}`)) return false;
          response.end(Buffer.from(base.bytes));
          return true;
        },
      },
    );
    expect(await ask('rubbish')).toMatch(/image-policy: .* does not unpack/);
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
    for (let i = 0; i < 3; i++) await expect(ask('broken')).rejects.toMatchObject({ code: 'REGISTRY' });
    // Tried once more, then settled for the round: nobody waits for it again.
    expect(registry.requests.filter((url) => url.includes('/broken/'))).toHaveLength(2);
  });
});

describe('copies', () => {
  it('finds a copy by digest, by layers, by content, in both directions; the earliest commit keeps the claim', async () => {
    const repacked = await layer(engineFiles('mine'), false);
    const trivial = await layer({ '/README': 'new\n' });
    const split = await Promise.all([
      layer(Object.fromEntries(Object.entries(engineFiles('mine')).slice(0, 10))),
      layer(Object.fromEntries(Object.entries(engineFiles('mine')).slice(10))),
    ]);
    const renamed = await layer(
      Object.fromEntries(Object.entries(engineFiles('mine')).map(([path, content]) => [`/opt${path}`, content])),
    );
    const { ask } = await admission({
      original,
      retagged: original,
      recompressed: imageOf([base, repacked], { Entrypoint: ['/other'] }),
      extra: imageOf([base, mine, trivial], { Entrypoint: ['/mine'] }),
      rebuilt: imageOf([base, ...split], { ...ENTRY, Env: ['A=b'] }),
      moved: imageOf([renamed, base], ENTRY),
      thinned: imageOf([base, await layer(Object.fromEntries(Object.entries(engineFiles('mine')).slice(1)))], ENTRY),
      // Half of it, and all of it beside much that is not: to be measured, and then it must be faster.
      half: imageOf([base, split[0]], ENTRY),
      padded: imageOf([base, mine, await layer(engineFiles('more', 400))], ENTRY),
      other: imageOf([base, await layer(engineFiles('other'))], ENTRY),
    });
    expect(await ask('original')).toBe('admitted');
    expect(await ask('retagged')).toMatch(/^copy: of original:1, by manifest digest/);
    expect(await ask('recompressed')).toMatch(/^copy: of original:1, by layers/);
    for (const name of ['extra', 'rebuilt', 'moved', 'thinned'])
      expect(await ask(name)).toMatch(/^copy: of original:1, by content/);
    for (const name of ['half', 'padded', 'other']) expect(await ask(name)).toBe('admitted');
  });
  it('the order of asking does not decide who copied', async () => {
    const extra = imageOf([base, mine, await layer({ '/x': 'y' })], ENTRY);
    const { ask } = await admission({ original, extra });
    expect(await ask('extra')).toMatch(/^copy: of original:1/);
    expect(await ask('original')).toBe('admitted');
  });
  it('is compared with what earlier rounds saw: where that had a claim, or is of this round and cannot be looked at now', async () => {
    const first = await admission({ original });
    await first.ask('original');
    const [print] = printsOf(first.kept);
    const again = imageOf([base, await layer(engineFiles('mine'), false)], { Entrypoint: ['/other'] });
    for (const [known, verdict] of [
      [[{ print: { ...print!, commitBlock: 0 }, claims: true, rounds: 9 }], /^copy: of original:1, by layers/],
      [[{ print: { ...print!, commitBlock: 0 }, claims: false, rounds: 1 }], /^admitted/],
    ] as const)
      expect(await (await admission({ again }, { known })).ask('again')).toMatch(verdict);
    const broken: Parameters<typeof startRegistry>[1] = (request, response) => {
      if (!(request.url ?? '').includes('/original/')) return false;
      response.writeHead(502).end();
      return true;
    };
    // Not measured yet: it stands for two rounds, and then only if it ever was worth something.
    for (const [rounds, verdict] of [
      [1, /^copy: of original:1, by layers/],
      [2, /^admitted/],
    ] as const)
      for (const first of [broken, undefined]) {
        const { ask } = await admission(
          { original, again },
          { known: [{ print: print!, claims: false, rounds }], ...(first ? { first } : {}) },
        );
        expect(await ask('again')).toMatch(verdict);
      }
    // The same print again is not kept again.
    const twice = await admission({ original }, { known: [{ print: print!, claims: true, rounds: 9 }] });
    expect(await twice.ask('original')).toBe('admitted');
    expect(twice.kept.size).toBe(0);
  });
  it('two tunings of the baseline’s own image are no copies of each other, the same tuning is', async () => {
    const { ask } = await admission({
      one: imageOf([base], { Cmd: ['--fast'] }),
      two: imageOf([base], { Cmd: ['--faster'] }),
      three: imageOf([base], { Cmd: ['--fast'] }, { author: 'me' }),
    });
    expect(await ask('one')).toBe('admitted');
    expect(await ask('two')).toBe('admitted');
    expect(await ask('three')).toMatch(/^copy: of one:1, by layers/);
  });
});

describe('the registry client', () => {
  it('is led to no address of this machine or its networks', async () => {
    for (const address of [
      '127.0.0.1',
      '10.1.2.3',
      '172.20.0.1',
      '192.168.1.1',
      '169.254.169.254',
      '100.100.1.1',
      '0.0.0.0',
      '::1',
      'fd00::1',
      'fe80::1',
      '::ffff:10.0.0.1',
    ])
      expect(isPrivateAddress(address)).toBe(true);
    for (const address of ['1.1.1.1', '140.82.112.3', '2606:4700::1']) expect(isPrivateAddress(address)).toBe(false);
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
        new Repository({ host: `localhost:${port}`, path: 'x' }, false).manifest(`sha256:${'0'.repeat(64)}`),
      ).rejects.toMatchObject({ code: 'REGISTRY', message: expect.stringContaining('private') as string });
      for (const location of [`http://127.0.0.1:${port}/`, `https://127.0.0.1:${port}/`, `https://localhost:${port}/`]) {
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
            response.writeHead(401, { 'www-authenticate': `Bearer realm="https://localhost:${port}/token",service="x"` }).end();
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
    await expect(ask('original')).rejects.toMatchObject({ message: expect.stringContaining('redirects more than') as string });
  });
});

const distribution = ((): string | null => {
  try {
    return execFileSync('which', ['docker-registry']).toString().trim();
  } catch {
    return null;
  }
})();
if (distribution === null || found === null)
  console.warn('skipped: pulling from a real registry (needs Docker and docker-registry)');

describe.skipIf(distribution === null || found === null)('a real registry and a real engine', () => {
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
      const images = dockerImages(found!, splitReference, true, join(folder, 'real-layers'));
      const name = `127.0.0.1:${port}/original`;
      expect(await images.manifest(name, original.manifest.digest)).toMatchObject({ state: 'found' });
      expect(
        await images.scan(name, { digest: mine.digest, mediaType: mine.mediaType, size: mine.bytes.length }, 1e9, images.pace()),
      ).toMatchObject({ value: { ok: true, scan: { diffId: mine.diffId } } });
      expect(await images.manifest(name, `sha256:${'0'.repeat(64)}`)).toMatchObject({ state: 'gone' });
      const pulled = await images.pull(name, original.manifest.digest, { packedBytes: 1e6, unpackedBytes: 1e6 }, () => undefined);
      expect(pulled).toMatchObject({
        state: 'found',
        value: { diffIds: [base.diffId, mine.diffId], start: { entrypoint: ['/mine'] } },
      });
      expect(
        await images.pull(name, `sha256:${'1'.repeat(64)}`, { packedBytes: 1e6, unpackedBytes: 1e6 }, () => undefined),
      ).toMatchObject({ state: 'gone' });
      // A registry that never answers the engine: given up in time.
      const hung = createServer(() => undefined);
      await new Promise<void>((done) => hung.listen(0, '127.0.0.1', done));
      const impatient = dockerImages(found!, splitReference, true, join(folder, 'real-layers'), {
        graceMs: 1500,
        bytesPerSecond: 1e9,
      });
      const size = { packedBytes: 1, unpackedBytes: 1 };
      await expect(
        impatient.pull(`127.0.0.1:${(hung.address() as AddressInfo).port}/x`, `sha256:${'2'.repeat(64)}`, size, () => undefined),
      ).rejects.toMatchObject({ code: 'REGISTRY', message: expect.stringContaining('not done within 2 s') as string });
      hung.closeAllConnections();
      hung.close();
      // What it brought to this machine it takes away again, but for what is to stay; a new process knows of it too.
      const Id = (pulled as { value: LocalImage }).value.id;
      await images.tidy(new Set([Id]));
      expect(await found!.getImage(Id).inspect()).toMatchObject({ Id });
      await dockerImages(found!, splitReference, true, join(folder, 'real-layers')).tidy(new Set());
      await expect(found!.getImage(Id).inspect()).rejects.toMatchObject({ statusCode: 404 });
    } finally {
      server.kill('SIGKILL');
    }
  });
});
