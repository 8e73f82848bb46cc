// Tests of what a round needs before it is planned.
import { describe, expect, it } from 'vitest';
import { assertReady } from './readiness.ts';

const tier = { gpus: 8, memoryGb: 141, models: ['NVIDIA H200'] };
const arena = { name: 'test', corpus: 'generated', hardware: {} } as const;

describe('an arena is ready for a round', () => {
  it('on any hardware where it names none', () => {
    expect(() => assertReady(arena, 'unset')).not.toThrow();
  });
  it('only on hardware that it names', () => {
    const strict = { ...arena, hardware: { 'A-H200': tier } };
    expect(() => assertReady(strict, 'A-H200')).not.toThrow();
    expect(() => assertReady(strict, 'unset')).toThrow('the tier unset is not in the hardware');
  });
  it('only with a corpus that is pinned', () => {
    const corpus = { name: 'pg19', manifestSha256: null };
    expect(() => assertReady({ ...arena, corpus }, 'unset')).toThrow('is not pinned');
  });
});
