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
import { retry } from '../../core/retry.ts';
import { LedgerError } from '../errors.ts';
import { type LedgerFiles, UNREADABLE } from '../read.ts';
import type { FileSet, ResultStore } from '../store.ts';

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

/** Who makes the commits. Signatures of records count, not those of commits. */
const AUTHOR = [
  ...['-c', 'user.name=cacheon'],
  ...['-c', 'user.email=validator@users.noreply.github.com'],
  ...['-c', 'commit.gpgsign=false'],
];

/** A ledger in a real git repository. Nothing is ever force-pushed or edited. */
class GitStore implements ResultStore {
  readonly #options: GitStoreOptions;
  readonly #results: string;

  constructor(options: GitStoreOptions) {
    this.#options = options;
    this.#results = join(options.folder, 'results');
  }

  async validators(): Promise<string[]> {
    await this.#sync();
    return validatorFolders(this.#results);
  }

  async read(validator: string): Promise<LedgerFiles> {
    await this.#sync();
    return this.#read(validator);
  }

  async commit(
    validator: string,
    message: string,
    build: (files: LedgerFiles) => FileSet | null,
  ): Promise<void> {
    const waitsMs = Array.from(
      { length: ATTEMPTS - 1 },
      (_, i) => RETRY_MS * (i + 1) * (0.5 + Math.random()),
    );
    // Another writer may come first: rebuilt on the new head, so that seq and prev stay true.
    const again = (error: unknown): boolean => error instanceof NotPushed;
    await retry(() => this.#commitOnce(validator, message, build), { waitsMs, sleep, again }).catch(
      (error: unknown) => {
        throw error instanceof NotPushed ? error.cause : error;
      },
    );
  }

  async #commitOnce(
    validator: string,
    message: string,
    build: (files: LedgerFiles) => FileSet | null,
  ): Promise<void> {
    const folder = join('results', validator);
    await this.#sync();
    // A killed run never committed its half-written files: the store drops them, and makes them
    // again.
    await this.#git('reset', '--quiet', '--', folder);
    await this.#git('clean', '--quiet', '-fd', '--', folder);
    const before = await this.#git('rev-parse', 'HEAD');
    const files = build(await this.#read(validator));
    if (files === null || files.size === 0) return;
    this.#write(validator, files);
    const paths = [...files.keys()].map((path) => join(folder, path));
    await this.#git('add', '--', ...paths);
    await this.#git(...AUTHOR, 'commit', '--quiet', '-m', message, '--', ...paths);
    await this.#push(before);
  }

  /** Writes new files; an existing one is never changed. */
  #write(validator: string, files: FileSet): void {
    for (const [path, bytes] of files) {
      const file = join(this.#results, validator, path);
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
  }

  /** Pushes the new commit; never merges, never forces. Throws `NotPushed`, and takes it back. */
  async #push(before: string): Promise<void> {
    const { remote } = this.#options;
    if (!remote) return;
    try {
      await this.#git('push', '--quiet', remote.name, `HEAD:${remote.branch}`);
    } catch (error) {
      await this.#git('reset', '--quiet', '--keep', before);
      throw new NotPushed('another writer came first', { cause: error });
    }
  }

  async #sync(): Promise<void> {
    const { remote } = this.#options;
    if (!remote) return;
    await this.#git('fetch', '--quiet', remote.name, remote.branch);
    await this.#git('reset', '--quiet', '--keep', 'FETCH_HEAD');
  }

  /**
   * Committed files only: leftovers of a killed run beside them never happened. The store reads a
   * folder outside git as it is.
   */
  async #read(validator: string): Promise<LedgerFiles> {
    const files = readFolder(join(this.#results, validator));
    const prefix = `results/${validator}/`;
    const listed = await this.#git(
      ...['ls-tree', '-r', '-z', '--name-only', 'HEAD', '--', prefix],
    ).catch(() => null);
    if (listed === null) return files;
    const committed = new Set(listed.split('\0').map((path) => path.slice(prefix.length)));
    return new Map([...files].filter(([path]) => committed.has(path)));
  }

  async #git(...args: string[]): Promise<string> {
    const { folder, env } = this.#options;
    try {
      await this.#unlock();
      const { stdout } = await run('git', ['-C', folder, ...args], {
        env: { ...process.env, GIT_TERMINAL_PROMPT: '0', ...env },
        maxBuffer: 64 * 1024 * 1024,
      });
      return stdout.trim();
    } catch (error) {
      const detail = (error as { stderr?: string }).stderr ?? messageOf(error);
      const name = args.find((arg) => !arg.startsWith('-') && !arg.includes('=')) ?? '';
      throw new LedgerError(
        'GIT_FAILED',
        'infra',
        `git ${name} failed: ${detail.trim().split('\n').slice(-2).join(' ').slice(0, 300)}`,
        'look at the repository and run again',
      ).causedBy(error);
    }
  }

  /** A run that was killed inside git leaves its lock: no other process will ever take it away. */
  async #unlock(): Promise<void> {
    const lock = join(this.#options.folder, '.git', 'index.lock');
    for (let waited = 0; existsSync(lock) && waited < STALE_LOCK_MS; waited += LOCK_POLL_MS)
      await sleep(LOCK_POLL_MS);
    if (existsSync(lock) && Date.now() - lstatSync(lock).mtimeMs > STALE_LOCK_MS)
      rmSync(lock, { force: true });
  }
}

/** A commit that could not be pushed, and was taken back. */
class NotPushed extends Error {}

/** The ledgers of a git checkout, with or without a remote. */
export function gitStore(options: GitStoreOptions): ResultStore {
  return new GitStore(options);
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
