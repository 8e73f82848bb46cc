// A single measuring run: start a server, send every prompt in order, and stop the server.
import type { EventName } from '../schema/trace-events.ts';
import { CacheonError } from '../core/errors.ts';
import { fromUtf8 } from '../core/bytes.ts';
import { sha256Hex } from '../core/hash.ts';
import type { Clock } from '../core/clock.ts';
import type { Prompt } from '../schema/prompt.ts';
import { bodyText } from '../schema/boot-bodies.ts';
import type { TraceHeader, TraceLine } from '../schema/trace.ts';
import type { MeasuringRules } from '../schema/arena.ts';
import type { Exchange, LoadClient } from './load-client.ts';
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
  /** Told after each answer, between two requests: how many of how many. */
  readonly answered?: (done: number, total: number) => void;
  /** Told each second of a start: how many of how many that it has. */
  readonly starting?: (seconds: number, deadlineSeconds: number) => void;
};
export type ArmHeader = Omit<TraceHeader, 'type' | 'schema' | 'image' | 'originNs'>;

/** What one arm's run left: its trace, and what the server printed. */
export type ArmRun = { readonly lines: TraceLine[]; readonly log: Uint8Array | null };

/** What one arm's run measures. */
export type ArmTask = {
  readonly arena: MeasuringRules;
  readonly target: EngineTarget;
  readonly header: ArmHeader;
  readonly prompts: readonly Prompt[];
  /** How long it may take beside the baseline; null for the baseline itself. */
  readonly allowance: Allowance | null;
  /** When the measuring of its shard began, on the same clock. */
  readonly beganNs: number;
};

/** How long a server may take to start, in seconds, and for its answers so far, in ns. */
type Allowance = { readonly startSeconds: number; readonly slowLimitsNs: readonly number[] };

/** The header of a trace that begins now, but for its image. */
export function traceHeader(
  { header, beganNs }: Pick<ArmTask, 'header' | 'beganNs'>,
  originNs: number,
): Omit<TraceHeader, 'image'> {
  const since = Math.max(0, Math.round(originNs - beganNs));
  return { type: 'header', schema: 1, ...header, originNs: since };
}

/** A server that was started, and the trace of what happens to it. */
class ArmMeasurement {
  readonly lines: TraceLine[];
  readonly #ports: LoadPorts;
  readonly #task: ArmTask;
  readonly #engine: Engine;
  readonly #originNs: number;
  /** The image may have been pulled first: a server's own time begins once it runs. */
  readonly #startedNs: number;
  /** What its answers took so far, and when the last one ended. */
  #tookNs = 0;
  #lastNs = 0;

  constructor(ports: LoadPorts, task: ArmTask, engine: Engine, originNs: number) {
    this.#ports = ports;
    this.#task = task;
    this.#engine = engine;
    this.#originNs = originNs;
    this.#startedNs = ports.clock.nowNs();
    this.lines = [
      { ...traceHeader(task, originNs), image: engine.image } as TraceLine,
      { type: 'event', tNs: 0, name: 'start' },
    ];
  }

  event(
    name: EventName,
    extra: Record<string, unknown> = {},
    atNs = this.#ports.clock.nowNs(),
  ): void {
    this.lines.push({ type: 'event', tNs: this.#since(atNs), name, ...extra });
  }

  /** Notes how the server ended by itself. */
  exited(atNs = this.#ports.clock.nowNs()): void {
    const exit = this.#engine.exited();
    if (exit?.lost !== undefined) {
      this.event('broke-off', { detail: exit.lost }, atNs);
      return;
    }
    const name = exit?.oom === true ? 'oom' : 'exit';
    const code = exit?.code;
    const detail = typeof code === 'number' ? { code, detail: `code ${code}` } : {};
    this.event(name, detail, atNs);
  }

  /** Waits for health, then asks every prompt until one does not end well. */
  async askAll(client: LoadClient): Promise<void> {
    if (!(await this.#healthy(client))) return;
    await this.#ports.quiet?.();
    const limitsNs = this.#task.allowance?.slowLimitsNs ?? [];
    for (const [index, prompt] of this.#task.prompts.entries()) {
      if (!(await this.#ask(client, prompt))) return;
      this.#ports.answered?.(index + 1, this.#task.prompts.length);
      if (this.#tookNs > (limitsNs[index] ?? Infinity)) {
        this.#endAsTooSlow(limitsNs[index]!);
        return;
      }
    }
  }

  /** A server far slower than the baseline is worth no more of the machine's time. */
  #endAsTooSlow(limitNs: number): void {
    const [took, limit] = [this.#tookNs, limitNs].map((ns) => (ns / 1e9).toFixed(1));
    const detail = `its answers took ${took} s, ${limit} s are the most`;
    this.lines.push({ type: 'event', tNs: this.#lastNs, name: 'too-slow', detail });
  }

  #since(ns: number): number {
    return Math.max(0, Math.round(ns - this.#originNs));
  }

  async #healthy(client: LoadClient): Promise<boolean> {
    const { clock, loadedNs } = this.#ports;
    const { allowance, arena } = this.#task;
    const seconds = allowance?.startSeconds ?? arena.deadlines.start;
    const deadlineNs = (): number =>
      this.#startedNs + seconds * 1e9 + (loadedNs?.(this.#startedNs) ?? 0);
    const waiting = (spent: number): void => this.#ports.starting?.(spent, seconds);
    const health = await awaitHealth(this.#engine, client, { clock, deadlineNs, waiting });
    // Whatever came of it, it starts no more.
    waiting(seconds);
    if (health === 'healthy') this.event('healthy');
    else if (health === 'exited') this.exited();
    else {
      const detail = `GET /health did not answer 200 in ${Number(seconds.toFixed(1))} s`;
      this.event('start-timeout', { seconds, detail });
    }
    return health === 'healthy';
  }

  /** Asks one prompt; false where the arm ends with it. */
  async #ask(client: LoadClient, prompt: Prompt): Promise<boolean> {
    const body = bodyText(prompt, this.#task.arena);
    const exchange = await client.ask(body);
    this.#write(prompt, sha256Hex(body), exchange);
    const { end } = exchange;
    if (end.outcome === 'done' && !this.#engine.exited()) return true;
    if (end.outcome !== 'done')
      await Promise.race([this.#engine.ended, this.#ports.clock.sleep(EXIT_NOTICE_MS)]);
    // The server's death explains the broken connection, so the exit counts from the same moment.
    if (this.#engine.exited()) this.exited(end.tNs);
    return false;
  }

  #write(
    { index: prompt, pool }: Prompt,
    bodySha256: string,
    { sentNs, chunks, end, cost }: Exchange,
  ): void {
    const warmup = pool === 'warmup';
    this.lines.push({ type: 'request', prompt, warmup, tNs: this.#since(sentNs), bodySha256 });
    for (const { tNs, bytes } of chunks)
      this.lines.push({ type: 'chunk', prompt, tNs: this.#since(tNs), ...contentOf(bytes) });
    const { status, outcome, detail } = end;
    const tNs = this.#since(end.tNs);
    this.#tookNs += tNs - this.#since(sentNs);
    this.#lastNs = tNs;
    this.lines.push({ type: 'end', prompt, tNs, status, outcome, detail, client: cost });
  }
}

/**
 * A chunk's bytes as its line holds them. Control characters grow sixfold in JSON: such bytes are
 * kept as base64 like those that are no text.
 */
function contentOf(bytes: Uint8Array): { text: string } | { data: string } {
  const text = fromUtf8(bytes);
  return text === null || CONTROL.test(text)
    ? { data: Buffer.from(bytes).toString('base64') }
    : { text };
}

/**
 * One arm's run: start, health, every prompt in order, stop. It measures and decides nothing: it
 * writes the answers into trace lines. A request that did not end well ends the arm.
 */
export async function runArm(ports: LoadPorts, task: ArmTask): Promise<ArmRun> {
  const originNs = ports.clock.nowNs();
  const engine = await ports.runtime.start(task.target);
  const measurement = new ArmMeasurement(ports, task, engine, originNs);
  let client: LoadClient | null = null;
  let fault: Error | null = null;
  try {
    client = await connected(engine, ports.clock);
    if (client) await measurement.askAll(client);
    else measurement.exited();
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
    const name = fault.code === 'METER_LOST' ? 'meter-lost' : 'broke-off';
    measurement.event(name, { detail: fault.message.slice(0, 300) });
  }
  return { lines: measurement.lines, log: engine.log() };
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

/** How long a health is waited for. */
type HealthWait = {
  readonly clock: Clock;
  readonly deadlineNs: () => number;
  /** Told the whole seconds that went by, each once. */
  readonly waiting?: (seconds: number) => void;
};

/** Asks for health until it is there, the server ends, or time is up. */
export async function awaitHealth(
  engine: Engine,
  client: LoadClient,
  { clock, deadlineNs, waiting }: HealthWait,
): Promise<'healthy' | 'exited' | 'late'> {
  const beganNs = clock.nowNs();
  for (let told = 0, nowNs = beganNs; nowNs < deadlineNs(); nowNs = clock.nowNs()) {
    const seconds = Math.floor((nowNs - beganNs) / 1e9);
    if (seconds > told) waiting?.(seconds);
    told = seconds;
    if (engine.exited()) return 'exited';
    if (await client.healthy()) return 'healthy';
    await Promise.race([engine.ended, clock.sleep(HEALTH_POLL_MS)]);
  }
  return 'late';
}
