// Runs git in a repository: output as text or bytes, failures as errors that say what to do.
import { spawn } from 'node:child_process';
import { LedgerError } from '../errors.ts';

/** Most that one command may print: all evidence of a long ledger. */
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024 * 1024;

/** How git is run in one repository. */
export type GitPlace = {
  readonly folder: string;
  /** Environment for git, for a token in an http header. Never written to disk. */
  readonly env?: Readonly<Record<string, string>> | undefined;
};

/** A git command that ended with an exit code other than 0. */
export class GitFailure extends Error {
  readonly code: number | null;
  constructor(args: readonly string[], code: number | null, stderr: string) {
    const name = args.find((arg) => !arg.startsWith('-') && !arg.includes('=')) ?? '';
    const lines = stderr.trim().split('\n');
    // Git's own word comes first; advice about access rights follows it, whatever the cause.
    const why = lines.find((line) => /^(?:fatal|error):/.test(line)) ?? lines.at(-1) ?? '';
    super(`git ${name} failed: ${why.slice(0, 300)}`);
    this.code = code;
  }
}

/** Runs git and gives what it printed. Throws {@link GitFailure}. */
export async function gitBytes(
  { folder, env }: GitPlace,
  args: readonly string[],
  input?: Uint8Array,
): Promise<Buffer> {
  const child = spawn('git', ['-C', folder, ...args], {
    env: { ...process.env, GIT_TERMINAL_PROMPT: '0', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const parts: Buffer[] = [];
  let size = 0;
  let stderr = '';
  child.stdout.on('data', (data: Buffer) => {
    size += data.length;
    if (size > MAX_OUTPUT_BYTES) child.kill();
    else parts.push(data);
  });
  child.stderr.on('data', (data: Buffer) => {
    stderr = `${stderr}${data.toString()}`.slice(-10_000);
  });
  // Git may end before it has read everything: its exit code tells why.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new GitFailure(args, code, stderr);
  return Buffer.concat(parts);
}

/** Runs git and gives its trimmed text. Throws {@link GitFailure}. */
export async function git(place: GitPlace, ...args: readonly string[]): Promise<string> {
  return (await gitBytes(place, args)).toString().trim();
}

/** The same, or null where git answers no: exit code 1. */
export async function gitOrNull(
  place: GitPlace,
  ...args: readonly string[]
): Promise<string | null> {
  try {
    return await git(place, ...args);
  } catch (error) {
    if (error instanceof GitFailure && error.code === 1) return null;
    throw error;
  }
}

/** What git says where a folder or a remote was named wrongly, with the mend. */
const MENDS: readonly (readonly [says: RegExp, mend: string])[] = [
  [/not a git repository/, 'name a clone with --repo, or make one here: git init'],
  [
    /does not appear to be a git repository|No such remote/,
    'add it (git remote add origin URL), or leave out --branch to keep the ledger in this clone alone',
  ],
];

/** An error of git as one that says what to do. */
export function gitError(error: unknown): unknown {
  if (!(error instanceof GitFailure)) return error;
  const known = MENDS.find(([says]) => says.test(error.message));
  return new LedgerError(
    'GIT_FAILED',
    known ? 'usage' : 'infra',
    error.message,
    known?.[1] ?? 'look at the repository and run again',
  ).causedBy(error);
}
