// Progress notes of a submission on disk, locked so that a fee is never paid twice.
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { UsageError } from '../compose/errors.ts';
import { takeLock } from '../compose/lock-file.ts';
import { writeWhole } from '../node/atomic-file.ts';
import type { Journal, SubmitState } from '../pipeline/submit/submit-steps.ts';

/**
 * Where a submission is noted: one file per chain, subnet, hotkey and digest, under ~/.cacheon or
 * the folder that CACHEON_HOME names.
 */
export function journalFile(
  genesisHash: string,
  hotkey: string,
  netuid: number,
  digest: string,
): string {
  const home = process.env['CACHEON_HOME'];
  const base = home === undefined || home === '' ? join(homedir(), '.cacheon') : resolve(home);
  return join(
    base,
    'submissions',
    `${genesisHash.slice(2, 10)}-${netuid}-${hotkey}-${digest.replace(/^sha256:/, '').slice(0, 16)}.json`,
  );
}

/**
 * A journal on disk. A write is complete and synced before it returns, and a crash leaves the old
 * or the new text, never half of one.
 */
function fileJournal(path: string): Journal {
  return {
    read: () => {
      let text: string;
      try {
        text = readFileSync(path, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw new UsageError(
          `the journal ${path} cannot be read`,
          'it tells what was paid: restore access to it',
        );
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
    // What was paid must survive a power cut, and is only for the miner to read.
    write: (state) => {
      writeWhole(path, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600, durable: true });
    },
  };
}

/**
 * The journal, held by this process alone until it ends: two submissions of one image at once would
 * pay twice.
 */
export function lockedJournal(path: string): Journal {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const release = takeLock(
    `${path}.lock`,
    'is submitting this image',
    'wait for it: it goes on with what was begun',
  );
  process.once('exit', () => {
    release();
    // A folder that was made for nothing goes again.
    try {
      rmdirSync(dirname(path));
      rmdirSync(dirname(dirname(path)));
    } catch {
      // It holds notes.
    }
  });
  return fileJournal(path);
}
