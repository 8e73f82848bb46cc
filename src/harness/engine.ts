/** What to run: a server that is there already, or an image for a runtime to start. */
export type Target =
  { readonly kind: 'url'; readonly url: string } | { readonly kind: 'image'; readonly image: string; readonly digest: string };

/** A server that was started and may be healthy soon. */
export interface Engine {
  readonly url: string;
  /** What it runs, for the trace: `image@sha256:…` or the URL. */
  readonly image: string;
  /** Why it ended by itself, or null while it runs. A server by URL never tells. */
  exited(): null | { readonly code: number | null; readonly oom: boolean };
  /** Resolves when it has ended. A server by URL never does. */
  readonly ended: Promise<void>;
  /** Ends it, however it resists. Does nothing to a server by URL. */
  stop(): Promise<void>;
}

/** Starts servers. Adapters: by URL, as a local process (trusted engines only), as a container. */
export interface EngineRuntime {
  start(target: Target): Promise<Engine>;
}
