// A single measuring run: start a server, send every prompt in order, and stop the server.
import { CacheonError } from '../core/errors.ts';
import { fromUtf8 } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import type { Prompt } from '../schema/prompt.ts';
import { requestBody } from '../schema/request.ts';
import type { TraceHeader, TraceLine } from '../schema/trace.ts';
import type { MeasuringRules } from '../schema/arena.ts';
import type { LoadClient } from './load-client.ts';
import type { Engine, EngineRuntime, EngineTarget } from './engine.ts';

/** How often a starting server is asked for its health. */
const HEALTH_POLL_MS = 50;
/** How long to wait for the notice that a server died, once its connection broke. */
const EXIT_NOTICE_MS = 300;
/** The same, where it could not even be reached. */
const NO_START_NOTICE_MS = 3000;
// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/;

export type LoadPorts = {
  readonly clock: Clock;
  readonly runtime: EngineRuntime;
  /**
   * Resolves when nothing else of ours loads this machine: pulls go on while a server starts, never
   * while one is timed.
   */
  readonly quiet?: () => Promise<void>;
  /**
   * For how much of the time since then another process of ours loaded this machine: that time does
   * not count against a server that starts.
   */
  readonly loadedNs?: (sinceNs: number) => number;
};
export type ArmHeader = Omit<TraceHeader, 'type' | 'schema' | 'image'>;

/** What one arm's run left: its trace, and what the server printed. */
export type ArmRun = { readonly lines: TraceLine[]; readonly log: Uint8Array | null };

/**
 * One arm's run: start, health, every prompt in order, stop. It measures and decides nothing: it
 * writes the answers into trace lines. A request that did not end well ends the arm.
 */
export async function runArm(
  ports: LoadPorts,
  arena: MeasuringRules,
  target: EngineTarget,
  header: ArmHeader,
  prompts: readonly Prompt[],
): Promise<ArmRun> {
  const { clock, runtime } = ports;
  const origin = clock.nowNs();
  const since = (ns: number): number => Math.max(0, Math.round(ns - origin));
  const engine = await runtime.start(target);
  // The image may have been pulled first: a server's own time begins once it runs.
  const startedNs = clock.nowNs();
  const lines: TraceLine[] = [
    { type: 'header', schema: 1, ...header, image: engine.image } as TraceLine,
  ];
  const event = (name: string, atNs: number, extra: Record<string, unknown> = {}): void =>
    void lines.push({ type: 'event', tNs: since(atNs), name, ...extra });
  event('start', origin);
  let client: LoadClient | null = null;
  let fault: Error | null = null;
  try {
    client = await connected(engine, clock);
    if (client) await askAll(client);
    else exitEvent(engine, event, clock.nowNs());
  } catch (error) {
    fault = asError(error);
  }
  const ended = await Promise.allSettled([client?.close(), engine.stop()]);
  const failed = ended.find((result) => result.status === 'rejected');
  if (failed) fault ??= asError(failed.reason);
  if (fault !== null) {
    // What was seen before stays evidence: a fault of the server's must not vanish with a fault of
    // ours.
    if (!(fault instanceof CacheonError) || fault.outcome === 'usage') throw fault;
    const name = fault.code === 'METER_LOST' ? 'meter-lost' : 'host';
    event(name, clock.nowNs(), { detail: fault.message.slice(0, 300) });
  }
  return { lines, log: engine.log() };

  async function askAll(to: LoadClient): Promise<void> {
    const loadedNs = (): number => ports.loadedNs?.(startedNs) ?? 0;
    const health = await awaitHealth(
      engine,
      to,
      clock,
      () => startedNs + arena.deadlines.start * 1e9 + loadedNs(),
    );
    if (health !== 'healthy') {
      if (health === 'exited') exitEvent(engine, event, clock.nowNs());
      else event('start-timeout', clock.nowNs(), { seconds: arena.deadlines.start });
      return;
    }
    event('healthy', clock.nowNs());
    await ports.quiet?.();
    for (const prompt of prompts) {
      const body = requestBody(prompt, arena);
      const exchange = await to.ask(JSON.stringify(body));
      lines.push({
        type: 'request',
        prompt: prompt.index,
        warmup: prompt.pool === 'warmup',
        tNs: since(exchange.sentNs),
        body,
      });
      for (const { tNs, bytes } of exchange.chunks) {
        // Control characters grow sixfold in JSON: such bytes are kept as base64 like those that
        // are no text.
        const plain = fromUtf8(bytes);
        const text = plain !== null && CONTROL.test(plain) ? null : plain;
        const content = text === null ? { data: Buffer.from(bytes).toString('base64') } : { text };
        lines.push({ type: 'chunk', prompt: prompt.index, tNs: since(tNs), ...content });
      }
      const { end } = exchange;
      lines.push({
        type: 'end',
        prompt: prompt.index,
        tNs: since(end.tNs),
        status: end.status,
        outcome: end.outcome,
        detail: end.detail,
        client: exchange.cost,
      });
      if (end.outcome === 'done' && !engine.exited()) continue;
      if (end.outcome !== 'done') await Promise.race([engine.ended, clock.sleep(EXIT_NOTICE_MS)]);
      // The server's death explains the broken connection, so the exit counts from the same moment.
      if (engine.exited()) exitEvent(engine, event, end.tNs);
      return;
    }
  }
}

function exitEvent(
  engine: Engine,
  event: (name: string, atNs: number, extra?: Record<string, unknown>) => void,
  atNs: number,
): void {
  const exit = engine.exited();
  if (exit?.lost !== undefined) event('host', atNs, { detail: exit.lost });
  else if (typeof exit?.code !== 'number') event(exit?.oom === true ? 'oom' : 'exit', atNs);
  else event(exit.oom ? 'oom' : 'exit', atNs, { code: exit.code, detail: `code ${exit.code}` });
}

const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error));

/**
 * A client for a server; null where the server ended before it could be reached: that is its own
 * fault, not the client's.
 */
async function connected(engine: Engine, clock: Clock): Promise<LoadClient | null> {
  try {
    return await engine.connect();
  } catch (error) {
    await Promise.race([engine.ended, clock.sleep(NO_START_NOTICE_MS)]);
    if (engine.exited()) return null;
    throw error;
  }
}

/** Asks for health until it is there, the server ends, or time is up. */
export async function awaitHealth(
  engine: Engine,
  client: LoadClient,
  clock: Clock,
  deadlineNs: () => number,
): Promise<'healthy' | 'exited' | 'late'> {
  while (clock.nowNs() < deadlineNs()) {
    if (engine.exited()) return 'exited';
    if (await client.healthy()) return 'healthy';
    await Promise.race([engine.ended, clock.sleep(HEALTH_POLL_MS)]);
  }
  return 'late';
}
