// A lock file: two loops of one validator on one host would measure the same plan at once.
import { openSync, closeSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { UsageError } from './errors.ts';

/** Whether a process of this number is alive here. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Takes the lock, or throws `USAGE` where a living process holds it; one that died left nothing
 * behind that would have to be cleaned by hand. Returns what gives the lock back.
 */
export function takeRunLock(path: string): () => void {
  for (let tries = 0; tries < 2; tries++) {
    try {
      const file = openSync(path, 'wx');
      writeSync(file, String(process.pid));
      closeSync(file);
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const holder = Number(readFileSync(path, 'utf8'));
      if (holder > 0 && isAlive(holder))
        throw new UsageError(
          `process ${holder} runs this validator already (${path})`,
          'stop it first, or name another folder with --home',
        );
      rmSync(path, { force: true });
    }
  }
  throw new UsageError(`the lock ${path} cannot be taken`, 'another process took it just now');
}
