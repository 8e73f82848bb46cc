// The store of ledgers where its process is killed, and where the disk is full: real git, real signals.
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { utf8 } from '../../core/bytes.ts';
import { ROOT } from '../../compose/repository.ts';
import { gitStore } from './git-store.ts';

const folder = mkdtempSync(join(tmpdir(), 'faults-'));
const mounted: string[] = [];
afterAll(() => {
  for (const path of mounted) execFileSync('umount', [path]);
  rmSync(folder, { recursive: true, force: true });
});
const VALIDATOR = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';
const git = (...args: string[]): string =>
  execFileSync('git', args, { stdio: ['ignore', 'pipe', 'pipe'] })
    .toString()
    .trim();

/** A process that commits one file after the other, and says which of them landed. */
function writer(clone: string, name: string) {
  const script = `
    const { gitStore } = await import(${JSON.stringify(join(import.meta.dirname, 'git-store.ts'))});
    const store = gitStore({ folder: ${JSON.stringify(clone)}, remote: 'origin' });
    for (let i = 0; ; i++) {
      const path = 'weights/${name}' + i + '.json';
      await store.commit(${JSON.stringify(VALIDATOR)}, 'Write', () => new Map([[path, new Uint8Array(100_000).fill(i)]]));
      console.log(path);
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  child.stdout.on('data', (data: Buffer) => (printed += data.toString()));
  const gone = new Promise((done) => child.once('exit', done));
  return { child, gone, landed: () => printed.split('\n').filter((line) => line !== '') };
}

describe('a store', () => {
  it('F11 whose process is killed inside a commit loses nothing that landed, and goes on', async () => {
    const [origin, clone] = [join(folder, 'origin.git'), join(folder, 'clone')];
    git('init', '-q', '--bare', '-b', 'main', origin);
    git('clone', '-q', origin, clone);
    const landed: string[] = [];
    for (let n = 1; n <= 6; n++) {
      const { child, gone, landed: told } = writer(clone, String(n));
      const first = new Promise((done) => child.stdout.once('data', done));
      await Promise.race([first, gone]);
      // Somewhere within the commits that follow, whichever of git's processes runs then.
      await sleep(20 * n + 7);
      child.kill('SIGKILL');
      await gone;
      landed.push(...told());
    }
    const store = gitStore({ folder: clone, remote: 'origin' });
    await store.commit(VALIDATOR, 'After', () => new Map([['weights/9999.json', utf8('{}')]]));
    const paths = [...(await store.read(VALIDATOR)).keys()];
    expect(landed.length).toBeGreaterThanOrEqual(6);
    expect(landed.filter((path) => !paths.includes(path))).toEqual([]);
    // At most the one commit of each process that landed before it could say so.
    expect(paths.length).toBeLessThanOrEqual(landed.length + 6 + 1);
    expect(git('-C', origin, 'fsck', '--full')).not.toMatch(/missing|error/);
  }, 120_000);

  it('F10 that meets a full disk says so, keeps what it had, and goes on when there is room', async ({
    skip,
  }) => {
    const small = join(folder, 'small');
    mkdirSync(small);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', small], { stdio: 'pipe' });
    } catch {
      skip('this user may not mount a small disk');
    }
    mounted.push(small);
    const clone = join(small, 'clone');
    git('init', '-q', '-b', 'main', clone);
    const store = gitStore({ folder: clone, remote: null });
    await store.commit(VALIDATOR, 'First', () => new Map([['weights/1.json', utf8('{}')]]));
    const noise = new Uint8Array(randomBytes(4_000_000));
    const big = store.commit(VALIDATOR, 'Big', () => new Map([['weights/2.json', noise]]));
    await expect(big).rejects.toMatchObject({ code: 'GIT_FAILED', outcome: 'infra' });
    expect([...(await store.read(VALIDATOR)).keys()]).toEqual(['weights/1.json']);
    execFileSync('mount', ['-o', 'remount,size=64m', small], { stdio: 'pipe' });
    await store.commit(VALIDATOR, 'Again', () => new Map([['weights/2.json', noise]]));
    expect((await store.read(VALIDATOR)).get('weights/2.json')).toHaveLength(4_000_000);
  }, 60_000);
});
