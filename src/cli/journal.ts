import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Journal, SubmitState } from '../pipeline/submit.ts';
import { UsageError } from './io.ts';

/** Where a submission is noted: one file per hotkey, subnet and digest, under ~/.cacheon or the folder that CACHEON_HOME names. */
export function journalFile(hotkey: string, netuid: number, digest: string): string {
  const home = process.env['CACHEON_HOME'];
  const base = home === undefined || home === '' ? join(homedir(), '.cacheon') : resolve(home);
  return join(base, 'submissions', `${netuid}-${hotkey}-${digest.replace(/^sha256:/, '').slice(0, 16)}.json`);
}

/** A journal on disk. A write is complete and synced before it returns, and a crash leaves the old or the new text, never half of one. */
export function fileJournal(path: string): Journal {
  return {
    read: () => {
      let text: string;
      try {
        text = readFileSync(path, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw new UsageError(`the journal ${path} cannot be read`, 'it tells what was paid: restore access to it');
      }
      try {
        const state = JSON.parse(text) as SubmitState;
        if ((state.schema as number) !== 1) throw new Error('another schema');
        return state;
      } catch {
        throw new UsageError(
          `the journal ${path} is damaged`,
          'move it away and name what was paid with --payment-tx and --payment-block',
        );
      }
    },
    write: (state) => {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      const file = openSync(`${path}.new`, 'w', 0o600);
      try {
        writeSync(file, `${JSON.stringify(state, null, 2)}\n`);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(`${path}.new`, path);
      const folder = openSync(dirname(path), 'r');
      fsyncSync(folder);
      closeSync(folder);
    },
  };
}
