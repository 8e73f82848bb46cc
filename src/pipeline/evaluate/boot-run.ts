// Measures servers in turn on this machine, between two runs of the baseline.
import { CacheonError, messageOf } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { Tokenizer } from '../../core/tokenizer.ts';
import type { Admitted, ImageRefusal } from '../../images/admission.ts';
import { type JudgeContext, readArm, readBaseline } from '../../judge/arm.ts';
import { ATTEMPTS, type Nth, runOf, worthRepeating } from '../../judge/boot.ts';
import { type ArmHeader, awaitHealth, type LoadPorts, runArm } from '../../measure/arm-run.ts';
import type { EngineTarget } from '../../measure/engine.ts';
import { MeasureError } from '../../measure/errors.ts';
import { openReference } from '../../measure/reference.ts';
import { teacherForce, type TeacherCache } from '../../measure/teacher-forcing.ts';
import type { BootPrompts } from '../../prompts/suites.ts';
import type { MeasuringRules } from '../../schema/arena.ts';
import { logPath, tracePath } from '../../schema/paths.ts';
import type { Prompt } from '../../schema/prompt.ts';
import { parseTrace, type Trace, traceLine, type TraceLine } from '../../schema/trace.ts';

/**
 * Whether the machine is in the state it was in before the last server; the next trace carries this
 * receipt.
 */
export type IdleReceipt = { readonly ok: boolean; readonly detail: string } & Readonly<
  Record<string, unknown>
>;

export type BootPorts = LoadPorts & {
  readonly tokenizer: Tokenizer;
  readonly log: Log;
  /** Keeps one file of evidence under its path; called as soon as it is whole. */
  readonly keep: (path: string, content: readonly TraceLine[] | Uint8Array) => void;
  /** Wall-clock time for people, never for measuring. */
  readonly now: () => string;
  /** Looks at the GPUs between two servers; absent where there are none. */
  readonly idle?: () => Promise<IdleReceipt>;
  /** The host's facts at the start: engines, probes, clock. Every trace header carries them. */
  readonly header?: Readonly<Record<string, unknown>>;
};

/** A server of one boot. `name` is that of its trace. */
export type Arm = {
  readonly name: string;
  readonly role: 'baseline' | 'challenger' | 'incumbent';
  readonly key: string | null;
  readonly target: EngineTarget;
  /**
   * Looks at its image and fetches it; says why it is not started at all. Asked for more than once,
   * it does its work once.
   */
  readonly admit?: () => Promise<Admitted | ImageRefusal>;
};
type Event = { readonly name: string; readonly detail: string } & Readonly<Record<string, unknown>>;
export type Boot = {
  readonly blockHash: string;
  readonly shard: number;
  readonly boot: number;
  readonly prompts: readonly Prompt[];
  readonly pools: BootPrompts;
  readonly baseline: EngineTarget;
  readonly reference: EngineTarget;
  /** In the order that the seed has drawn. */
  readonly arms: readonly Arm[];
};
type Run = { readonly arm: Arm; readonly run: number; readonly lines: TraceLine[] };

/**
 * Measures one boot: the baseline first and last, the others between. A baseline that drifted
 * repeats everything once; an arm that ended by an infrastructure fault starts once more (RULES
 * "Second run of an arm", RULES "Second attempt of a boot"). Decides nothing: `readBoot` does, from
 * the traces alone.
 */
export async function measureBoot(
  ports: BootPorts,
  arena: MeasuringRules,
  boot: Boot,
): Promise<Map<string, Trace>> {
  const context: JudgeContext = { arena, tokenizer: ports.tokenizer, prompts: boot.pools };
  const runs: Run[] = [];
  const gpus = ports.idle ? watchGpus(ports.idle) : null;
  try {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      if (attempt > 1)
        ports.log.warn('the baseline says nothing (drift or clock): the whole boot once more');
      const baseline = await measureAttempt(ports, arena, boot, context, attempt, runs, gpus);
      if (!worthRepeating(baseline)) break;
    }
    return await forceAll(ports, arena, boot, runs);
  } catch (error) {
    // The runs measured before stay evidence; the judge goes as far as it can without a reference.
    for (const run of runs) keepRun(ports, boot, run, [withoutReference(run, messageOf(error))]);
    throw error;
  }
}

/**
 * Looks at the GPUs right after each server, so that what is wrong then stands in its own trace,
 * and once before the first.
 */
type GpuWatch = {
  readonly before: () => Promise<IdleReceipt>;
  readonly after: () => Promise<IdleReceipt>;
  /** A server may have run without a check after it. */
  readonly forget: () => void;
};
function watchGpus(idle: () => Promise<IdleReceipt>): GpuWatch {
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

async function measureAttempt(
  ports: BootPorts,
  arena: MeasuringRules,
  boot: Boot,
  context: JudgeContext,
  attempt: number,
  runs: Run[],
  gpus: GpuWatch | null,
): Promise<ReturnType<typeof readBaseline>> {
  const baseline: Arm = { name: 'baseline', role: 'baseline', key: null, target: boot.baseline };
  const settled = (name: string): boolean =>
    runs.some((run) => run.arm.name === name && faultOf(run, context)?.startsWith('E_'));
  const left = boot.arms.filter(({ name }) => !settled(name));
  const total = left.length + 2;
  const measure = async (arm: Arm, nth: Nth, at: number): Promise<Run> => {
    // The next image is looked at and pulled while this server starts, which does not count against
    // it; nothing is timed before that is over.
    const next = left[at - 1]?.admit?.().catch(() => null);
    const sinceNs = ports.clock.nowNs();
    let untilNs = next ? Infinity : sinceNs;
    const quiet = async (): Promise<void> => {
      await next;
    };
    void next?.then(() => {
      untilNs = ports.clock.nowNs();
    });
    const loadedNs = (from: number): number =>
      Math.max(0, Math.min(ports.clock.nowNs(), untilNs) - Math.max(from, sinceNs));
    ports.log.info(
      `  [${at}/${total}] ${arm.key ?? arm.role}${nth === 'second' ? ' again' : ''} (${nameOf(arm.target)})`,
    );
    const run = {
      arm,
      run: runOf(attempt, nth),
      lines: await oneRun(
        { ...ports, quiet, loadedNs },
        arena,
        boot,
        arm,
        runOf(attempt, nth),
        gpus,
      ),
    };
    runs.push(run);
    return run;
  };
  const first = await measure(baseline, 'first', 1);
  const reading = readBaseline(traceOf(first), null, context, 'times');
  if (!reading.ok && !worthRepeating(reading)) {
    // A baseline that is not there makes every other number meaningless: no need to start the
    // others.
    ports.log.warn(`the baseline cannot be used: ${reading.reason}`);
    for (const arm of left)
      runs.push({
        arm,
        run: runOf(attempt, 'first'),
        lines: notRun(ports, boot, arm, runOf(attempt, 'first'), NO_BASELINE),
      });
    return reading;
  }
  for (const [index, arm] of left.entries()) {
    const run = await measure(arm, 'first', index + 2);
    if (faultOf(run, context)?.startsWith('INFRA_') !== true) continue;
    ports.log.warn(
      `  ${arm.name}: ${faultOf(run, context) ?? ''}, an infrastructure fault: once more`,
    );
    await measure(arm, 'second', index + 2);
  }
  const last = await measure(baseline, 'second', total);
  return readBaseline(traceOf(first), traceOf(last), context, 'times');
}

const NO_BASELINE = { name: 'not-run', detail: 'the baseline cannot be used' } as const;
/** What a fault of ours is called in a trace. */
const EVENT_OF: Readonly<Record<string, string>> = {
  METER_LOST: 'meter-lost',
  REGISTRY: 'registry',
  DIGEST: 'digest',
  DISK: 'disk',
  DOCKER: 'host',
  HOST_BUSY: 'host',
};
const nameOf = (target: EngineTarget): string =>
  target.kind === 'url' ? target.url : target.image;
const traceOf = ({ arm, lines }: Run): Trace =>
  parseTrace(lines.map(traceLine).join(''), `the trace of ${arm.name}`);

/** What ended a run, or spoilt its samples; null where it stands. */
function faultOf(run: Run, context: JudgeContext): string | null {
  const { fault, voided } = readArm(traceOf(run), context);
  return fault?.verdict ?? voided?.verdict ?? null;
}

function notRun(ports: BootPorts, boot: Boot, arm: Arm, run: number, event: Event): TraceLine[] {
  const image =
    arm.target.kind === 'url' ? arm.target.url : `${arm.target.image}@${arm.target.digest}`;
  return [
    { type: 'header', schema: 1, ...headerOf(ports, boot, arm, run), image } as TraceLine,
    { type: 'event', tNs: 0, ...event, detail: event.detail.slice(0, 300) },
  ];
}

function headerOf(
  ports: BootPorts,
  { blockHash, shard, boot }: Boot,
  { role, key }: Arm,
  run: number,
): ArmHeader {
  return { role, key, blockHash, shard, boot, run, startedAt: ports.now(), ...ports.header };
}

/**
 * One run of one arm. An arm that could not start is an infrastructure fault, and no reason to lose
 * the other arms.
 */
async function oneRun(
  ports: BootPorts,
  arena: MeasuringRules,
  boot: Boot,
  arm: Arm,
  run: number,
  gpus: GpuWatch | null,
): Promise<TraceLine[]> {
  // What a server left on the GPUs (a process, an error, locked clocks) may not be the next one's
  // handicap, nor its fault.
  const receipt = (await gpus?.before()) ?? null;
  if (receipt?.ok === false)
    return notRun(ports, boot, arm, run, {
      name: 'host',
      detail: `the GPUs are not fit: ${receipt.detail}`,
    });
  try {
    const admitted = await arm.admit?.();
    if (admitted && 'name' in admitted) return notRun(ports, boot, arm, run, admitted);
    const target =
      admitted && arm.target.kind === 'image' ? { ...arm.target, local: admitted.id } : arm.target;
    const { lines, log } = await runArm(
      ports,
      arena,
      target,
      headerOf(ports, boot, arm, run),
      boot.prompts,
    );
    if (log && log.length > 0) ports.keep(logPath(boot.shard, boot.boot, arm.name, run), log);
    const [head, ...rest] = lines;
    if (!gpus || !receipt) return lines;
    const after = await gpus.after();
    const left: TraceLine[] = after.ok
      ? []
      : [{ type: 'event', tNs: lastNs(lines) + 1, ...after, name: 'gpu-state' }];
    return [head!, { type: 'event', tNs: 0, ...receipt, name: 'idle' }, ...rest, ...left];
  } catch (error) {
    if (!(error instanceof CacheonError) || error.outcome === 'usage') throw error;
    gpus?.forget();
    ports.log.warn(`${arm.name} could not be run: ${messageOf(error)}`);
    const name = EVENT_OF[String(error.code)] ?? 'not-run';
    return notRun(ports, boot, arm, run, { name, detail: messageOf(error) });
  }
}

/**
 * Teacher-forces every answer, once every other container is gone: the reference has the machine to
 * itself.
 */
async function forceAll(
  ports: BootPorts,
  arena: MeasuringRules,
  boot: Boot,
  runs: readonly Run[],
): Promise<Map<string, Trace>> {
  const traces = new Map<string, Trace>();
  const keep = (run: Run, more: readonly TraceLine[]): void =>
    void traces.set(...keepRun(ports, boot, run, more));
  const answered = ({ lines }: Run): boolean =>
    lines.some((line) => line.type === 'end' && line.outcome === 'done');
  if (!runs.some(answered)) {
    for (const run of runs) keep(run, []);
    return traces;
  }
  ports.log.info(`  teacher-forcing every answer through ${nameOf(boot.reference)}`);
  let broken: string | null = null;
  const forced = new Map<Run, TraceLine[]>();
  try {
    await withReference(ports, arena, boot, async (reference) => {
      const cache: TeacherCache = new Map();
      for (const run of runs)
        forced.set(
          run,
          await teacherForce(
            run.lines,
            boot.prompts,
            { reference, tokenizer: ports.tokenizer },
            arena,
            cache,
          ),
        );
    });
    const whole = runs.filter(
      (run) =>
        run.lines.filter((line) => line.type === 'end' && line.outcome === 'done').length ===
        boot.prompts.length,
    );
    if (
      !arena.scoredLogprobs &&
      whole.length > 0 &&
      whole.every((run) => forced.get(run)?.length === 0)
    )
      broken = 'the reference gives no prompt_logprobs';
  } catch (error) {
    if (!(error instanceof CacheonError) || error.outcome === 'usage') throw error;
    broken = messageOf(error);
  }
  if (broken !== null) ports.log.warn(broken);
  // The answers are evidence even where no reference could force them; without a reference the
  // judge judges nothing.
  for (const run of runs) {
    keep(run, [
      ...(forced.get(run) ?? []),
      ...(broken === null ? [] : [withoutReference(run, broken)]),
    ]);
  }
  return traces;
}

/** Keeps a run's trace with the lines that came after it. */
function keepRun(
  ports: BootPorts,
  boot: Boot,
  { arm, run, lines }: Run,
  more: readonly TraceLine[],
): [string, Trace] {
  const path = tracePath(boot.shard, boot.boot, arm.name, run);
  const all = [...lines, ...more];
  ports.keep(path, all);
  return [path, parseTrace(all.map(traceLine).join(''), path)];
}

function withoutReference({ lines }: Run, reason: string): TraceLine {
  return {
    type: 'event',
    tNs: lastNs(lines) + 1,
    name: 'reference-failed',
    detail: reason.slice(0, 300),
  };
}

async function withReference(
  ports: BootPorts,
  arena: MeasuringRules,
  boot: Boot,
  work: (reference: ReturnType<typeof openReference>) => Promise<void>,
): Promise<void> {
  const engine = await ports.runtime.start(boot.reference);
  try {
    const client = await engine.connect();
    try {
      const deadline = ports.clock.nowNs() + arena.deadlines.start * 1e9;
      const health = await awaitHealth(engine, client, ports.clock, () => deadline);
      if (health !== 'healthy')
        throw new MeasureError(
          'ENGINE_NOT_HEALTHY',
          'infra',
          `the reference: ${health === 'exited' ? 'it ended' : `not healthy within ${arena.deadlines.start} s`}`,
          'look at its log',
        );
      await work(openReference(client, arena.model.name));
    } finally {
      await client.close();
    }
  } finally {
    await engine.stop();
    const log = engine.log();
    if (log && log.length > 0) ports.keep(logPath(boot.shard, boot.boot, 'reference', 1), log);
  }
}

/** Time of a trace's last line. */
function lastNs(lines: readonly TraceLine[]): number {
  return lines.reduce(
    (latest, line) =>
      'tNs' in line && typeof line.tNs === 'number' ? Math.max(latest, line.tNs) : latest,
    0,
  );
}
