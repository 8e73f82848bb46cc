// Finds the repository's root folder and reads the competition's settings file.
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../core/errors.ts';
import { sha256Hex } from '../core/hash.ts';
import { type Arena, ArenaError, parseArena } from '../schema/arena.ts';
import { arenaIndexSchema, type KnownArena } from '../schema/arena-index.ts';
import { UsageError } from './errors.ts';

/**
 * Folder of the repository (or of the installed package): tokenizers and arenas are named from
 * here.
 */
export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** An arena with the sha256 of its file's bytes, by which plans name it. */
export type ArenaFile = { readonly arena: Arena; readonly sha256: string };

/** Why an arena file could not be read, in words of no system call. */
function unreadable(path: string, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code === 'ENOENT') return `there is no arena file ${path}`;
  if (code === 'EISDIR') return `the arena ${path} is a folder, and no file`;
  return `the arena ${path} cannot be read: ${messageOf(error)}`;
}

/** Reads and checks an arena file. */
export function readArena(path: string): Arena {
  return readArenaFile(path).arena;
}

/** The same, with the hash of its bytes. */
export function readArenaFile(path: string): ArenaFile {
  let bytes: Uint8Array;
  let value: unknown;
  try {
    bytes = readFileSync(path);
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    throw new UsageError(unreadable(path, error), 'name a JSON file with --arena');
  }
  return { arena: parseArena(value, path), sha256: sha256Hex(bytes) };
}

/** Every arena that ever counted, as `.github/arenas/index.json` lists them (RULES "Arenas that count"). */
export function knownArenas(root: string): KnownArena[] {
  const folder = join(root, '.github/arenas');
  const index = arenaIndexSchema.parse(
    JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')),
  );
  return index.map(({ file, ...known }) => {
    const { arena, sha256 } = readArenaFile(join(folder, file));
    if (sha256 === known.sha256) return { ...known, arena };
    throw new ArenaError(
      'BAD_ARENA',
      'usage',
      `.github/arenas/${file} has sha256 ${sha256}, the index says ${known.sha256}`,
      'an arena that ever counted is never edited: restore it from git history',
    );
  });
}

/** Path of an arena file: as given, or the command's own default. */
export function arenaPath(
  given: string | undefined,
  fallback: '.github/arena.json' | 'src/devnet/arena.json',
): string {
  return given === undefined ? join(ROOT, fallback) : resolve(given);
}
