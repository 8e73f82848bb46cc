// Second tries of work that fails in passing, with growing waits.

export type RetryOptions = {
  /** The wait before each further try: as many tries as there are waits, and one. */
  readonly waitsMs: readonly number[];
  readonly sleep: (ms: number) => Promise<unknown>;
  /** Whether an error may pass. */
  readonly again: (error: unknown) => boolean;
};

/** Does work until it succeeds, an error does not pass, or the waits are over: then it throws it. */
export async function retry<T>(
  work: (attempt: number) => Promise<T>,
  { waitsMs, sleep, again }: RetryOptions,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work(attempt);
    } catch (error) {
      const waitMs = waitsMs[attempt];
      if (waitMs === undefined || !again(error)) throw error;
      await sleep(waitMs);
    }
  }
}
