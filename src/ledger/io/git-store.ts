// Storage of ledgers in a git repository, with pushes that never overwrite other writers.
import { execFile } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { messageOf } from '../../core/errors.ts';
import { LedgerError } from '../errors.ts';
import { type LedgerFiles, UNREADABLE } from '../read.ts';
import type { ResultStore } from '../store.ts';

const run = promisify(execFile);
/** Attempts to land a commit against other writers. */
const ATTEMPTS = 12;
const RETRY_MS = 250;
/** A lock this old belongs to a git that is gone: its work takes a fraction of a second. */
const STALE_LOCK_MS = 10_000;
const LOCK_POLL_MS = 100;
/** Largest file read from a ledger. */
const MAX_FILE_BYTES = 128 * 1024 * 1024;

export type GitStoreOptions = {
  /** Folder of the checkout. */
  readonly folder: string;
  /** Remote and branch to push to; null: commits stay local. */
  readonly remote: { readonly name: string; readonly branch: string } | null;
  /** Environment for git, for a token in an http header. Never written to disk. */
  readonly env?: Readonly<Record<string, string>>;
};

/**
 * Reads a folder's files; links and other odd things are refused, because a ledger is data and
 * nothing else.
 */
export function readFolder(root: string): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const walk = (folder: string): void => {
    for (const name of readdirSync(folder).sort()) {
      const path = join(folder, name);
      const stat = lstatSync(path);
      if (stat.isDirectory()) walk(path);
      else {
        // A link or a giant is kept under its name, unread: the audit then names its path.
        const usable = stat.isFile() && stat.size <= MAX_FILE_BYTES;
        files.set(
          relative(root, path).split(sep).join('/'),
          usable ? readFileSync(path) : UNREADABLE,
        );
      }
    }
  };
  if (existsSync(root)) walk(root);
  return files;
}

/** Folders of validators under a results folder. */
export function validatorFolders(results: string): string[] {
  if (!existsSync(results)) return [];
  return readdirSync(results, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && /^5[1-9A-HJ-NP-Za-km-z]{46,48}$/.test(entry.name))
    .map(({ name }) => name)
    .sort();
}

/** A ledger in a real git repository. Nothing is ever force-pushed or edited. */
export function gitStore(options: GitStoreOptions): ResultStore {
  const { folder, remote } = options;
  const results = join(folder, 'results');
  const git = async (...args: string[]): Promise<string> => {
    const lock = join(folder, '.git', 'index.lock');
    try {
      // A run that was killed inside git leaves its lock: no other process will ever take it away.
      for (let waited = 0; existsSync(lock) && waited < STALE_LOCK_MS; waited += LOCK_POLL_MS)
        await sleep(LOCK_POLL_MS);
      if (existsSync(lock) && Date.now() - lstatSync(lock).mtimeMs > STALE_LOCK_MS)
        rmSync(lock, { force: true });
      const { stdout } = await run('git', ['-C', folder, ...args], {
        env: { ...process.env, GIT_TERMINAL_PROMPT: '0', ...options.env },
        maxBuffer: 64 * 1024 * 1024,
      });
      return stdout.trim();
    } catch (error) {
      const detail = (error as { stderr?: string }).stderr ?? messageOf(error);
      throw new LedgerError(
        'GIT_FAILED',
        'infra',
        `git ${args[0] ?? ''} failed: ${detail.trim().split('\n').slice(-2).join(' ').slice(0, 300)}`,
        'look at the repository and run again',
      ).causedBy(error);
    }
  };
  const sync = async (): Promise<void> => {
    if (!remote) return;
    await git('fetch', '--quiet', remote.name, remote.branch);
    await git('reset', '--quiet', '--keep', 'FETCH_HEAD');
  };
  /**
   * Committed files only: leftovers of a killed run beside them never happened. The store reads a
   * folder outside git as it is.
   */
  const read = async (validator: string): Promise<LedgerFiles> => {
    const files = readFolder(join(results, validator));
    const listed = await git(
      'ls-tree',
      '-r',
      '-z',
      '--name-only',
      'HEAD',
      '--',
      `results/${validator}/`,
    ).catch(() => null);
    if (listed === null) return files;
    const prefix = `results/${validator}/`;
    const committed = new Set(listed.split('\0').map((path) => path.slice(prefix.length)));
    return new Map([...files].filter(([path]) => committed.has(path)));
  };

  return {
    validators: async () => {
      await sync();
      return validatorFolders(results);
    },
    read: async (validator) => {
      await sync();
      return read(validator);
    },
    commit: async (validator, message, build) => {
      for (let attempt = 1; ; attempt++) {
        await sync();
        // A killed run never committed its half-written files: the store drops them, and makes them
        // again.
        await git('reset', '--quiet', '--', join('results', validator));
        await git('clean', '--quiet', '-fd', '--', join('results', validator));
        const before = await git('rev-parse', 'HEAD');
        const files = build(await read(validator));
        if (files === null || files.size === 0) return;
        const paths = [...files.keys()].map((path) => join('results', validator, path));
        for (const [path, bytes] of files) {
          const file = join(results, validator, path);
          if (existsSync(file))
            throw new LedgerError(
              'BROKEN_LEDGER',
              'infra',
              `${path} exists already; the ledger is append-only`,
              'run again: another writer may have finished the same work',
            );
          mkdirSync(dirname(file), { recursive: true });
          writeFileSync(file, bytes);
        }
        await git('add', '--', ...paths);
        await git(
          '-c',
          'user.name=cacheon',
          '-c',
          'user.email=validator@users.noreply.github.com',
          '-c',
          'commit.gpgsign=false',
          'commit',
          '--quiet',
          '-m',
          message,
          '--',
          ...paths,
        );
        if (!remote) return;
        try {
          await git('push', '--quiet', remote.name, `HEAD:${remote.branch}`);
          return;
        } catch (error) {
          // Another writer came first: rebuild on the new head, so that seq and prev stay true.
          // Never merge, never force.
          await git('reset', '--quiet', '--keep', before);
          if (attempt === ATTEMPTS) throw error;
          await sleep(RETRY_MS * attempt * (0.5 + Math.random()));
        }
      }
    },
  };
}

/**
 * Commit of the code that runs, `-dirty` behind it where the tree has changes, or `unknown` outside
 * git.
 */
export async function codeCommit(folder: string): Promise<string> {
  try {
    const { stdout: commit } = await run('git', ['-C', folder, 'rev-parse', 'HEAD']);
    const { stdout: status } = await run('git', [
      '-C',
      folder,
      'status',
      '--porcelain',
      '--untracked-files=no',
      '--',
      'src',
      'actions',
    ]);
    return `${commit.trim()}${status.trim() === '' ? '' : '-dirty'}`;
  } catch {
    return 'unknown';
  }
}
