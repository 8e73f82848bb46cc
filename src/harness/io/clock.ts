import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';

const origin = process.hrtime.bigint();

/** The machine's monotonic clock, in ns since this process began. */
export const monotonicClock: Clock = {
  nowNs: () => Number(process.hrtime.bigint() - origin),
  sleep: (ms) => sleep(ms),
};
