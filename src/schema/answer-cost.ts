// What measuring cost the client, as a trace notes it beside each answer.

/**
 * What measuring one request cost the client itself, in ns; null where this system does not tell.
 */
export type ClientCost = {
  /** Waiting for a core between sending and the first byte. */
  readonly firstWaitNs: number | null;
  /** Waiting for a core during the whole request. */
  readonly waitNs: number | null;
  /** Collecting garbage during the request. */
  readonly gcNs: number;
};
