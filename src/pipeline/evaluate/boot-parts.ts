// What a boot is measured with and what its runs leave: ports, arms, and each run's lines.
import type { Verdict } from '../../schema/verdicts.ts';
import type { EventName } from '../../schema/trace-events.ts';
import { lazy } from '../../core/lazy.ts';
import type { Log } from '../../core/log.ts';
import type { Tokenizer } from '../../core/tokenizer.ts';
import type { ImageRefusal } from '../../images/examine.ts';
import type { Admitted } from '../../images/fetch-admitted.ts';
import type { Allowance } from '../../judge/allowance.ts';
import { type JudgeContext, readArm } from '../../judge/arm-reading.ts';
import type { LoadPorts } from '../../measure/arm-run.ts';
import type { EngineTarget } from '../../measure/engine.ts';
import type { BootPrompts } from '../../prompts/suites.ts';
import { tracePath } from '../../schema/paths.ts';
import { shortKey } from '../../schema/short-names.ts';
import type { Prompt } from '../../schema/prompt.ts';
import { type Trace, type TraceLine, traceOfLines, withLines } from '../../schema/trace.ts';

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
  /** Resolves once what was kept has left this machine; asked before a server starts. */
  readonly handedOver?: () => Promise<void>;
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
  readonly role: 'baseline' | 'challenger' | 'incumbent' | 'control';
  readonly key: string | null;
  readonly target: EngineTarget;
  /**
   * Looks at its image and fetches it; says why it is not started at all. Asked for more than once,
   * it does its work once.
   */
  readonly admit?: () => Promise<Admitted | ImageRefusal>;
};
/** What happened to an arm that was not started. */
export type ArmEvent = { readonly name: EventName; readonly detail: string } & Readonly<
  Record<string, unknown>
>;
export type BootTask = {
  readonly seed: string;
  /** When the measuring of this shard began, on the ports' clock. */
  readonly beganNs: number;
  readonly shard: number;
  readonly boot: number;
  readonly prompts: readonly Prompt[];
  readonly pools: BootPrompts;
  readonly reference: EngineTarget;
  /** In the order that the seed has drawn. */
  readonly arms: readonly Arm[];
};
/** Boot 1: the baseline runs first and last. */
export type FirstBoot = BootTask & { readonly baseline: EngineTarget };
/** A later boot, which lives by what the baseline of boot 1 allows. */
export type LaterBoot = BootTask & { readonly allowance: Allowance };
/** A boot that was measured, and what of it the reference has to force. */
export type MeasuredBoot = { readonly boot: BootTask; readonly runs: readonly Run[] };

/** One run of one arm. Its trace is put together once, and read once. */
export class Run {
  readonly arm: Arm;
  readonly run: number;
  readonly lines: readonly TraceLine[];
  readonly trace: () => Trace;
  /** What ended the run, or spoilt its samples; null where it stands. */
  readonly fault: () => Verdict | null;

  constructor(arm: Arm, run: number, lines: readonly TraceLine[], context: JudgeContext) {
    this.arm = arm;
    this.run = run;
    this.lines = lines;
    this.trace = lazy(() => traceOfLines(lines, `the trace of ${arm.name}`));
    this.fault = lazy(() => {
      const { fault, voided } = readArm(this.trace(), context);
      return fault?.verdict ?? voided?.verdict ?? null;
    });
  }

  /** How many requests were answered to their end. */
  answered(): number {
    return this.lines.filter((line) => line.type === 'end' && line.outcome === 'done').length;
  }
}

/** Time of the last line of a trace. */
export function lastNs(lines: readonly TraceLine[]): number {
  return lines.reduce(
    (latest, line) =>
      'tNs' in line && typeof line.tNs === 'number' ? Math.max(latest, line.tNs) : latest,
    0,
  );
}

/** Keeps a run's trace with the lines that came after it; gives its path and the whole trace. */
export function keepRun(
  ports: Pick<BootPorts, 'keep'>,
  { shard, boot }: Pick<BootTask, 'shard' | 'boot'>,
  run: Run,
  more: readonly TraceLine[],
): [string, Trace] {
  const path = tracePath(shard, boot, run.arm.name, run.run);
  const lines = [...run.lines, ...more];
  ports.keep(path, lines);
  return [path, more.length === 0 ? run.trace() : withLines(run.trace(), more, path)];
}

/** The line that says why no reference forced a run's answers. */
export function withoutReference(run: Run, reason: string): TraceLine {
  const detail = reason.slice(0, 300);
  return { type: 'event', tNs: lastNs(run.lines) + 1, name: 'reference-failed', detail };
}

/** What a target is called for people. */
export const nameOf = (target: EngineTarget): string =>
  target.kind === 'url' ? target.url : target.image;

/** What an arm is called in progress: its role, or the key of its entry in short. */
export const labelOf = ({ key, role }: Arm): string => (key === null ? role : shortKey(key));

/** Draws how long a server starts already, of the seconds that it has. */
export function tellStarting(log: Log, name: string): (seconds: number, of: number) => void {
  const what = `s of the time to start of ${name}`;
  return (done, total) => log.progress({ what, done: Math.ceil(done), total: Math.ceil(total) });
}

/** Draws how far an arm is: its start, then its prompts. */
export function tellArm(log: Log, arm: Arm): Pick<LoadPorts, 'starting' | 'answered'> {
  const label = labelOf(arm);
  const what = `prompts answered by ${label}`;
  return {
    starting: tellStarting(log, label),
    answered: (done, total) => log.progress({ what, done, total }),
  };
}

/** What is noted of an arm where the baseline could not be used. */
export const NO_BASELINE: ArmEvent = { name: 'not-run', detail: 'the baseline cannot be used' };
/** What a fault of ours is called in a trace. */
export const EVENT_OF: Readonly<Record<string, EventName>> = {
  METER_LOST: 'meter-lost',
  REGISTRY: 'registry',
  REGISTRY_BUSY: 'registry-busy',
  DIGEST: 'digest',
  DISK: 'disk',
  DOCKER: 'host',
  HOST_BUSY: 'host',
};
