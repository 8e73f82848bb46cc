// Reads required, optional and numeric options of a command line.
import { existsSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { UsageError } from '../compose/errors.ts';
import type { Invocation } from './command.ts';

/** A text option that must be given. */
export function required({ values }: Invocation, name: string): string {
  const value = values[name];
  if (typeof value !== 'string' || value === '')
    throw new UsageError(`--${name} is missing`, 'see the command with --help');
  return value;
}

/** A text option, or undefined. */
export function optional({ values }: Invocation, name: string): string | undefined {
  const value = values[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The folder of `--out`, which must be a new one, or empty. */
export function newFolder(path: string): string {
  const out = resolve(path);
  if (existsSync(out) && readdirSync(out).length > 0)
    throw new UsageError(
      `--out ${out} is not empty`,
      'name a new folder: evidence is never overwritten',
    );
  return out;
}

/** The seed of the prompts: `--seed`, or `--block-hash`, its older name. */
export function seedOf(invocation: Invocation): string {
  const seed = optional(invocation, 'seed');
  const hash = optional(invocation, 'block-hash');
  if (seed !== undefined && hash !== undefined)
    throw new UsageError('--seed and --block-hash are two names of one option', 'give one of them');
  return seed ?? hash ?? required(invocation, 'seed');
}

/** A whole number of `least`..`most`, or undefined where the option is absent. */
export function wholeNumber(
  invocation: Invocation,
  name: string,
  least: number,
  most: number,
): number | undefined {
  const value = optional(invocation, name);
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < least || number > most)
    throw new UsageError(
      `--${name} ${value} is not a whole number of ${least} to ${most}`,
      'give another number',
    );
  return number;
}
