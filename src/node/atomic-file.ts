// Files that are there whole or not at all.
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';

export type WholeFileOptions = {
  /** Rights of the file, and of folders that are made for it (with the search bit). */
  readonly mode?: number;
  /** Whether it must survive a power cut: waits for the disk, twice. */
  readonly durable?: boolean;
};

/**
 * Writes a file whole or not at all, and its folders where they are missing. Two writers at once do
 * not disturb each other: the later one wins.
 */
export function writeWhole(
  path: string,
  data: string | Uint8Array,
  { mode = 0o666, durable = false }: WholeFileOptions = {},
): void {
  const folder = dirname(path);
  // A folder wants the search bit wherever the file may be read.
  mkdirSync(folder, { recursive: true, mode: mode | ((mode & 0o444) >> 2) });
  const temporary = `${path}.${process.pid}.new`;
  try {
    const file = openSync(temporary, 'w', mode);
    try {
      writeFileSync(file, data);
      if (durable) fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  if (durable) sync(folder);
}

/** Waits until the names in a folder are on the disk. */
function sync(folder: string): void {
  const file = openSync(folder, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
