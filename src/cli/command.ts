// What a command of the command line is: its options, and the function that runs it.
import type { Log } from '../core/log.ts';

/** What a command gets from its command line. */
export type Invocation = {
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  readonly positionals: readonly string[];
  readonly json: boolean;
  readonly log: Log;
};

export type RunCommand = (invocation: Invocation) => Promise<number>;

export type Command = {
  readonly about: string;
  readonly usage: string;
  readonly options: Readonly<Record<string, { type: 'string' | 'boolean' }>>;
  readonly load: () => Promise<RunCommand>;
};
