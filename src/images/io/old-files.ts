// Forgets what a cache on disk has not been asked for in a long time.
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Days after which a file of a cache goes that nobody read. */
const FORGET_DAYS = 90;

/** Makes a cache's folder, and removes its old files: those whose name ends so. */
export function openCacheFolder(folder: string, ending = ''): void {
  mkdirSync(folder, { recursive: true });
  const oldest = new Date().getTime() - FORGET_DAYS * 86_400_000;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isFile() && path.endsWith(ending) && statSync(path).mtimeMs < oldest) rmSync(path);
  }
}
