// Wires a calibration to this machine: classes as images, as engines of this repository, or as commands.
import type { Log } from '../core/log.ts';
import { compactJson } from '../core/canonical.ts';
import { sha256Hex } from '../core/hash.ts';
import type { EngineTarget } from '../measure/engine.ts';
import { type EngineCommand, processRuntime } from '../measure/io/process-runtime.ts';
import {
  calibrate,
  type Calibrated,
  type CalibratedClass,
} from '../pipeline/calibrate/calibrate.ts';
import type { Corpus } from '../prompts/corpus.ts';
import { type Arena, ArenaError } from '../schema/arena.ts';
import { arenaTarget } from '../schema/arena-target.ts';
import { parseImageRef } from '../schema/image-ref.ts';
import { measuringPorts } from './measuring-host.ts';

/** A server by a command may have to compile its kernels first. */
const LISTEN_MS = 600_000;

export type CalibrationJob = {
  readonly root: string;
  readonly arena: Arena;
  readonly corpus: Corpus;
  readonly seed: string;
  readonly runs: number;
  /** Names of classes; null: all of the arena. */
  readonly only: readonly string[] | null;
  /** Starts engines of this repository as processes, by their digests; null: images in containers. */
  readonly engineCommand: string | null;
  readonly log: Log;
  readonly done: (soFar: Calibrated, boot: number) => void;
};

type ArenaClass = Arena['calibrationClasses'][number];

const commandDigest = (command: readonly string[]): string =>
  `sha256:${sha256Hex(compactJson([...command]))}`;

function targetOf({ name, image, command, arguments: args }: ArenaClass): EngineTarget {
  if (command) return { kind: 'image', image: name, digest: commandDigest(command) };
  const ref = parseImageRef(image!);
  if (!ref)
    throw new ArenaError(
      'BAD_ARENA',
      'usage',
      `calibrationClasses: ${name}: ${image!} is not image@sha256:…`,
      'pin the image',
    );
  return { kind: 'image', ...ref, ...(args && { args }) };
}

/** The command of a class under the digest that stands for it; nothing for an image. */
function commandOf({ command, stop }: ArenaClass): [string, EngineCommand][] {
  if (!command) return [];
  const [program, ...args] = command;
  const engine = { command: program!, args, listenMs: LISTEN_MS, ...(stop && { stop }) };
  return [[commandDigest(command), engine]];
}

/** The classes that are to be measured. Throws `BAD_ARENA` for names that the arena has not. */
function classesOf({ arena, only }: CalibrationJob): ArenaClass[] {
  const classes = arena.calibrationClasses;
  const bad = (what: string, hint: string): ArenaError =>
    new ArenaError('BAD_ARENA', 'usage', `the arena ${arena.name}: ${what}`, hint);
  const unknown = only?.find((name) => !classes.some((item) => item.name === name));
  if (unknown !== undefined)
    throw bad(`no class ${unknown}`, `its classes are ${classes.map(({ name }) => name).join()}`);
  const wanted = classes.filter(({ name }) => only?.includes(name) ?? true);
  if (!wanted.some(({ kind }) => kind === 'honest'))
    throw bad('no honest class to calibrate with', 'list some in calibrationClasses');
  return wanted;
}

/** Measures a calibration's classes on this machine. Throws where it is not fit for measuring. */
export async function measureCalibration(
  job: CalibrationJob,
): Promise<Calibrated & { readonly host: Readonly<Record<string, unknown>> }> {
  const { arena, root, log, engineCommand } = job;
  const wanted = classesOf(job);
  const classes = wanted.flatMap((item): CalibratedClass[] => {
    const { name, kind } = item;
    return kind === 'reference' ? [] : [{ name, kind, target: targetOf(item) }];
  });
  const named = arena.calibrationClasses.find(({ kind }) => kind === 'reference');
  const reference = named ? targetOf(named) : arenaTarget(arena, 'reference');
  const commands = new Map([...wanted, ...(named ? [named] : [])].flatMap(commandOf));
  const isCommand = ({ target }: { readonly target: EngineTarget }): boolean =>
    target.kind === 'image' && commands.has(target.digest);
  const engines =
    engineCommand === null
      ? ({
          kind: [...classes, { target: reference }].every(isCommand) ? 'urls' : 'containers',
        } as const)
      : ({ kind: 'processes', command: engineCommand } as const);
  const ports = await measuringPorts(arena, root, engines, { log, keep: () => undefined });
  const byCommand = processRuntime(arena, (digest) => commands.get(digest)!);
  const runtime = {
    start: (target: EngineTarget) =>
      (isCommand({ target }) ? byCommand : ports.runtime).start(target),
  };
  try {
    const { corpus, seed, runs, done } = job;
    const task = { arena, corpus, seed, runs, classes, reference };
    const measured = await calibrate({ ...ports, runtime }, task, done);
    return { ...measured, host: { ...ports.header } };
  } finally {
    await ports.close();
  }
}
