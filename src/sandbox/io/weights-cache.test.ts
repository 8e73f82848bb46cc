// Weights are read whole, links and folders too, and a missing folder is told.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLog } from '../../core/log.ts';
import { readWhole } from './weights-cache.ts';

describe('S10 the weights', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weights-'));
  beforeAll(() => {
    mkdirSync(join(folder, 'part'));
    writeFileSync(join(folder, 'a.safetensors'), Buffer.alloc(9 * 1024 * 1024));
    writeFileSync(join(folder, 'part/b.safetensors'), Buffer.alloc(1000));
    symlinkSync(join(folder, 'part/b.safetensors'), join(folder, 'c.safetensors'));
    writeFileSync(join(folder, 'empty'), '');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('are read from the first byte to the last, in folders and behind links', async () => {
    expect(await readWhole(folder, silentLog)).toBe(9 * 1024 * 1024 + 2000);
  });
  it('that are not there are an error, and not a server without them', async () => {
    await expect(readWhole(join(folder, 'nowhere'), silentLog)).rejects.toThrow(/ENOENT/);
  });
});
