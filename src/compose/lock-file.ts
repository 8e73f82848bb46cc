// Lock files: two processes that do the same at once would pay twice, or measure the same plan.
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { UsageError } from './errors.ts';

/**
 * What tells a process from any other, also after a reboot or in another container, where numbers
 * begin anew: its number, when it began, and which boot of the machine that was. Null where there is
 * no such process.
 */
function identityOf(pid: number): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    // The name stands in brackets and may hold blanks; the start is the twentieth field after it.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return `${pid} ${fields[19] ?? ''} ${boot}`;
  } catch {
    return null;
  }
}

/**
 * Takes the lock, or throws `USAGE` where a living process holds it, with what that one `does` and a
 * `hint`; one that died left nothing behind that would have to be cleaned by hand. Returns what gives
 * the lock back.
 */
export function takeLock(path: string, does: string, hint: string): () => void {
  for (let tries = 0; tries < 2; tries++) {
    try {
      const file = openSync(path, 'wx', 0o600);
      writeSync(file, identityOf(process.pid) ?? String(process.pid));
      closeSync(file);
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const held = readFileSync(path, 'utf8');
      const pid = Number.parseInt(held, 10);
      if (pid > 0 && identityOf(pid) === held)
        throw new UsageError(`process ${pid} ${does} already (${path})`, hint);
      rmSync(path, { force: true });
    }
  }
  throw new UsageError(`the lock ${path} cannot be taken`, 'another process took it just now');
}
