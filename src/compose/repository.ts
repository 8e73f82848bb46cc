// Finds the repository's root folder and reads the competition's settings file.
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../core/errors.ts';
import { type Arena, parseArena } from '../schema/arena.ts';
import { UsageError } from './errors.ts';

/**
 * Folder of the repository (or of the installed package): tokenizers and arenas are named from
 * here.
 */
export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** Reads and checks an arena file. */
export function readArena(path: string): Arena {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UsageError(
      `the arena ${path} cannot be read: ${messageOf(error)}`,
      'name a JSON file with --arena',
    );
  }
  return parseArena(value, path);
}

/** Path of an arena file: as given, or the command's own default. */
export function arenaPath(
  given: string | undefined,
  fallback: '.github/arena.json' | 'src/devnet/arena.json',
): string {
  return given === undefined ? join(ROOT, fallback) : resolve(given);
}
