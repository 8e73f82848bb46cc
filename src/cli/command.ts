// What a command of the command line is: its words, its options, and the function that runs it.
import type { Log } from '../core/log.ts';

/** What a command gets from its command line. */
export type Invocation = {
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  readonly positionals: readonly string[];
  readonly json: boolean;
  /** Progress and warnings, on stderr. */
  readonly log: Log;
  /** A line of the result for people, on stdout; with --json the document stands there alone. */
  readonly print: (line: string) => void;
  /** Text on stdout as it is: the document of --json. */
  readonly write: (text: string) => void;
};

export type RunCommand = (invocation: Invocation) => Promise<number>;

/** An option by its name: what its value is called in the help (none for a switch), and what it is. */
export type OptionSpec = readonly [value: string | null, about: string];

export type Command = {
  readonly about: string;
  /** A positional argument: `[NAME]` or, where it must be given, `<NAME>`. */
  readonly argument?: readonly [name: string, about: string];
  /** A second one, `[NAME]`. */
  readonly second?: readonly [name: string, about: string];
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** Environment variables that stand in for options that are not given, by option. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Further environment variables that it reads, and what they are. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly examples?: readonly string[];
  readonly load: () => Promise<RunCommand>;
};
