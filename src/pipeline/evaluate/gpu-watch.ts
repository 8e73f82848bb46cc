// Looks at the GPUs between two servers of a boot.
import type { IdleReceipt } from './boot-parts.ts';

/**
 * Looks at the GPUs right after each server, so that what is wrong then stands in its own trace,
 * and once before the first.
 */
export type GpuWatch = {
  readonly before: () => Promise<IdleReceipt>;
  readonly after: () => Promise<IdleReceipt>;
  /** A server may have run without a check after it. */
  readonly forget: () => void;
};

/** Watches the GPUs over the runs of one boot. */
export function watchGpus(idle: () => Promise<IdleReceipt>): GpuWatch {
  let last: IdleReceipt | null = null;
  const look = async (): Promise<IdleReceipt> => {
    const seen = await idle();
    last = seen;
    return seen;
  };
  return {
    // The trouble may have passed since: heat passes, and so does a tool that did not answer.
    before: async () => (last?.ok === true ? last : await look()),
    after: look,
    forget: () => {
      last = null;
    },
  };
}
