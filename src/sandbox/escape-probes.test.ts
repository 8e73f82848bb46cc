// What the escape probes' sightings come to.
import { describe, expect, it } from 'vitest';
import { judgeProbes } from './escape-probes.ts';

describe('the probes’ judgement', () => {
  const host = {
    canaryHits: 0,
    volumePolicy: true,
    oomKilled: true,
    writableMounts: [],
    residue: [],
  };
  it('fails where something was reached, allowed, or not tried', () => {
    const result = (seen: Record<string, string>, id: string, more: object = {}) =>
      judgeProbes(seen, { ...host, ...more }, false).find((probe) => probe.id === id)!.result;
    expect(result({ 'gateway 172.17.0.1': 'ENETUNREACH' }, 'C01')).toBe('pass');
    expect(result({ 'gateway 172.17.0.1': 'REACHED' }, 'C01')).toBe('fail');
    expect(result({ 'gateway 172.17.0.1': 'ENETUNREACH' }, 'C01', { canaryHits: 1 })).toBe('fail');
    expect(result({}, 'C01')).toBe('fail');
    expect(result({ 'metadata tcp': 'timeout' }, 'C04')).toBe('fail');
    expect(result({}, 'C19', { writableMounts: ['/data'] })).toBe('fail');
    expect(result({}, 'C20', { residue: ['volume x'] })).toBe('fail');
    expect(judgeProbes({}, host, false)).toHaveLength(20);
  });
});
