// Tests of files that are there whole or not at all.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { writeWhole } from './atomic-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'whole-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('a whole file', () => {
  it('replaces what was there, and leaves nothing beside it', () => {
    const path = join(folder, 'a/b/file');
    writeWhole(path, 'first');
    writeWhole(path, new Uint8Array([50]), { durable: true });
    expect(readFileSync(path, 'utf8')).toBe('2');
    expect(readdirSync(join(folder, 'a/b'))).toEqual(['file']);
  });
  it('has the rights that are asked for, and so have folders made for it', () => {
    const path = join(folder, 'secret/file');
    writeWhole(path, 'x', { mode: 0o600 });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'secret')).mode & 0o777).toBe(0o700);
  });
  it('leaves the old one, and nothing else, where it cannot be written', () => {
    mkdirSync(join(folder, 'taken/name'), { recursive: true });
    expect(() => {
      writeWhole(join(folder, 'taken/name'), 'x');
    }).toThrow();
    expect(readdirSync(join(folder, 'taken'))).toEqual(['name']);
  });
});
