// Which versions are new enough to hold untrusted images in.
import { describe, expect, it } from 'vitest';
import { atLeast, tooOld } from './engine-versions.ts';

const minimums = {
  engine: ['28.0.0'],
  runc: ['1.2.8', '1.3.3'],
  toolkit: ['1.19.1'],
  driver: ['535.309.01', '580.159.03', '595.71.05'],
};

describe('preflight', () => {
  it('compares versions by their numbers', () => {
    expect(atLeast('28.5.2', '28.0.0')).toBe(true);
    expect(atLeast('20.10.24+dfsg1', '28.0.0')).toBe(false);
    expect(atLeast('1.10.0', '1.9.9')).toBe(true);
    expect(atLeast('NVIDIA Container Toolkit CLI version 1.19.1', '1.19.1')).toBe(true);
  });
  it('takes a fix in its own line, not a newer line without it', () => {
    const versions = { engine: '28.5.2', runc: '1.2.8', toolkit: null, driver: null };
    expect(tooOld(versions, minimums, false)).toEqual([]);
    expect(tooOld({ ...versions, runc: '1.3.1' }, minimums, false)).toEqual([
      'runc 1.3.1 is older than 1.2.8 or 1.3.3',
    ]);
    expect(tooOld({ ...versions, runc: '1.4.0' }, minimums, false)).toEqual([]);
    expect(tooOld({ ...versions, runc: '1.2.7' }, minimums, false)).toHaveLength(1);
    expect(tooOld({ ...versions, engine: null }, minimums, false)).toEqual([
      'engine is not there, 28.0.0 is needed',
    ]);
  });
  it('asks for GPU parts only where GPUs are used', () => {
    const versions = { engine: '29.4.0', runc: '1.3.3', toolkit: '1.18.0', driver: '580.160.00' };
    expect(tooOld(versions, minimums, false)).toEqual([]);
    expect(tooOld(versions, minimums, true)).toEqual(['toolkit 1.18.0 is older than 1.19.1']);
  });
});
