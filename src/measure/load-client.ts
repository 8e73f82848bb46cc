// Interface of the client that sends prompts to a server and records the answers.
import type { ClientCost } from '../schema/answer-cost.ts';
import type { RequestOutcome } from '../schema/trace.ts';

/** One request as the socket saw it. Times are ns on the client's monotonic clock. */
export type Exchange = {
  readonly sentNs: number;
  readonly chunks: readonly { readonly tNs: number; readonly bytes: Uint8Array }[];
  readonly end: {
    readonly tNs: number;
    readonly status: number | null;
    readonly outcome: RequestOutcome;
    readonly detail: string;
  };
  readonly cost: ClientCost;
};

/**
 * The measuring client of one arm: one warm connection, one request at a time, stamps at the
 * socket, nothing parsed.
 */
export interface LoadClient {
  /** Whether `GET /health` answers 200 now. */
  healthy(): Promise<boolean>;
  /**
   * Posts a chat request and records what comes back. Never throws for what the server does; throws
   * `METER_LOST` where the client itself broke.
   */
  ask(body: string): Promise<Exchange>;
  /** Posts JSON to a trusted server and gives the whole answer. */
  post(
    path: string,
    body: string,
  ): Promise<{ readonly status: number | null; readonly text: string; readonly detail: string }>;
  close(): Promise<void>;
}
