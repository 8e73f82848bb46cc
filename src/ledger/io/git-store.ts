// Storage of ledgers on a branch of a git repository, with pushes that never overwrite others.
import { setTimeout as sleep } from 'node:timers/promises';
import { concatBytes, utf8 } from '../../core/bytes.ts';
import { sha256Hex } from '../../core/hash.ts';
import { retry } from '../../core/retry.ts';
import { LedgerError } from '../errors.ts';
import { MEASURED_EVIDENCE } from '../../schema/paths.ts';
import { type LedgerFiles, UNREAD, UNREADABLE } from '../read.ts';
import type { FileSet, ResultStore } from '../store.ts';
import { git, gitBytes, gitError, GitFailure, gitOrNull, type GitPlace } from './git.ts';
import { MAX_FILE_BYTES, strayNames, VALIDATOR_FOLDER } from './results-folder.ts';

/** The branch that holds ledgers and nothing else: code and results never meet in a merge. */
export const LEDGER_BRANCH = 'ledger';

/** Attempts to land a commit against other writers. */
const ATTEMPTS = 12;
const RETRY_MS = 250;
/** No commit: what a branch is updated from where it does not exist yet. */
const NOTHING = '0'.repeat(40);
/** Records are signed over their exact bytes: git must never touch a line ending. */
const ATTRIBUTES = '* -text\n';
const AUTHOR = 'cacheon <validator@users.noreply.github.com>';

export type GitStoreOptions = GitPlace & {
  /** Remote to fetch from and push to; null: commits stay local. */
  readonly remote: string | null;
  readonly branch?: string;
  /** The remote's ref to read, where that is not its branch: a store for reading only. */
  readonly ref?: string;
  /** What to do where the remote's branch lost what this clone has seen: refuse, or go on. */
  readonly rewritten?: 'refuse' | 'accept';
};

/** Where a ledger's file is among git's objects. */
type Listed = { readonly path: string; readonly object: string; readonly usable: boolean };

/**
 * Ledgers on their own branch, read and written among git's objects alone: no work tree, nothing of
 * the checkout is touched, and a killed run leaves nothing behind. Nothing is ever force-pushed or
 * edited.
 */
class GitStore implements ResultStore {
  readonly #place: GitPlace;
  readonly #remote: string | null;
  readonly #branch: string;
  readonly #ref: string;
  readonly #accept: boolean;

  constructor({ folder, env, remote, branch = LEDGER_BRANCH, ref, rewritten }: GitStoreOptions) {
    this.#place = { folder, env };
    this.#remote = remote;
    this.#branch = branch;
    this.#ref = ref ?? `refs/heads/${branch}`;
    this.#accept = rewritten === 'accept';
  }

  async validators(): Promise<string[]> {
    const head = await this.#head();
    const listed = head === null ? [] : await this.#list(head, 'results/');
    const names = listed.flatMap(({ path }) => {
      const name = path.split('/')[0]!;
      return path.includes('/') && VALIDATOR_FOLDER.test(name) ? [name] : [];
    });
    return [...new Set(names)].sort();
  }

  async strays(): Promise<string[]> {
    const head = await this.#head();
    const listed = head === null ? [] : await this.#list(head, 'results/');
    const links = listed.filter(({ path }) => VALIDATOR_FOLDER.test(path));
    const names = strayNames(listed.map(({ path }) => path.split('/')[0]!));
    return [...names, ...links.map(({ path }) => path)];
  }

  async read(validator: string, what: 'whole' | 'records' = 'whole'): Promise<LedgerFiles> {
    return this.#read(await this.#head(), validator, what);
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
    const again = (error: unknown): boolean => error instanceof CameSecond;
    const once = (): Promise<void> => this.#commitOnce(validator, message, build);
    await retry(once, { waitsMs, sleep, again }).catch((error: unknown) => {
      throw gitError(error instanceof CameSecond ? error.cause : error);
    });
  }

  async #commitOnce(
    validator: string,
    message: string,
    build: (files: LedgerFiles) => FileSet | null,
  ): Promise<void> {
    const head = await this.#head();
    const before = await this.#read(head, validator, 'records');
    const files = build(before);
    if (files === null || files.size === 0) return;
    for (const path of files.keys()) if (before.has(path)) throw appendOnly(path);
    const made = await this.#make(head, message, { validator, files });
    await this.#land(made, head);
  }

  /** Makes a commit on a head, and gives its hash. No branch points to it yet. */
  async #make(
    head: string | null,
    message: string,
    { validator, files }: { readonly validator: string; readonly files: FileSet },
  ): Promise<string> {
    const ref = `refs/cacheon/made/${process.pid}-${Math.random().toString(36).slice(2)}`;
    const text = utf8(message);
    const now = `${Math.floor(Date.now() / 1000)} +0000`;
    const parts = [
      utf8(`commit ${ref}\ncommitter ${AUTHOR} ${now}\ndata ${text.length}\n`),
      text,
      utf8(head === null ? '\n' : `\nfrom ${head}\n`),
    ];
    const add = (path: string, bytes: Uint8Array): void => {
      parts.push(utf8(`M 100644 inline ${path}\ndata ${bytes.length}\n`), bytes, utf8('\n'));
    };
    if (head === null) add('results/.gitattributes', utf8(ATTRIBUTES));
    for (const [path, bytes] of files) add(`results/${validator}/${path}`, bytes);
    await gitBytes(this.#place, ['fast-import', '--quiet'], concatBytes(...parts));
    const made = await git(this.#place, 'rev-parse', ref);
    await git(this.#place, 'update-ref', '-d', ref);
    return made;
  }

  /** Lets the branch point to a commit, unless it moved meanwhile. Throws `CameSecond` then. */
  async #land(made: string, head: string | null): Promise<void> {
    const branch = `refs/heads/${this.#branch}`;
    try {
      if (this.#remote === null) await this.#landHere(made, head);
      else await git(this.#place, 'push', '--quiet', this.#remote, `${made}:${branch}`);
    } catch (error) {
      throw new CameSecond('another writer came first', { cause: error });
    }
  }

  /** The same for the own branch, which may be behind the remote's that the head was read from. */
  async #landHere(made: string, head: string | null): Promise<void> {
    const branch = `refs/heads/${this.#branch}`;
    const own = await gitOrNull(this.#place, 'rev-parse', '--verify', '--quiet', branch);
    if (own !== null && head !== null && own !== head)
      await git(this.#place, 'merge-base', '--is-ancestor', own, head);
    const stale = own !== null && head === null;
    await git(this.#place, 'update-ref', branch, made, stale ? NOTHING : (own ?? NOTHING));
  }

  /** The branch's newest commit; null where there is no such branch. */
  async #head(): Promise<string | null> {
    try {
      return this.#remote === null ? await this.#localHead() : await this.#fetched(this.#remote);
    } catch (error) {
      throw gitError(error);
    }
  }

  /** The local branch, or the remote's as it was last fetched, whichever holds the other. */
  async #localHead(): Promise<string | null> {
    const at = (ref: string): Promise<string | null> =>
      gitOrNull(this.#place, 'rev-parse', '--verify', '--quiet', `${ref}^{commit}`);
    const own = await at(`refs/heads/${this.#branch}`);
    const theirs = await at(`refs/remotes/origin/${this.#branch}`);
    if (own === null || theirs === null) return own ?? theirs;
    const behind = await gitOrNull(this.#place, 'merge-base', '--is-ancestor', own, theirs);
    return behind === null ? own : theirs;
  }

  /** The remote's branch now. Throws `LEDGER_REWRITTEN` where it lost what this clone has seen. */
  async #fetched(remote: string): Promise<string | null> {
    const place = sha256Hex(`${remote} ${this.#ref}`).slice(0, 16);
    const seen = `refs/cacheon/seen/${place}/${this.#branch}`;
    const there = await git(this.#place, 'ls-remote', remote, this.#ref);
    if (there === '') return null;
    const head = there.split('\t')[0]!;
    const known = await gitOrNull(this.#place, 'rev-parse', '--verify', '--quiet', seen);
    if (known === head) return head;
    await git(this.#place, 'fetch', '--quiet', '--no-tags', remote, this.#ref);
    const kept =
      this.#accept ||
      known === null ||
      (await gitOrNull(this.#place, 'merge-base', '--is-ancestor', known, head)) !== null;
    if (!kept)
      throw new LedgerError(
        'LEDGER_REWRITTEN',
        'infra',
        `the branch ${this.#branch} of ${remote} is ${head} now, and no longer holds ${known}`,
        'somebody forced it: bring the lost records back with cacheon recover --from CLONE',
      );
    await git(this.#place, 'update-ref', seen, head);
    return head;
  }

  /** The files under a folder at a commit, by their path in it. */
  async #list(head: string, folder: string): Promise<Listed[]> {
    const args = ['ls-tree', '-r', '-z', '-l', '--full-tree', head, '--', folder];
    const lines = (await gitBytes(this.#place, args)).toString().split('\0');
    return lines
      .filter((line) => line !== '')
      .map((line) => {
        const [facts, path] = [
          line.slice(0, line.indexOf('\t')),
          line.slice(line.indexOf('\t') + 1),
        ];
        const [mode, , object, size] = facts.split(/ +/);
        // A link or a giant is kept under its name, unread: the audit then names its path.
        const usable = mode === '100644' && Number(size) <= MAX_FILE_BYTES;
        return { path: path.slice(folder.length), object: object!, usable };
      });
  }

  async #read(
    head: string | null,
    validator: string,
    what: 'whole' | 'records',
  ): Promise<LedgerFiles> {
    if (head === null) return new Map();
    try {
      const listed = await this.#list(head, `results/${validator}/`);
      const left = (path: string): boolean => what === 'records' && MEASURED_EVIDENCE.test(path);
      const bytes = await this.#objects(listed.filter(({ path, usable }) => usable && !left(path)));
      return new Map(
        listed.map(({ path, object, usable }) => {
          if (left(path)) return [path, UNREAD];
          return [path, (usable && bytes.get(object)) || UNREADABLE];
        }),
      );
    } catch (error) {
      throw gitError(error);
    }
  }

  /** The bytes of objects, in one run of git. */
  async #objects(listed: readonly Listed[]): Promise<Map<string, Uint8Array>> {
    const found = new Map<string, Uint8Array>();
    if (listed.length === 0) return found;
    const names = [...new Set(listed.map(({ object }) => object))];
    const output = await gitBytes(
      this.#place,
      ['cat-file', '--batch', '--buffer'],
      utf8(names.map((name) => `${name}\n`).join('')),
    );
    for (let at = 0; at < output.length;) {
      const end = output.indexOf(10, at);
      const [name, , size] = output.subarray(at, end).toString().split(' ');
      const from = end + 1;
      found.set(name!, new Uint8Array(output.subarray(from, from + Number(size))));
      at = from + Number(size) + 1;
    }
    return found;
  }
}

/** A commit that could not land, since the branch had moved. */
class CameSecond extends Error {}

const appendOnly = (path: string): LedgerError =>
  new LedgerError(
    'BROKEN_LEDGER',
    'infra',
    `${path} exists already; the ledger is append-only`,
    'run again: another writer may have finished the same work',
  );

/** The ledgers of a git repository's branch `ledger`, with or without a remote. */
export function gitStore(options: GitStoreOptions): ResultStore {
  return new GitStore(options);
}

/**
 * Tree hash of the code that runs, `-dirty` behind it where it was changed, or `unknown` outside
 * git. It names the code itself: the same tree is the same code in every fork.
 */
export async function codeTree(folder: string): Promise<string> {
  try {
    const tree = await git({ folder }, 'rev-parse', 'HEAD^{tree}');
    const status = ['status', '--porcelain', '--untracked-files=no', '--', 'src', 'actions'];
    return `${tree}${(await git({ folder }, ...status)) === '' ? '' : '-dirty'}`;
  } catch (error) {
    if (error instanceof GitFailure) return 'unknown';
    throw gitError(error);
  }
}
