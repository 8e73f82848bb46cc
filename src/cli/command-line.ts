// The command line as a tree of commander's commands: words, options, help, suggestions.
import { Command as Commander, CommanderError, Option } from 'commander';
import { UsageError } from '../compose/errors.ts';
import type { Log } from '../core/log.ts';
import type { Command, RunCommand } from './command.ts';
import { COMMANDS, GROUPS } from './commands.ts';
import { ARENA_FILE } from './option-specs.ts';

/** What helps where commander knows nothing near. */
const HINTS: Readonly<Record<string, string>> = {
  'commander.unknownCommand': 'cacheon --help lists the commands',
};
const EXIT_CODES = 'Exit codes: 0 done, 1 negative verdict, 2 wrong usage, 3 infrastructure.';

/** Where a run of the command line writes its help, and how it tells the code's version. */
export type CommandLineOptions = {
  readonly log: Log;
  readonly json: boolean;
  readonly version: string;
  readonly write: (text: string) => void;
};

/** A command of commander's that throws in place of ending the process. */
function quiet(command: Commander, { write }: CommandLineOptions): Commander {
  return command
    .exitOverride()
    .configureOutput({ writeOut: write, writeErr: () => undefined })
    .helpOption('-h, --help', 'shows this text');
}

/** The values of a command by the names of its options, as they are written. */
function valuesOf(command: Commander): Record<string, string | boolean | undefined> {
  return Object.fromEntries(
    command.options.map((option) => {
      const value = command.getOptionValue(option.attributeName()) as string | boolean | undefined;
      // commander turns --no-wait into wait: false.
      return option.negate
        ? [option.long!.slice(2), value === false]
        : [option.long!.slice(2), value];
    }),
  );
}

function addCommand(
  parent: Commander,
  word: string,
  spec: Command,
  options: CommandLineOptions & { readonly done: (code: number) => void },
): void {
  const command = quiet(parent.command(word), options).description(spec.about);
  if (spec.argument) command.argument(...spec.argument);
  if (spec.second) command.argument(...spec.second);
  const all: Command['options'] = { ...spec.options, arena: ARENA_FILE };
  for (const [name, [value, about]] of Object.entries(all)) {
    const option = new Option(value === null ? `--${name}` : `--${name} <${value}>`, about);
    const variable = spec.variables?.[name];
    // A variable that is set to nothing is not set: workflows write empty ones.
    command.addOption(variable && process.env[variable] !== '' ? option.env(variable) : option);
  }
  command.option('--json', 'one JSON document on stdout');
  command.option('--quiet', 'no progress, warnings alone');
  command.option('--verbose', 'every line with its time; errors with what led to them');
  const environment = Object.entries(spec.environment ?? {});
  const width = Math.max(0, ...environment.map(([name]) => name.length));
  if (environment.length > 0)
    command.addHelpText(
      'after',
      `\nEnvironment:\n${environment.map(([name, about]) => `  ${name.padEnd(width)}  ${about}\n`).join('')}`,
    );
  if (spec.examples)
    command.addHelpText('after', `\nExamples:\n${spec.examples.map((e) => `  ${e}\n`).join('')}`);
  command.action(async () => {
    const run: RunCommand = await spec.load();
    const { json, log, write } = options;
    const print = (line: string): void => {
      if (!json) write(`${line}\n`);
    };
    const values = valuesOf(command);
    options.done(await run({ values, positionals: command.args, json, log, print, write }));
  });
}

/** The whole tree; `done` is told a command's exit code. */
function commandTree(options: CommandLineOptions & { readonly done: (code: number) => void }) {
  const program = quiet(new Commander('cacheon'), options)
    .version(options.version, '-V, --version', 'shows the version and the tree hash of the code')
    .description('an open, on-chain competition of LLM inference servers: the whole validator')
    .addHelpText('after', `\ncacheon COMMAND --help tells more. ${EXIT_CODES}`);
  const groups = new Map<string, Commander>();
  for (const [name, spec] of Object.entries(COMMANDS)) {
    const [first, second] = name.split(' ') as [string, string | undefined];
    if (second === undefined) {
      addCommand(program, first, spec, options);
      continue;
    }
    if (!groups.has(first))
      groups.set(first, quiet(program.command(first), options).description(GROUPS[first] ?? first));
    addCommand(groups.get(first)!, second, spec, options);
  }
  return program;
}

/**
 * Parses a command line and runs its command. Returns the exit code; help and version give 0. Throws
 * {@link UsageError} for what it does not understand, with a suggestion where one is near.
 */
export async function runTree(
  argv: readonly string[],
  options: CommandLineOptions,
): Promise<number> {
  let code = 0;
  const done = (own: number): void => {
    code = own;
  };
  const program = commandTree({ ...options, done });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // A bare `cacheon`, or a group without its word, shows the help and is wrong usage.
    if (error.code === 'commander.help') {
      const shown =
        argv.length === 0 ? program : program.commands.find((one) => one.name() === argv[0]);
      if (argv[0] !== 'help') options.write((shown ?? program).helpInformation());
      return argv[0] === 'help' ? 0 : 2;
    }
    if (error.exitCode === 0) return 0;
    const ask = `cacheon ${argv[0] ?? ''} --help`;
    const [what = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
    throw new UsageError(
      what,
      suggestion?.replace(/^\(|\)$/g, '') ?? HINTS[error.code] ?? `${ask} shows the options`,
    );
  }
}
