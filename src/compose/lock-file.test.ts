// A lock file: held by the living, left by the dead, and never by a number that was used again.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { takeLock } from './lock-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'lock-'));
const path = join(folder, 'lock');
const take = () => takeLock(path, 'runs this validator', 'stop it first');
beforeEach(() => rmSync(path, { force: true }));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a lock', () => {
  it('is held until it is given back', () => {
    const release = take();
    expect(() => take()).toThrow(`process ${process.pid} runs this validator already`);
    release();
    expect(existsSync(path)).toBe(false);
    take()();
  });
  it.each([
    ['a process that is gone', `4194304 1 boot`],
    ['one with this number that began at another time', `${process.pid} 1 boot`],
    ['the first process of another container', '1 0 boot'],
    ['nobody: half a write', ''],
  ])('of %s is taken over', (_, held) => {
    writeFileSync(path, held);
    take()();
    expect(existsSync(path)).toBe(false);
  });
  it('says who holds it, for people', () => {
    const release = take();
    expect(readFileSync(path, 'utf8')).toMatch(new RegExp(`^${process.pid} \\d+ [0-9a-f-]{36}$`));
    release();
  });
});
