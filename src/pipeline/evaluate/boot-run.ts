// Measures servers in turn on this machine, between two runs of the baseline.
import { isMinerFault } from '../../schema/verdicts.ts';
import { CacheonError, messageOf } from '../../core/errors.ts';
import type { Admitted } from '../../images/fetch-admitted.ts';
import { type Allowance, allowanceOf } from '../../judge/allowance.ts';
import type { JudgeContext } from '../../judge/arm-reading.ts';
import { type BaselineReading, readBaseline } from '../../judge/baseline.ts';
import { ATTEMPTS, isWorthAnother, type Nth, runOf, worthRepeating } from '../../judge/boot.ts';
import type { EngineTarget } from '../../measure/engine.ts';
import { type ArmHeader, type LoadPorts, runArm, traceHeader } from '../../measure/arm-run.ts';
import type { MeasuringRules } from '../../schema/arena.ts';
import { logPath } from '../../schema/paths.ts';
import type { Trace, TraceLine } from '../../schema/trace.ts';
import {
  type Arm,
  type ArmEvent,
  type BootPorts,
  type BootTask,
  EVENT_OF,
  type FirstBoot,
  type IdleReceipt,
  keepRun,
  labelOf,
  lastNs,
  type LaterBoot,
  type MeasuredBoot,
  nameOf,
  NO_BASELINE,
  Run,
  withoutReference,
  tellArm,
} from './boot-parts.ts';
import { forceAll } from './forced-answers.ts';
import { type GpuWatch, watchGpus } from './gpu-watch.ts';

/**
 * Measures boot 1: the baseline first and last, the others between. A baseline that drifted repeats
 * everything once; an arm that ended by an infrastructure fault starts once more, and so does an
 * incumbent that failed (RULES "Second run of an arm", RULES "Second attempt of a boot"). Decides
 * nothing: `readBoot` does, from the traces alone.
 */
export async function measureBoot(
  ports: BootPorts,
  arena: MeasuringRules,
  boot: FirstBoot,
): Promise<Map<string, Trace>> {
  const measurement = new BootMeasurement(ports, arena, boot);
  const { runs } = measurement;
  return keepingRuns(ports, [{ boot, runs }], async () => {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      if (attempt > 1)
        ports.log.warn('the baseline says nothing (drift or clock): the whole boot once more');
      if (!worthRepeating(await measurement.attempt(attempt, boot.baseline))) break;
    }
    return forceAll(ports, arena, [{ boot, runs }]);
  });
}

/**
 * Measures a later boot, which has no baseline: whoever holds the winner's slot, and the challengers
 * that go on. Its answers are forced after the last boot, by `forceLater`.
 */
export async function measureLaterBoot(
  ports: BootPorts,
  arena: MeasuringRules,
  boot: LaterBoot,
): Promise<MeasuredBoot> {
  const measurement = new BootMeasurement(ports, arena, boot);
  const { runs } = measurement;
  return keepingRuns(ports, [{ boot, runs }], async () => {
    await measurement.arms(boot.allowance);
    return { boot, runs };
  });
}

/** Forces the answers of all later boots, once no more server runs. */
export async function forceLater(
  ports: BootPorts,
  arena: MeasuringRules,
  boots: readonly MeasuredBoot[],
): Promise<void> {
  await keepingRuns(ports, boots, () => forceAll(ports, arena, boots));
}

/**
 * The runs measured before a fault of ours stay evidence; the judge goes as far as it can without a
 * reference.
 */
async function keepingRuns<T>(
  ports: BootPorts,
  boots: readonly MeasuredBoot[],
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    for (const { boot, runs } of boots)
      for (const run of runs) keepRun(ports, boot, run, [withoutReference(run, messageOf(error))]);
    throw error;
  }
}

/** The runs of one boot, as they are made. */
class BootMeasurement {
  readonly runs: Run[] = [];
  readonly #ports: BootPorts;
  readonly #arena: MeasuringRules;
  readonly #boot: BootTask;
  readonly #context: JudgeContext;
  readonly #gpus: GpuWatch | null;
  /** What the baseline allows the other servers; null until it was measured. */
  #allowance: Allowance | null = null;

  constructor(ports: BootPorts, arena: MeasuringRules, boot: BootTask) {
    this.#ports = ports;
    this.#arena = arena;
    this.#boot = boot;
    this.#context = { arena, tokenizer: ports.tokenizer, prompts: boot.pools };
    this.#gpus = ports.idle ? watchGpus(ports.idle) : null;
  }

  /** Measures the baseline, every arm that is not settled, and the baseline again. */
  async attempt(attempt: number, target: EngineTarget): Promise<BaselineReading> {
    const { log } = this.#ports;
    const baseline: Arm = { name: 'baseline', role: 'baseline', key: null, target };
    const left = this.#boot.arms.filter((arm) => !this.#isSettled(arm));
    const steps = left.length + 2;
    const measure = (arm: Arm, nth: Nth, step: number): Promise<Run> =>
      this.#step(arm, runOf(attempt, nth), { step, steps, following: left[step - 1] });
    const first = await measure(baseline, 'first', 1);
    const reading = readBaseline(first.trace(), null, this.#context, 'times');
    if (!reading.ok && !worthRepeating(reading)) {
      // A baseline that is not there makes every other number meaningless: no need to start the
      // others.
      log.warn(`the baseline cannot be used: ${reading.reason}`);
      const run = runOf(attempt, 'first');
      for (const arm of left) this.#add(arm, run, this.#notRun(arm, run, NO_BASELINE));
      return reading;
    }
    this.#allowance = reading.ok ? allowanceOf(reading, this.#arena, 'same') : null;
    for (const [index, arm] of left.entries()) {
      const run = await measure(arm, 'first', index + 2);
      if (this.#isWorthAnother(run)) await measure(arm, 'second', index + 2);
    }
    const last = await measure(baseline, 'second', steps);
    return readBaseline(first.trace(), last.trace(), this.#context, 'times');
  }

  /** Measures every arm of a later boot. */
  async arms(allowance: Allowance): Promise<void> {
    const { arms } = this.#boot;
    this.#allowance = allowance;
    for (const [index, arm] of arms.entries()) {
      const at = { step: index + 1, steps: arms.length, following: arms[index + 1] };
      const run = await this.#step(arm, runOf(1, 'first'), at);
      if (this.#isWorthAnother(run)) await this.#step(arm, runOf(1, 'second'), at);
    }
  }

  #isWorthAnother({ arm, fault }: Run): boolean {
    const verdict = fault();
    if (!isWorthAnother(verdict, arm.role === 'incumbent')) return false;
    this.#ports.log.warn(`  ${arm.name}: ${verdict ?? ''}: once more`);
    return true;
  }

  /** Measures an arm. Each image is looked at and pulled while the server before it starts. */
  async #step(
    arm: Arm,
    run: number,
    at: { readonly step: number; readonly steps: number; readonly following: Arm | undefined },
  ): Promise<Run> {
    const again = run % 2 === 0 ? ' again' : '';
    const who = `${labelOf(arm)}${again} (${nameOf(arm.target)})`;
    this.#ports.log.info(`  [${at.step}/${at.steps}] ${who}`);
    return this.#measure(arm, run, at.following);
  }

  /** Whether a run of this arm has its verdict already: a miner's own fault stands. */
  #isSettled({ name, role }: Arm): boolean {
    const own = this.runs.filter(({ arm }) => arm.name === name);
    const faulty = own.filter((run) => {
      const fault = run.fault();
      return fault !== null && isMinerFault(fault);
    });
    // An incumbent's fault is none before its repetition confirmed it.
    return faulty.some(
      ({ run, fault }) =>
        !isWorthAnother(fault(), role === 'incumbent') ||
        (run % 2 === 0 && faulty.some((first) => first.run === run - 1)),
    );
  }

  #add(arm: Arm, run: number, lines: readonly TraceLine[]): Run {
    const made = new Run(arm, run, lines, this.#context);
    this.runs.push(made);
    // At once: what becomes of the next server, or of this machine, costs nobody this evidence.
    keepRun(this.#ports, this.#boot, made, []);
    return made;
  }

  /**
   * Measures an arm while the image of the next one is looked at and pulled: that does not count
   * against a server that starts, and nothing is timed before it is over.
   */
  async #measure(arm: Arm, run: number, following: Arm | undefined): Promise<Run> {
    const { clock } = this.#ports;
    const next = following?.admit?.().catch(() => null);
    const sinceNs = clock.nowNs();
    let untilNs = next ? Infinity : sinceNs;
    void next?.then(() => {
      untilNs = clock.nowNs();
    });
    const quiet = async (): Promise<void> => {
      await next;
    };
    const loadedNs = (from: number): number =>
      Math.max(0, Math.min(clock.nowNs(), untilNs) - Math.max(from, sinceNs));
    return this.#add(arm, run, await this.#oneRun(arm, run, { ...this.#ports, quiet, loadedNs }));
  }

  /**
   * One run of one arm. An arm that could not start is an infrastructure fault, and no reason to
   * lose the other arms.
   */
  async #oneRun(arm: Arm, run: number, ports: LoadPorts): Promise<readonly TraceLine[]> {
    // An upload beside a server that is timed would be its handicap.
    await this.#ports.handedOver?.();
    // What a server left on the GPUs (a process, an error, locked clocks) may not be the next one's
    // handicap, nor its fault.
    const receipt = (await this.#gpus?.before()) ?? null;
    if (receipt?.ok === false) {
      const detail = `the GPUs are not fit: ${receipt.detail}`;
      return this.#notRun(arm, run, { name: 'host', detail });
    }
    try {
      const admitted = await arm.admit?.();
      if (admitted && 'name' in admitted) return this.#notRun(arm, run, admitted);
      const lines = await this.#serve(arm, run, ports, admitted);
      return receipt ? await this.#withGpus(lines, receipt) : lines;
    } catch (error) {
      if (!(error instanceof CacheonError) || error.outcome === 'usage') throw error;
      this.#gpus?.forget();
      this.#ports.log.warn(`${arm.name} could not be run: ${messageOf(error)}`);
      const name = EVENT_OF[String(error.code)] ?? 'not-run';
      return this.#notRun(arm, run, { name, detail: messageOf(error) });
    }
  }

  /** Starts an arm's server, asks it everything, and keeps what it printed. */
  async #serve(
    arm: Arm,
    run: number,
    ports: LoadPorts,
    admitted: Admitted | undefined,
  ): Promise<readonly TraceLine[]> {
    const { shard, boot, prompts, beganNs } = this.#boot;
    const target =
      admitted && arm.target.kind === 'image' ? { ...arm.target, local: admitted.id } : arm.target;
    const header = this.#headerOf(arm, run);
    const allowance = arm.role === 'baseline' ? null : this.#allowance;
    const task = { arena: this.#arena, target, header, prompts, allowance, beganNs };
    const { lines, log } = await runArm({ ...ports, ...tellArm(this.#ports.log, arm) }, task);
    if (log && log.length > 0) this.#ports.keep(logPath(shard, boot, arm.name, run), log);
    return lines;
  }

  /** A run's lines with what the GPUs were like before the server, and what is wrong with them after it. */
  async #withGpus(
    [head, ...rest]: readonly TraceLine[],
    receipt: IdleReceipt,
  ): Promise<readonly TraceLine[]> {
    const after = await this.#gpus!.after();
    const idle = { type: 'event', tNs: 0, ...receipt, name: 'idle' } as const;
    if (after.ok) return [head!, idle, ...rest];
    return [
      head!,
      idle,
      ...rest,
      { type: 'event', tNs: lastNs(rest) + 1, ...after, name: 'gpu-state' },
    ];
  }

  #notRun(arm: Arm, run: number, event: ArmEvent): readonly TraceLine[] {
    const { target } = arm;
    const image = target.kind === 'url' ? target.url : `${target.image}@${target.digest}`;
    const parts = { header: this.#headerOf(arm, run), beganNs: this.#boot.beganNs };
    return [
      { ...traceHeader(parts, this.#ports.clock.nowNs()), image } as TraceLine,
      { type: 'event', tNs: 0, ...event, detail: event.detail.slice(0, 300) },
    ];
  }

  #headerOf({ role, key }: Arm, run: number): ArmHeader {
    const { seed, shard, boot } = this.#boot;
    const startedAt = this.#ports.now();
    return { role, key, seed, shard, boot, run, startedAt, ...this.#ports.header };
  }
}
