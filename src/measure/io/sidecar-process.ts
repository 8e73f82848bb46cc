// The measuring client's process on this machine: its program, its start and its share of cores.
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { SidecarChannel } from './measuring-sidecar.ts';

/** The meter's program: beside the bundle, or the source that this file is. */
export function sidecarProgram(): string {
  const bundled = new URL('measuring-sidecar.cjs', import.meta.url);
  return fileURLToPath(
    existsSync(bundled) ? bundled : new URL('measuring-sidecar-main.ts', import.meta.url),
  );
}

/**
 * How much more a measuring client counts than others where cores are short, as a nice value; needs
 * root.
 */
const FAVOUR = -15;

/**
 * Lets a process have a core as soon as it wants one: for itself, and for its session, between
 * which Linux shares cores out.
 */
export function favour(pid: number): void {
  try {
    setPriority(pid, FAVOUR);
    writeFileSync(`/proc/${pid}/autogroup`, String(FAVOUR));
  } catch {
    // Not root, or no such thing here: each sample notes what waiting cost it.
  }
}

/** Runs the meter as a process of this machine, for servers that are reached from here. */
export function processSidecar(): SidecarChannel & { readonly pid: number } {
  // A session of its own: Linux shares cores out between sessions, and a busy server must not
  // starve the clock.
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', sidecarProgram()],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
    },
  );
  if (child.pid !== undefined) favour(child.pid);
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  return {
    pid: child.pid ?? 0,
    input: child.stdin,
    output: child.stdout,
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
