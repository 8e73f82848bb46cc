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
        [{ print: { ...print!, commitBlock: 0 }, claims: true, rounds: 9 }],
        /^copy: of original:1, by layers/,
      ],
      [[{ print: { ...print!, commitBlock: 0 }, claims: false, rounds: 1 }], /^admitted/],
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
          { known: [{ print: print!, claims: false, rounds }], ...(first ? { first } : {}) },
        );
        expect(await ask('again')).toMatch(verdict);
      }
    // The same print again is not kept again.
    const twice = await admission(
      { original },
      { known: [{ print: print!, claims: true, rounds: 9 }] },
    );
    expect(await twice.ask('original')).toBe('admitted');
    expect(twice.kept.size).toBe(0);
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
});
