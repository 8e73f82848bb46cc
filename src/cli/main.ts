// Entry point of the command line: parses arguments, runs a command, prints errors.
import { execFileSync } from 'node:child_process';
import { Console } from 'node:console';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { styleText } from 'node:util';
import { ROOT } from '../compose/repository.ts';
import { type Loudness, stderrLog } from '../compose/stderr-log.ts';
import { CacheonError, type ErrorKind, messageOf } from '../core/errors.ts';
import { hangingText } from '../core/wrap-text.ts';
import { CODE_VERSION } from '../schema/code-version.ts';
import { withAliases } from './aliases.ts';
import { runTree } from './command-line.ts';

// Compiled code of the last run: an engine starts a fifth of a second sooner. The command also
// works where it cannot write the folder.
enableCompileCache(join(ROOT, '.cache/node'));

/** The package's version, and the tree of the code that runs where git knows it. */
function versionOf(): string {
  try {
    const tree = execFileSync('git', ['rev-parse', 'HEAD^{tree}'], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return `${CODE_VERSION} (tree ${tree.trim()})`;
  } catch {
    return CODE_VERSION;
  }
}

/** What a user is told of an error. */
type Told = { readonly code: string; readonly detail?: string; readonly hint: string };

function toldOf(error: unknown): Told {
  if (!(error instanceof CacheonError))
    return { code: 'INTERNAL', hint: 'this is a defect: please report it with the command line' };
  const { code, hint, name, outcome } = error as CacheonError;
  // An infrastructure fault has one name in every record and here; the client's own name for it
  // tells more.
  return name === 'ChainError' && outcome === 'infra'
    ? { code: 'INFRA_CHAIN', detail: code, hint }
    : { code, hint };
}

/** What a command ends with that could not do its work. */
const EXIT_CODES: Readonly<Record<ErrorKind, number>> = { declined: 1, usage: 2, infra: 3 };

/** What, where and what to do: one line for a pipe, and a few that fit for a terminal. */
function errorLines(message: string, code: string, hint: string): string[] {
  const what = `${message.replaceAll('\n', ' ')} (${code})`;
  if (!process.stderr.isTTY) return [`error: ${what}; ${hint}`];
  const width = Math.max(40, process.stderr.columns);
  const head = styleText('red', 'error: ', { stream: process.stderr });
  return [...hangingText(head, what, width), ...hangingText('    -> ', hint, width)];
}

/** Tells an error on stderr, with --json on stdout too, and gives its exit code. */
function tell(error: unknown, json: boolean): number {
  const { code, hint, ...more } = toldOf(error);
  const message = messageOf(error);
  if (json)
    process.stdout.write(`${JSON.stringify({ error: { code, ...more, message, hint } })}\n`);
  for (const line of errorLines(
    message,
    more.detail === undefined ? code : `${code}: ${more.detail}`,
    hint,
  ))
    process.stderr.write(`${line}\n`);
  // The cause may hold more than a user wants to see.
  const shown = process.argv.includes('--verbose') || process.env['CACHEON_DEBUG'] !== undefined;
  if (shown && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  return error instanceof CacheonError ? EXIT_CODES[error.outcome] : 3;
}

/** How much is said beside the result. */
function loudnessOf(argv: readonly string[]): Loudness {
  if (argv.includes('--quiet')) return 'quiet';
  return argv.includes('--verbose') ? 'verbose' : 'usual';
}

/** Runs one command line. Returns its exit code (RULES "Exit codes"). */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  const json = argv.includes('--json') || argv.includes('--json-output');
  const asked = argv.includes('--version') || argv.includes('-V');
  try {
    return await runTree(withAliases(argv), {
      json,
      log: stderrLog(loudnessOf(argv)),
      version: asked ? versionOf() : '',
      write: (text) => void process.stdout.write(text),
    });
  } catch (error) {
    return tell(error, json);
  }
}

// Libraries print through the console: stdout belongs to results.
globalThis.console = new Console(process.stderr);
// A closed pipe (head, grep -q) is the reader's choice, not an error.
process.stdout.on('error', () => process.exit());
const code = await runCommandLine(process.argv.slice(2));
// Idle sockets and timers of libraries would hold the process for seconds; the printed text leaves
// first.
process.stdout.write('', () => process.exit(code));
