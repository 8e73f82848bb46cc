// Interface for starting, reaching and ending an inference server.
import type { LoadClient } from './load-client.ts';

/** What to run: a server that is there already, or an image for a runtime to start. */
export type EngineTarget =
  | { readonly kind: 'url'; readonly url: string }
  | {
      readonly kind: 'image';
      readonly image: string;
      readonly digest: string;
      /** Its name on this machine, where it was looked at and fetched before. */
      readonly local?: string;
      /** Arguments of the entrypoint: the arena's for baseline and reference, none for a miner. */
      readonly args?: readonly string[];
    };

/** How a server ended by itself. */
export type Exit = {
  readonly code: number | null;
  /** Whether the kernel killed it for want of memory. */
  readonly oom: boolean;
  /** Set where the runtime cannot tell how the server ended, because the runtime itself failed. */
  readonly lost?: string;
};

/** A server that was started and may be healthy soon. */
export interface Engine {
  /** What it runs, for the trace: `image@sha256:…` or the URL. */
  readonly image: string;
  /** A measuring client for this server. Throws `METER_LOST` where none can be had. */
  connect(): Promise<LoadClient>;
  /** Why the server ended by itself, or null while it runs. A server by URL never tells. */
  exited(): null | Exit;
  /** Resolves when it has ended. A server by URL never does. */
  readonly ended: Promise<void>;
  /**
   * Ends the server, however it resists, and leaves nothing of it behind. Does nothing to a server
   * by URL.
   */
  stop(): Promise<void>;
  /**
   * The first and last of the server's output, once it has stopped; null where the runtime did not
   * record it.
   */
  log(): Uint8Array | null;
}

/** Starts servers. Adapters: by URL, as a local process (trusted engines only), as a container. */
export interface EngineRuntime {
  start(target: EngineTarget): Promise<Engine>;
}
