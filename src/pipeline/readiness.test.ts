// Tests of what a round needs before it is planned.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CODE_VERSION } from '../schema/code-version.ts';
import { assertReady } from './readiness.ts';

const tier = { gpus: 8, memoryGb: 141, models: ['NVIDIA H200'] };
const arena = { name: 'test', corpus: 'generated', hardware: {}, leastVersion: '1.2.3' } as const;

describe('an arena is ready for a round', () => {
  it('on any hardware where it names none', () => {
    expect(() => assertReady(arena, 'unset', '1.2.3')).not.toThrow();
  });
  it('only on hardware that it names', () => {
    const strict = { ...arena, hardware: { 'A-H200': tier } };
    expect(() => assertReady(strict, 'A-H200', '2.0.0')).not.toThrow();
    expect(() => assertReady(strict, 'unset', '2.0.0')).toThrow(
      'the tier unset is not in the hardware',
    );
  });
  it('only with code that is new enough', () => {
    for (const version of ['1.2.3', '1.2.10', '1.10.0', '2.0.0'])
      expect(() => assertReady(arena, 'unset', version)).not.toThrow();
    for (const version of ['1.2.2', '1.1.9', '0.9.9'])
      expect(() => assertReady(arena, 'unset', version)).toThrow(
        `needs version 1.2.3 of this code, this is ${version}`,
      );
  });
  it('by the version that the package has', () => {
    const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
    expect((JSON.parse(text) as { version: string }).version).toBe(CODE_VERSION);
  });
  it('only with a corpus that is pinned', () => {
    const corpus = { name: 'pg19', manifestSha256: null };
    expect(() => assertReady({ ...arena, corpus }, 'unset', '2.0.0')).toThrow('is not pinned');
  });
});
