// Waiting between two servers until the GPUs are idle again.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import {
  GPU_FIELDS,
  gpuErrors,
  leftBehind,
  notIdle,
  parseGpus,
  type GpuState,
} from '../gpu-state.ts';

const run = promisify(execFile);
/** A GPU needs a while to cool and to give its memory back. */
const WAIT_SECONDS = 120;
const POLL_MS = 1000;
/** Idle readings in a row that count. */
const IN_A_ROW = 3;

const smi = async (...args: string[]): Promise<string> =>
  (await run('nvidia-smi', [...args, '--format=csv,noheader,nounits'], { timeout: 20_000 })).stdout;

/**
 * Errors of GPUs since the boot as the driver tells them, one line each; null where the kernel's
 * log may not be read.
 */
async function xidLines(): Promise<string[] | null> {
  try {
    const { stdout } = await run('dmesg', [], { timeout: 10_000, maxBuffer: 64 * 1024 * 1024 });
    return gpuErrors(stdout.split('\n').filter((line) => /NVRM: Xid/.test(line)));
  } catch {
    return null;
  }
}

type Receipt = { ok: boolean; detail: string; gpus: GpuState[]; seconds: number };

/**
 * Waits between two servers until the GPUs are as they were, and says what it saw. A state that
 * waiting does not mend is `ok: false`.
 */
export function idleWatch(clock: Clock): () => Promise<Receipt> {
  let before: GpuState[] | null = null;
  let xids: string[] | null = null;
  return async () => {
    const began = clock.nowNs();
    let detail: string;
    let gpus: GpuState[] = [];
    let quiet = 0;
    for (;;) {
      const seconds = (clock.nowNs() - began) / 1e9;
      try {
        gpus = parseGpus(await smi(`--query-gpu=${GPU_FIELDS.join(',')}`));
        const processes = (await smi('--query-compute-apps=pid,used_memory'))
          .split('\n')
          .filter((line) => line.trim() !== '');
        const busy = notIdle(gpus, processes, before);
        const worse = before && leftBehind(before, gpus);
        const now = await xidLines();
        const fresh = now && xids ? now.filter((line) => !xids!.includes(line)) : [];
        before ??= gpus;
        xids ??= now;
        if (worse) return { ok: false, detail: worse, gpus, seconds };
        if (fresh.length > 0)
          return { ok: false, detail: `driver errors: ${fresh[0]!.slice(0, 200)}`, gpus, seconds };
        quiet = busy === null ? quiet + 1 : 0;
        detail = busy ?? 'idle';
      } catch (error) {
        quiet = 0;
        detail = `nvidia-smi: ${messageOf(error).slice(0, 200)}`;
      }
      if (quiet >= IN_A_ROW) return { ok: true, detail, gpus, seconds };
      if (seconds > WAIT_SECONDS)
        return { ok: false, detail: `${detail}, for ${WAIT_SECONDS} s`, gpus, seconds };
      await clock.sleep(POLL_MS);
    }
  };
}
