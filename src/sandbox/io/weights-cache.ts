// Brings the weights into the page cache whole, before every server: none can leave the next one a note there.
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../core/log.ts';

/** Read at once. */
const BLOCK = 8 * 1024 * 1024;
/** Silence that people bear. */
const PROGRESS_MS = 2000;
const GB = 1e9;

async function* filesIn(folder: string): AsyncGenerator<string> {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesIn(path);
    else if (entry.isFile() || entry.isSymbolicLink()) yield path;
  }
}

/**
 * Reads every file of a folder from its first byte to its last and returns how many bytes there
 * were. A server that was first to read some blocks, and not others, would tell the next one 8
 * thousand bits in a third of a second by what is quick to read (RULES "The page cache").
 */
export async function readWhole(folder: string, log: Log): Promise<number> {
  const block = Buffer.allocUnsafe(BLOCK);
  let [total, told] = [0, performance.now()];
  for await (const path of filesIn(folder)) {
    const file = await open(path);
    try {
      for (;;) {
        const { bytesRead } = await file.read(block, 0, BLOCK, null);
        if (bytesRead === 0) break;
        total += bytesRead;
        if (performance.now() - told < PROGRESS_MS) continue;
        told = performance.now();
        log.info(`    reading the weights: ${(total / GB).toFixed(1)} GB`);
      }
    } finally {
      await file.close();
    }
  }
  return total;
}
