// The store of ledgers on real git repositories: writers at once, branches that vanish, odd files.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fromUtf8, utf8 } from '../../core/bytes.ts';
import { UNREAD, UNREADABLE } from '../read.ts';
import { gitStore } from './git-store.ts';

const folder = mkdtempSync(join(tmpdir(), 'store-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const VALIDATOR = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';
const OTHER = '5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty';

const git = (...args: string[]): string =>
  execFileSync('git', args, { stdio: ['ignore', 'pipe', 'pipe'] })
    .toString()
    .trim();
let count = 0;
/** A bare origin with code on `main`, and clones of it. */
function repositories() {
  const origin = join(folder, `origin${++count}.git`);
  git('init', '--quiet', '--bare', '-b', 'main', origin);
  const clone = (): string => {
    const path = join(folder, `clone${++count}`);
    git('clone', '--quiet', origin, path);
    return path;
  };
  const code = clone();
  writeFileSync(join(code, 'code.ts'), 'code');
  git('-C', code, 'checkout', '-q', '-B', 'main');
  git('-C', code, 'add', '.');
  const who = ['-c', 'user.name=t', '-c', 'user.email=t@t'];
  git('-C', code, ...who, 'commit', '-qm', 'Code');
  git('-C', code, 'push', '-q', 'origin', 'main');
  return { origin, clone };
}
const file = (path: string, text = '{}') => new Map([[path, utf8(text)]]);
const remote = (clone: string) => gitStore({ folder: clone, remote: 'origin' });
const paths = async (store: ReturnType<typeof gitStore>): Promise<string[]> =>
  [...(await store.read(VALIDATOR)).keys()].sort();

describe('the ledger branch', () => {
  it('is none at first, and begins apart from the code with the first record', async () => {
    const { origin, clone } = repositories();
    const [one, two] = [clone(), clone()];
    expect(await paths(remote(one))).toEqual([]);
    expect(await remote(one).validators()).toEqual([]);
    await remote(one).commit(VALIDATOR, 'First', () => file('weights/1.json', 'ä\r\n'));
    const files = git('-C', origin, 'ls-tree', '-r', '--name-only', 'ledger').split('\n');
    expect(files).toEqual(['results/.gitattributes', `results/${VALIDATOR}/weights/1.json`]);
    expect(git('-C', origin, 'show', 'ledger:results/.gitattributes')).toBe('* -text');
    expect(git('-C', origin, 'log', '--format=%s', 'main')).toBe('Code');
    // Another clone reads the same bytes, and nothing of its checkout is touched.
    expect(fromUtf8((await remote(two).read(VALIDATOR)).get('weights/1.json')!)).toBe('ä\r\n');
    expect(await remote(two).validators()).toEqual([VALIDATOR]);
    expect(git('-C', two, 'status', '--porcelain')).toBe('');
  });
  it('leaves what was measured unread for a stage, which needs no byte of it', async () => {
    const { clone } = repositories();
    const [one, two] = [clone(), clone()];
    const trace = 'rounds/1/traces/0/1/baseline.ndjson.gz';
    const print = 'rounds/1/images/0/5F-1.json.gz';
    const files = new Map([trace, print, 'weights/1.json'].map((path) => [path, utf8(path)]));
    await remote(one).commit(VALIDATOR, 'First', () => files);
    const store = gitStore({ folder: two, remote: null });
    git('-C', two, 'fetch', '-q', 'origin');
    const object = git('-C', two, 'rev-parse', `origin/ledger:results/${VALIDATOR}/${trace}`);
    rmSync(join(two, '.git/objects', object.slice(0, 2), object.slice(2)));
    const read = await store.read(VALIDATOR, 'records');
    expect(read.get(trace)).toBe(UNREAD);
    expect(fromUtf8(read.get(print)!)).toBe(print);
    // The audit wants it, and names its path.
    expect((await store.read(VALIDATOR)).get(trace)).toBe(UNREADABLE);
  });
  it('F08 takes the commits of several writers, none lost, and changes no file', async () => {
    const { clone } = repositories();
    const writers = [0, 1, 2].map(() => remote(clone()));
    await Promise.all(
      writers.map(async (store, n) => {
        for (let i = 0; i < 3; i++)
          await store.commit(VALIDATOR, `Write ${n} ${i}`, () => file(`weights/${n}${i}.json`));
      }),
    );
    expect(await paths(writers[0]!)).toHaveLength(9);
    await expect(
      writers[1]!.commit(VALIDATOR, 'Overwrite', () => file('weights/00.json', 'x')),
    ).rejects.toMatchObject({ code: 'BROKEN_LEDGER' });
    await writers[2]!.commit(OTHER, 'Another', () => file('weights/1.json'));
    expect(await writers[0]!.validators()).toEqual([OTHER, VALIDATOR].sort());
  });
  it('survives an update of the code, and a fork that discards its own commits', async () => {
    const { origin, clone } = repositories();
    const store = remote(clone());
    await store.commit(VALIDATOR, 'First', () => file('weights/1.json'));
    // What "Sync fork: discard commits" does: the branch of the code is set to the upstream's.
    const upstream = repositories().origin;
    git('-C', origin, 'fetch', '-q', upstream, '+main:main');
    expect(await paths(store)).toEqual(['weights/1.json']);
    await store.commit(VALIDATOR, 'Second', () => file('weights/2.json'));
    expect(await paths(remote(clone()))).toEqual(['weights/1.json', 'weights/2.json']);
  });
  it('that was forced back is noticed by who has seen more, and nothing is written over it', async () => {
    const { origin, clone } = repositories();
    const seen = clone();
    const store = remote(seen);
    await store.commit(VALIDATOR, 'First', () => file('weights/1.json'));
    const before = git('-C', origin, 'rev-parse', 'ledger');
    await store.commit(VALIDATOR, 'Second', () => file('weights/2.json'));
    await store.read(VALIDATOR);
    git('-C', origin, 'update-ref', 'refs/heads/ledger', before);
    await expect(store.read(VALIDATOR)).rejects.toMatchObject({ code: 'LEDGER_REWRITTEN' });
    await expect(
      store.commit(VALIDATOR, 'Third', () => file('weights/3.json')),
    ).rejects.toMatchObject({ code: 'LEDGER_REWRITTEN' });
    expect(git('-C', origin, 'rev-parse', 'ledger')).toBe(before);
    const accepting = gitStore({ folder: seen, remote: 'origin', rewritten: 'accept' });
    expect(await paths(accepting)).toEqual(['weights/1.json']);
  });
  it('stays local without a remote, and reads what was fetched where it is newer', async () => {
    const { clone } = repositories();
    const [one, two] = [clone(), clone()];
    const local = (path: string) => gitStore({ folder: path, remote: null });
    await local(one).commit(VALIDATOR, 'Local', () => file('weights/1.json'));
    expect(git('-C', one, 'log', '--format=%s', 'ledger')).toBe('Local');
    git('-C', one, 'push', '-q', 'origin', 'ledger');
    git('-C', two, 'fetch', '-q');
    expect(await paths(local(two))).toEqual(['weights/1.json']);
    await local(two).commit(VALIDATOR, 'More', () => file('weights/2.json'));
    expect(await paths(local(two))).toEqual(['weights/1.json', 'weights/2.json']);
  });
  it('gives links and odd modes their names, and no content', async () => {
    const { clone } = repositories();
    const path = clone();
    git('-C', path, 'checkout', '-q', '--orphan', 'ledger');
    git('-C', path, 'rm', '-qrf', '.');
    const own = join(path, 'results', VALIDATOR);
    mkdirSync(own, { recursive: true });
    symlinkSync('/etc/passwd', join(own, 'link.json'));
    writeFileSync(join(own, 'run.json'), '{}', { mode: 0o755 });
    writeFileSync(join(own, 'ümlaut "q".json'), 'x');
    git('-C', path, 'add', '-A');
    git('-C', path, '-c', 'user.name=t', '-c', 'user.email=t@t', 'commit', '-qm', 'Odd');
    const files = await gitStore({ folder: path, remote: null }).read(VALIDATOR);
    expect(files.get('link.json')).toBe(UNREADABLE);
    expect(files.get('run.json')).toBe(UNREADABLE);
    expect(fromUtf8(files.get('ümlaut "q".json')!)).toBe('x');
  });
  it('says what is wrong with a repository that is none', async () => {
    const empty = mkdtempSync(join(folder, 'none-'));
    await expect(
      gitStore({ folder: empty, remote: 'origin' }).read(VALIDATOR),
    ).rejects.toMatchObject({ code: 'GIT_FAILED' });
  });
});
