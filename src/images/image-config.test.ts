// Tests of image configurations and of copy detection: hostile and honest inputs.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fileMark } from '../schema/content-mark.ts';
import type { Fingerprint } from '../schema/fingerprint.ts';
import { containment, copyOf, ownFiles } from './copies.ts';
import { readConfig } from './image-config.ts';

const config = (more: object = {}): string =>
  JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: [] },
    config: { Entrypoint: ['/x'], ...more },
  });

describe('an image’s configuration', () => {
  it('has no more history than layers, in any spelling', () => {
    const whole = (more: object): string =>
      JSON.stringify({ ...(JSON.parse(config()) as object), ...more });
    const read = (text: string) => readConfig(text, 0, new Set());
    expect(
      read(whole({ history: [{ empty_layer: true }, { created_by: 'x', empty_layer: true }] })),
    ).toMatchObject({ ok: true });
    expect(read(whole({ history: null }))).toMatchObject({ ok: true });
    expect(read(whole({ history: [{ created_by: 'COPY' }] }))).toMatchObject({
      reason: expect.stringContaining('history') as string,
    });
    expect(read(whole({ history: [{ empty_layer: true, Empty_Layer: false }] }))).toMatchObject({
      ok: false,
    });
  });
  it('never throws, whatever it says, and gives a reason', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.constant('['.repeat(10_000)),
          fc
            .record({ config: fc.anything(), rootfs: fc.anything() })
            .map((value) => JSON.stringify(value)),
        ),
        (text) => {
          const result = readConfig(text, 0, new Set());
          expect(result.ok || result.reason.length > 0).toBe(true);
        },
      ),
      { numRuns: Number(process.env['SOAK_FUZZ'] ?? 2000) },
    );
  });
  it('refuses a folder to start in that an engine would refuse only later', () => {
    expect(readConfig(config({ WorkingDir: 'app' }), 0, new Set())).toMatchObject({
      verdict: 'E_IMAGE_POLICY',
    });
    expect(readConfig(config({ WorkingDir: '/app' }), 0, new Set())).toMatchObject({ ok: true });
  });
  it('refuses text that an engine would end early or replace, and an empty program', () => {
    for (const bad of [
      { Env: ['A=x\0y'] },
      { WorkingDir: '/a\0' },
      { Cmd: ['\ud800'] },
      { Entrypoint: [''] },
      { Entrypoint: [], Cmd: ['', 'x'] },
    ])
      expect(readConfig(config(bad), 0, new Set())).toMatchObject({ verdict: 'E_IMAGE_POLICY' });
  });
  it('refuses names that Go folds to ours: in another case, or with the long s', () => {
    for (const alias of ['Volume\u017f', 'EXPOSEDPORTS'])
      expect(readConfig(config({ [alias]: {} }), 0, new Set())).toMatchObject({
        verdict: 'E_IMAGE_POLICY',
      });
  });
  it('trusts the arena’s own images', () => {
    expect(
      readConfig(config({ Env: ['LD_PRELOAD=x'], Volumes: { '/v': {} } }), 0, null),
    ).toMatchObject({ ok: true });
    expect(readConfig(config({ Env: ['LD_PRELOAD=x'] }), 0, new Set())).toMatchObject({
      ok: false,
    });
  });
});

describe('a fingerprint', () => {
  const print = (
    hotkey: string,
    commitBlock: number,
    files: string[],
    more: Partial<Fingerprint> = {},
  ): Fingerprint => ({
    schema: 1,
    key: `${hotkey}:${commitBlock}`,
    hotkey,
    commitBlock,
    digest: `sha256:${hotkey}`,
    diffIds: [hotkey],
    start: hotkey,
    base: null,
    files,
    ...more,
  });
  /** Marks of files of a hundred bytes, or of as many as are given. */
  const names = (from: number, to: number, bytes = 100): string[] =>
    Array.from({ length: to - from }, (_, i) =>
      fileMark((from + i).toString(16).padStart(64, '0'), bytes),
    ).map((mark, i) => mark.replace(/^0{16}/, (from + i).toString(16).padStart(16, '0')));

  it('leaves the baseline’s files out, and measures containment both ways, by weight', () => {
    const [a, b, c, d] = names(0, 4) as [string, string, string, string];
    expect(ownFiles(new Set([c, a, b]), new Set([b]))).toEqual([a, c]);
    expect(containment([a, b], [b, c, d, names(9, 10)[0]!])).toEqual({ aInB: 0.5, bInA: 0.25 });
    expect(containment([a, ...names(9, 10, 300)], [a])).toEqual({ aInB: 0.25, bInA: 1 });
    expect(containment([], [a])).toBeNull();
  });
  it('is a copy at nine tenths, of an earlier commit of somebody else only', () => {
    const first = print('a', 10, names(0, 100));
    expect(
      copyOf(print('b', 20, [...names(0, 90), ...names(200, 210)]), [first], 0.9),
    ).toMatchObject({ of: 'a:10' });
    expect(copyOf(print('b', 20, [...names(0, 89), ...names(200, 211)]), [first], 0.9)).toBeNull();
    expect(copyOf(print('b', 5, names(0, 100)), [first], 0.9)).toBeNull();
    expect(copyOf(print('a', 20, names(0, 100)), [first], 0.9)).toBeNull();
    expect(
      copyOf(print('c', 30, names(0, 100)), [print('b', 20, names(0, 100)), first], 0.9),
    ).toMatchObject({ of: 'a:10' });
  });
  it('no commit of popular files bars those who use them beside work of their own', () => {
    const library = [...names(1000, 1001, 500_000_000), ...names(2000, 2100, 2000)];
    const squatter = print('s', 1, library);
    const patches = names(0, 40, 20_000);
    expect(copyOf(print('m', 2, [...library, ...patches]), [squatter], 0.9)).toBeNull();
    // A file as large as a library weighs no more than a large source file: a trifle beside it
    // stays one.
    expect(copyOf(print('m', 2, [...library, ...names(0, 1, 50)]), [squatter], 0.9)).toMatchObject({
      of: 's:1',
    });
  });
});
