import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { containment, copyOf, ownFiles, type Fingerprint } from './fingerprint.ts';
import { readConfig } from './image-config.ts';

const config = (more: object = {}): string =>
  JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: [] },
    config: { Entrypoint: ['/x'], ...more },
  });

describe('an image’s configuration', () => {
  it('never throws, whatever it says, and gives a reason', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.constant('['.repeat(10_000)),
          fc.record({ config: fc.anything(), rootfs: fc.anything() }).map((value) => JSON.stringify(value)),
        ),
        (text) => {
          const result = readConfig(text, 0, new Set());
          expect(result.ok || result.reason.length > 0).toBe(true);
        },
      ),
      { numRuns: Number(process.env['SOAK_FUZZ'] ?? 2000) },
    );
  });
  it('trusts the arena’s own images', () => {
    expect(readConfig(config({ Env: ['LD_PRELOAD=x'], Volumes: { '/v': {} } }), 0, null)).toMatchObject({ ok: true });
    expect(readConfig(config({ Env: ['LD_PRELOAD=x'] }), 0, new Set())).toMatchObject({ ok: false });
  });
});

describe('a fingerprint', () => {
  const print = (hotkey: string, commitBlock: number, files: string[], more: Partial<Fingerprint> = {}): Fingerprint => ({
    schema: 1,
    key: `${hotkey}:${commitBlock}`,
    hotkey,
    commitBlock,
    digest: `sha256:${hotkey}`,
    diffIds: [hotkey],
    start: hotkey,
    files,
    ...more,
  });
  const names = (from: number, to: number): string[] =>
    Array.from({ length: to - from }, (_, i) => (from + i).toString(16).padStart(16, '0'));

  it('leaves the baseline’s files out, and measures containment both ways', () => {
    expect(ownFiles(new Set(['c', 'a', 'b']), new Set(['b']))).toEqual(['a', 'c']);
    expect(containment(['a', 'b'], ['b', 'c', 'd', 'e'])).toEqual({ aInB: 0.5, bInA: 0.25 });
    expect(containment([], ['a'])).toBeNull();
  });
  it('is a copy at nine tenths, of an earlier commit of somebody else only', () => {
    const first = print('a', 10, names(0, 100));
    expect(copyOf(print('b', 20, [...names(0, 90), ...names(200, 210)]), [first], 0.9)).toMatchObject({ of: 'a:10' });
    expect(copyOf(print('b', 20, [...names(0, 89), ...names(200, 211)]), [first], 0.9)).toBeNull();
    expect(copyOf(print('b', 5, names(0, 100)), [first], 0.9)).toBeNull();
    expect(copyOf(print('a', 20, names(0, 100)), [first], 0.9)).toBeNull();
    expect(copyOf(print('c', 30, names(0, 100)), [print('b', 20, names(0, 100)), first], 0.9)).toMatchObject({ of: 'a:10' });
  });
});
