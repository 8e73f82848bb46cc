// The port of time: monotonic nanoseconds, and sleep.
/** Monotonic time. Wall-clock dates are information only and never enter a measurement. */
export interface Clock {
  /** Nanoseconds since an arbitrary origin, never going back. */
  nowNs(): number;
  /** Resolves after at least `ms` milliseconds. */
  sleep(ms: number): Promise<void>;
}
