// Which versions are new enough to hold untrusted images in.
import { describe, expect, it } from 'vitest';
import { atLeast, tooOld } from './engine-versions.ts';

const minimums = {
  kernel: ['5.15.0'],
  containerd: ['1.7.29', '2.0.7', '2.1.5'],
  engine: ['28.0.0'],
  runc: ['1.2.8', '1.3.3'],
  toolkit: ['1.19.1'],
  driver: ['535.309.01', '580.159.03', '595.71.05'],
};

const host = { kernel: '6.8.0-45-generic', containerd: '1.7.29' };

describe('preflight', () => {
  it('asks for kernel and containerd too', () => {
    const versions = { ...host, engine: '29.4.0', runc: '1.3.3', toolkit: null, driver: null };
    expect(tooOld(versions, minimums, false)).toEqual([]);
    const older = { kernel: '5.10.0-39-amd64', containerd: '2.1.4' };
    expect(tooOld({ ...versions, ...older }, minimums, false)).toEqual([
      'kernel 5.10.0-39-amd64 is older than 5.15.0',
      'containerd 2.1.4 is older than 1.7.29 or 2.0.7 or 2.1.5',
    ]);
    expect(tooOld({ ...versions, containerd: '2.2.0' }, minimums, false)).toEqual([]);
    expect(tooOld({ ...versions, containerd: null }, minimums, false)).toHaveLength(1);
  });
  it('compares versions by their numbers', () => {
    expect(atLeast('28.5.2', '28.0.0')).toBe(true);
    expect(atLeast('20.10.24+dfsg1', '28.0.0')).toBe(false);
    expect(atLeast('1.10.0', '1.9.9')).toBe(true);
    expect(atLeast('NVIDIA Container Toolkit CLI version 1.19.1', '1.19.1')).toBe(true);
  });
  it('takes a fix in its own line, not a newer line without it', () => {
    const versions = { ...host, engine: '28.5.2', runc: '1.2.8', toolkit: null, driver: null };
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
    const gpus = { toolkit: '1.18.0', driver: '580.160.00' };
    const versions = { ...host, engine: '29.4.0', runc: '1.3.3', ...gpus };
    expect(tooOld(versions, minimums, false)).toEqual([]);
    expect(tooOld(versions, minimums, true)).toEqual(['toolkit 1.18.0 is older than 1.19.1']);
  });
});
