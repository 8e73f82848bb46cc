// Clock of this machine that never goes back, shared by its processes.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../core/clock.ts';

/**
 * The machine's monotonic clock, in ns since `originNs`. Every process of a machine that is given
 * the same origin tells the same time.
 */
export function monotonicClockFrom(originNs: bigint): Clock {
  return { nowNs: () => Number(process.hrtime.bigint() - originNs), sleep: (ms) => sleep(ms) };
}

/** When this process began, on the machine's monotonic clock. */
export const originNs = process.hrtime.bigint();

/** The machine's monotonic clock, in ns since this process began. */
export const monotonicClock: Clock = monotonicClockFrom(originNs);
