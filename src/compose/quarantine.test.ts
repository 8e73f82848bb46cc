// A security event quarantines the host, anything else does not, and a quarantined host measures nothing.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { TraceLine } from '../schema/trace.ts';
import { assertNotQuarantined, quarantineBy } from './quarantine.ts';

const folder = mkdtempSync(join(tmpdir(), 'quarantine-'));
const path = join(folder, 'quarantine');
const event = (name: string): TraceLine => ({ type: 'event', tNs: 1, name, detail: 'ECC' });
beforeEach(() => rmSync(path, { force: true }));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a quarantine', () => {
  it('follows a security event, and says which', () => {
    quarantineBy(path, 'traces/0/1/x.ndjson.gz', [event('start'), event('gpu-state')]);
    expect(() => assertNotQuarantined(path)).toThrow(/SEC_GPU_STATE in traces\/0\/1\/x.*: ECC/);
  });
  it('follows nothing else', () => {
    quarantineBy(path, 'x', [event('exit'), event('oom'), event('host'), event('unheard-of')]);
    quarantineBy(path, 'x', new Uint8Array([1]));
    expect(existsSync(path)).toBe(false);
    expect(() => assertNotQuarantined(path)).not.toThrow();
  });
  it('is never there where no file is named', () => {
    quarantineBy(undefined, 'x', [event('gpu-state')]);
    expect(() => assertNotQuarantined(undefined)).not.toThrow();
    expect(() => assertNotQuarantined('')).not.toThrow();
  });
});
