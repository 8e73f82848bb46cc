// Entry point of the command line: parses arguments, runs a command, prints errors.
import { Console } from 'node:console';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { UsageError } from '../compose/errors.ts';
import { ROOT } from '../compose/repository.ts';
import { stderrLog } from '../compose/stderr-log.ts';
import { CacheonError, messageOf } from '../core/errors.ts';
import type { Command } from './command.ts';
import { COMMANDS } from './commands.ts';

// Compiled code of the last run: an engine starts a fifth of a second sooner. The command also
// works where it cannot write the folder.
enableCompileCache(join(ROOT, '.cache/node'));

const GENERAL = {
  json: { type: 'boolean' },
  arena: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

function usage(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  const rows = Object.entries(COMMANDS).map(
    ([name, { about }]) => `  ${name.padEnd(width)}  ${about}`,
  );
  return `usage: cacheon COMMAND [--json] [--arena FILE] ...\n\n${rows.join('\n')}\n\ncacheon COMMAND --help tells more. Exit codes: 0 done, 1 negative verdict, 2 wrong usage, 3 infrastructure.\n`;
}

function commandHelp(name: string, command: Command): string {
  return `usage: cacheon ${name} ${command.usage}\n\n${command.about}\n`;
}

/** Runs one command line. Returns its exit code (RULES "Exit codes"). */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  const groups = new Set(
    Object.keys(COMMANDS).flatMap((name) => (name.includes(' ') ? [name.split(' ')[0]!] : [])),
  );
  const words =
    groups.has(argv[0] ?? '') && argv[1] !== undefined && !argv[1].startsWith('-') ? 2 : 1;
  const name = argv.slice(0, words).join(' ');
  const json = argv.includes('--json');
  try {
    if (name === '' || name === '--help' || name === '-h' || name === 'help') {
      process.stdout.write(usage());
      return name === '' ? 2 : 0;
    }
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (!command) throw new UsageError(`there is no command ${name}`, 'cacheon --help lists them');
    let parsed: { values: Record<string, string | boolean | undefined>; positionals: string[] };
    try {
      parsed = parseArgs({
        args: argv.slice(words),
        allowPositionals: true,
        strict: true,
        options: { ...GENERAL, ...(command.options as ParseArgsConfig['options']) },
      });
    } catch (error) {
      throw new UsageError(
        messageOf(error).split('\n')[0]!,
        `cacheon ${name} --help shows the options`,
      );
    }
    if (parsed.values['help'] === true) {
      process.stdout.write(commandHelp(name, command));
      return 0;
    }
    const run = await command.load();
    return await run({
      values: parsed.values,
      positionals: parsed.positionals,
      json,
      log: stderrLog,
    });
  } catch (error) {
    const known: CacheonError | null =
      error instanceof CacheonError ? (error as CacheonError) : null;
    // An infrastructure fault has one name in every record and here; the
    // client's own name for it tells more.
    const chain = known?.name === 'ChainError' && known.outcome === 'infra';
    const code = chain ? 'INFRA_CHAIN' : (known?.code ?? 'INTERNAL');
    const hint = known?.hint ?? 'this is a defect: please report it with the command line';
    // The cause may hold more than a user wants to see; one line says what, where and what to do.
    if (json)
      process.stdout.write(
        `${JSON.stringify({ error: { code, ...(chain ? { detail: known.code } : {}), message: messageOf(error), hint } })}\n`,
      );
    process.stderr.write(
      `error: ${messageOf(error).replaceAll('\n', ' ')} (${chain ? `${code}: ${known.code}` : code}); ${hint}\n`,
    );
    if (!known && process.env['CACHEON_DEBUG'] !== undefined && error instanceof Error)
      process.stderr.write(`${error.stack ?? ''}\n`);
    return known?.outcome === 'usage' ? 2 : 3;
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
