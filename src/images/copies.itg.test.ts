// Copies among images from a registry on loopback, read by the real client.
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import {
  admission,
  base,
  closeRegistries,
  engineFiles,
  ENTRY,
  layer,
  mine,
  original,
  printsOf,
  removeFolder,
} from '../testing/admission-images.ts';
import { buildImage } from '../devnet/registry/image-builder.ts';
import { startRegistry } from '../devnet/registry/registry-server.ts';

afterEach(closeRegistries);
afterAll(removeFolder);

describe('copies', () => {
  it('finds a copy by digest, by layers, by content, in both directions; the earliest commit keeps the claim', async () => {
    const repacked = await layer(engineFiles('mine'), false);
    const trivial = await layer({ '/README': 'new\n' });
    const split = await Promise.all([
      layer(Object.fromEntries(Object.entries(engineFiles('mine')).slice(0, 10))),
      layer(Object.fromEntries(Object.entries(engineFiles('mine')).slice(10))),
    ]);
    const renamed = await layer(
      Object.fromEntries(
        Object.entries(engineFiles('mine')).map(([path, content]) => [`/opt${path}`, content]),
      ),
    );
    const { ask } = await admission({
      original,
      retagged: original,
      recompressed: buildImage([base, repacked], { Entrypoint: ['/other'] }),
      extra: buildImage([base, mine, trivial], { Entrypoint: ['/mine'] }),
      rebuilt: buildImage([base, ...split], { ...ENTRY, Env: ['A=b'] }),
      moved: buildImage([renamed, base], ENTRY),
      thinned: buildImage(
        [base, await layer(Object.fromEntries(Object.entries(engineFiles('mine')).slice(1)))],
        ENTRY,
      ),
      // Half of it, and all of it beside much that is not: to be measured, and then it must be
      // faster.
      half: buildImage([base, split[0]], ENTRY),
      padded: buildImage([base, mine, await layer(engineFiles('more', 400))], ENTRY),
      other: buildImage([base, await layer(engineFiles('other'))], ENTRY),
    });
    expect(await ask('original')).toBe('admitted');
    expect(await ask('retagged')).toMatch(/^copy: of original:1, by manifest digest/);
    expect(await ask('recompressed')).toMatch(/^copy: of original:1, by layers/);
    for (const name of ['extra', 'rebuilt', 'moved', 'thinned'])
      expect(await ask(name)).toMatch(/^copy: of original:1, by content/);
    for (const name of ['half', 'padded', 'other']) expect(await ask(name)).toBe('admitted');
  });
  it('the order of asking does not decide who copied', async () => {
    const extra = buildImage([base, mine, await layer({ '/x': 'y' })], ENTRY);
    const { ask } = await admission({ original, extra });
    expect(await ask('extra')).toMatch(/^copy: of original:1/);
    expect(await ask('original')).toBe('admitted');
  });
  it('is compared with what earlier rounds saw: where that had a claim, or is of this round and cannot be looked at now', async () => {
    const first = await admission({ original });
    await first.ask('original');
    const [print] = printsOf(first.kept);
    const again = buildImage([base, await layer(engineFiles('mine'), false)], {
      Entrypoint: ['/other'],
    });
    for (const [known, verdict] of [
      [
        [{ print: { ...print!, commitBlock: 0 }, claims: true, rounds: 9, decided: false }],
        /^copy: of original:1, by layers/,
      ],
      [
        [{ print: { ...print!, commitBlock: 0 }, claims: false, rounds: 1, decided: false }],
        /^admitted/,
      ],
    ] as const)
      expect(await (await admission({ again }, { known })).ask('again')).toMatch(verdict);
    const broken: Parameters<typeof startRegistry>[1] = (request, response) => {
      if (!(request.url ?? '').includes('/original/')) return false;
      response.writeHead(502).end();
      return true;
    };
    // An image not measured yet bars copies for two rounds, and after them only if it ever was
    // worth something.
    for (const [rounds, verdict] of [
      [1, /^copy: of original:1, by layers/],
      [2, /^admitted/],
    ] as const)
      for (const first of [broken, undefined]) {
        const { ask } = await admission(
          { original, again },
          {
            known: [{ print: print!, claims: false, rounds, decided: false }],
            ...(first ? { first } : {}),
          },
        );
        expect(await ask('again')).toMatch(verdict);
      }
    // The same print again is not kept again.
    const twice = await admission(
      { original },
      { known: [{ print: print!, claims: true, rounds: 9, decided: false }] },
    );
    expect(await twice.ask('original')).toBe('admitted');
    expect(printsOf(twice.kept)).toEqual([]);
  });
  it('two tunings of the baseline’s own image are no copies of each other, the same tuning is', async () => {
    const { ask } = await admission({
      one: buildImage([base], { Cmd: ['--fast'] }),
      two: buildImage([base], { Cmd: ['--faster'] }),
      three: buildImage([base], { Cmd: ['--fast'] }, { author: 'me' }),
    });
    expect(await ask('one')).toBe('admitted');
    expect(await ask('two')).toBe('admitted');
    expect(await ask('three')).toMatch(/^copy: of one:1, by layers/);
  });
  it('S07 nobody owns a public engine: whoever commits it first bars no tuner that names it as the base', async () => {
    const nightly = await layer(engineFiles('nightly', 60));
    const engine = buildImage([nightly], { Entrypoint: ['/serve'], Env: ['CUDA_VERSION=13.1'] });
    const tuned = await layer({ '/srv/flags.json': '{"chunk":8192}' });
    const tuner = buildImage([nightly, tuned], {
      Entrypoint: ['/serve', '--config', '/srv/flags.json'],
      Env: ['CUDA_VERSION=13.1'],
    });
    const started = buildImage([nightly], { Entrypoint: ['/serve', '--fast'] });
    const plain = buildImage([nightly], { Entrypoint: ['/serve'] });
    const named = `nightly@${engine.manifest.digest}`;
    const options = { extra: { nightly: [engine] } };
    // As it was: the first to commit the engine owned it.
    const before = await admission({ plain, tuner: buildImage([nightly, tuned], ENTRY) }, options);
    expect(await before.ask('plain')).toBe('admitted');
    expect(await before.ask('tuner')).toMatch(/^copy: of plain:1, by content/);
    const builtOn = { bare: named, tuner: named, started: named, copy: named };
    const copy = buildImage([nightly, tuned, await layer({ '/x': 'y' })], ENTRY);
    const { ask, kept } = await admission(
      { plain, bare: engine, tuner, started, copy },
      { ...options, builtOn },
    );
    expect(await ask('plain')).toBe('admitted');
    expect(await ask('bare')).toMatch(/^bare-base: .*nightly@.* as it is/);
    expect(await ask('tuner')).toBe('admitted');
    expect(await ask('started')).toBe('admitted');
    expect(await ask('copy')).toMatch(/^copy: of tuner:3, by content/);
    const own = printsOf(kept).find((print) => print?.key === 'tuner:3');
    expect(own).toMatchObject({ files: { length: 1 }, base: expect.stringContaining(named) });
    const listed = await admission({ bare: engine }, { ...options, bases: [named] });
    expect(await listed.ask('bare')).toMatch(/^bare-base/);
  });
  it('refuses a base that is not there', async () => {
    const builtOn = { original: `nothing@sha256:${'0'.repeat(64)}` };
    const { ask } = await admission({ original }, { builtOn });
    expect(await ask('original')).toMatch(/^image-content: its base .*404/);
  });
  it('is decided once: what a round measured is no copy of what it learns of later', async () => {
    const extra = buildImage([base, mine, await layer({ '/x': 'y' })], ENTRY);
    const first = await admission({ other: buildImage([base], ENTRY), extra });
    expect(await first.ask('extra')).toBe('admitted');
    const print = printsOf(first.kept).find((item) => item?.key === 'extra:2')!;
    const known = (decided: boolean) => [{ print, claims: false, rounds: 0, decided }];
    const again = async (decided: boolean) =>
      (await admission({ original, extra }, { known: known(decided) })).ask('extra');
    expect(await again(false)).toMatch(/^copy: of original:1/);
    expect(await again(true)).toBe('admitted');
  });
});
