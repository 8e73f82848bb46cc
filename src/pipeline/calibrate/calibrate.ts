// Measures honest and altered servers again and again, for the calibration of a hardware tier.
import { armOrder } from '../../arena/deal.ts';
import { fromHex, toHex, utf8 } from '../../core/bytes.ts';
import { sha256 } from '../../core/hash.ts';
import { readCalibrationRun } from '../../judge/calibration-limits.ts';
import type { EngineTarget } from '../../measure/engine.ts';
import type { Corpus } from '../../prompts/corpus.ts';
import { bootSuite, poolsOf } from '../../prompts/suites.ts';
import type { Arena } from '../../schema/arena.ts';
import type { CalibrationClass, CalibrationRun } from '../../schema/calibration.ts';
import { tracePath } from '../../schema/paths.ts';
import type { Arm, BootPorts, LaterBoot } from '../evaluate/boot-parts.ts';
import { measureLaterBoot } from '../evaluate/boot-run.ts';
import { forceAll } from '../evaluate/forced-answers.ts';

/** A class of servers, and how one of them is run. */
export type CalibratedClass = Pick<CalibrationClass, 'name' | 'kind'> & {
  readonly target: EngineTarget;
};
/** What is to be measured. */
export type CalibrationTask = {
  readonly arena: Arena;
  readonly corpus: Corpus;
  readonly seed: string;
  /** Boots: each asks every class the same prompts once. */
  readonly runs: number;
  readonly classes: readonly CalibratedClass[];
  readonly reference: EngineTarget;
};
/** What was measured. */
export type Calibrated = {
  readonly classes: readonly CalibrationClass[];
  /** The first honest class a second time in each boot. */
  readonly repeated: readonly CalibrationRun[];
};

/** Name of the first honest class where it runs a second time. */
const AGAIN = 'again';

/** The seed of a boot: each has prompts of its own. */
const seedOfBoot = (seed: string, boot: number): string =>
  `0x${toHex(sha256(utf8(`calibration ${seed} ${boot}`)))}`;

/** Nobody is hurried here: a class may be slow, and is only asked what it answers. */
const patient = ({ deadlines, warmupPrompts, scoredPrompts }: Arena): LaterBoot['allowance'] => ({
  startSeconds: deadlines.start,
  slowLimitsNs: Array.from({ length: warmupPrompts + scoredPrompts }, () => Infinity),
});

/** Names of the arms of traces are letters and digits; those of classes may have dashes and dots. */
const armName = (index: number): string => `class${index}`;

/** One boot: every class once, the first honest one twice, in an order of the boot's own. */
async function measureOnce(
  ports: BootPorts,
  task: CalibrationTask,
  boot: number,
): Promise<ReadonlyMap<string, CalibrationRun | null>> {
  const { arena, corpus, classes, reference } = task;
  const seed = seedOfBoot(task.seed, boot);
  const prompts = bootSuite(arena, { corpus, tokenizer: ports.tokenizer }, seed, {
    ...{ shard: 0, boot: 1 },
  });
  const repeated = classes.findIndex(({ kind }) => kind === 'honest');
  const targets = new Map<string, EngineTarget>(
    classes.map(({ target }, index) => [armName(index), target]),
  );
  targets.set(AGAIN, classes[repeated]!.target);
  const arms = armOrder([...targets.keys()], fromHex(seed)!, 0, 1).map((name): Arm => ({
    ...{ name, role: 'challenger', key: null, target: targets.get(name)! },
  }));
  const pools = poolsOf(prompts);
  const measured = await measureLaterBoot(ports, arena, {
    ...{ seed, beganNs: ports.clock.nowNs(), shard: 0, boot: 1, prompts, pools, reference, arms },
    allowance: patient(arena),
  });
  const traces = await forceAll(ports, arena, [measured]);
  const context = { arena, tokenizer: ports.tokenizer, prompts: pools };
  const read = (name: string): CalibrationRun | null => {
    const trace = traces.get(tracePath(0, 1, name, 1));
    return trace ? readCalibrationRun(trace, context, boot) : null;
  };
  return new Map([...targets.keys()].map((name) => [name, read(name)]));
}

/**
 * Measures every class `runs` times, a boot after the other. A run that a fault of ours spoilt is
 * left out, and said so. `done` is told after each boot, so that nothing measured is lost.
 */
export async function calibrate(
  ports: BootPorts,
  task: CalibrationTask,
  done: (soFar: Calibrated, boot: number) => void,
): Promise<Calibrated> {
  const runs = new Map<string, CalibrationRun[]>();
  const soFar = (): Calibrated => ({
    classes: task.classes.map(({ name, kind }, index) => ({
      ...{ name, kind, runs: runs.get(armName(index)) ?? [] },
    })),
    repeated: runs.get(AGAIN) ?? [],
  });
  const called = (arm: string): string =>
    task.classes.find((_, index) => armName(index) === arm)?.name ?? arm;
  for (let boot = 1; boot <= task.runs; boot++) {
    ports.log.info(`boot ${boot} of ${task.runs}`);
    for (const [name, run] of await measureOnce(ports, task, boot)) {
      if (run) runs.set(name, [...(runs.get(name) ?? []), run]);
      else ports.log.warn(`  ${called(name)}: left out of boot ${boot}: our own fault spoilt it`);
    }
    done(soFar(), boot);
  }
  return soFar();
}
