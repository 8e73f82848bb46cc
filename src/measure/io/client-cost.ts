// How much time the measuring client lost to waiting for a core and to garbage collection.
import { openSync, readSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';

/**
 * What this process has lost so far, in ns: waiting for a core (null where Linux does not tell),
 * and collecting garbage.
 */
export type CostMeter = {
  waitNs(): number | null;
  read(): { waitNs: number | null; gcNs: number };
};

/**
 * Reads the run-queue wait of this process's first thread, the one that stamps. A client that was
 * starved for half an answer makes an honest server look as if it sent in bursts (seen with a real
 * vLLM beside its client on two cores).
 */
export function openCostMeter(path = '/proc/self/schedstat'): CostMeter {
  let gcNs = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) gcNs += Math.round(duration * 1e6);
  }).observe({ entryTypes: ['gc'] });
  let file: number | null = null;
  try {
    file = openSync(path, 'r');
  } catch {
    // Outside Linux, or in some sandboxes, there is no such file: then the meter claims nothing.
  }
  const buffer = Buffer.alloc(128);
  const waitNs = (): number | null => {
    if (file === null) return null;
    const length = readSync(file, buffer, 0, buffer.length, 0);
    // "<ns on a core> <ns waiting for one> <times>"
    const wait = Number(buffer.toString('latin1', 0, length).split(' ')[1]);
    return Number.isSafeInteger(wait) ? wait : null;
  };
  return { waitNs, read: () => ({ waitNs: waitNs(), gcNs }) };
}
