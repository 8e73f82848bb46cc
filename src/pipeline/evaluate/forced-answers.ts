// Teacher-forces every answer of a boot, once every miner's server is gone.
import { CacheonError, messageOf } from '../../core/errors.ts';
import { awaitHealth } from '../../measure/arm-run.ts';
import { MeasureError } from '../../measure/errors.ts';
import { openReference, type Reference } from '../../measure/reference.ts';
import { teacherForce } from '../../measure/teacher-forcing.ts';
import type { MeasuringRules } from '../../schema/arena.ts';
import { logPath } from '../../schema/paths.ts';
import type { Trace, TraceLine } from '../../schema/trace.ts';
import {
  type BootPorts,
  type BootTask,
  keepRun,
  type MeasuredBoot,
  nameOf,
  type Run,
  tellStarting,
  withoutReference,
} from './boot-parts.ts';

/**
 * Teacher-forces every answer of these boots and keeps every run's trace, by path. The reference has
 * the machine to itself. The answers are evidence even where no reference could force them; without
 * a reference the judge judges nothing.
 */
export async function forceAll(
  ports: BootPorts,
  arena: MeasuringRules,
  boots: readonly MeasuredBoot[],
): Promise<Map<string, Trace>> {
  const forced = new Map<Run, TraceLine[]>();
  const answered = boots.some(({ runs }) => runs.some((run) => run.answered() > 0));
  const broken = answered ? await forceRuns(ports, arena, boots, forced) : null;
  if (broken !== null) ports.log.warn(broken);
  return new Map(
    boots.flatMap(({ boot, runs }) =>
      runs.map((run) => {
        const failed = broken === null ? [] : [withoutReference(run, broken)];
        return keepRun(ports, boot, run, [...(forced.get(run) ?? []), ...failed]);
      }),
    ),
  );
}

/** Forces the runs one by one into `forced`; says what kept it from forcing them all, or null. */
async function forceRuns(
  ports: BootPorts,
  arena: MeasuringRules,
  boots: readonly MeasuredBoot[],
  forced: Map<Run, TraceLine[]>,
): Promise<string | null> {
  const { tokenizer, log } = ports;
  const { boot: first } = boots[0]!;
  log.info(`  teacher-forcing every answer through ${nameOf(first.reference)}`);
  try {
    await withReference(ports, arena, first, async (reference) => {
      const total = boots.reduce((sum, { runs }) => sum + runs.length, 0);
      for (const { boot, runs } of boots) {
        const forcing = { prompts: boot.prompts, reference, tokenizer, arena, cache: new Map() };
        for (const run of runs) {
          forced.set(run, await teacherForce(run.trace(), forcing));
          log.progress({ what: 'runs forced', done: forced.size, total });
        }
      }
    });
  } catch (error) {
    if (!(error instanceof CacheonError) || error.outcome === 'usage') throw error;
    return messageOf(error);
  }
  const whole = boots.flatMap(({ boot, runs }) =>
    runs.filter((run) => run.answered() === boot.prompts.length),
  );
  const mute = whole.length > 0 && whole.every((run) => forced.get(run)?.length === 0);
  return !arena.scoredLogprobs && mute ? 'the reference gives no prompt_logprobs' : null;
}

/** Starts a boot's reference, works with it, and ends it; its log is kept. Throws `INFRA_*` errors. */
export async function withReference(
  ports: Pick<BootPorts, 'runtime' | 'clock' | 'keep' | 'log'>,
  arena: MeasuringRules,
  boot: Pick<BootTask, 'reference' | 'shard' | 'boot'>,
  work: (reference: Reference) => Promise<void>,
): Promise<void> {
  const engine = await ports.runtime.start(boot.reference);
  let failure: Error | null = null;
  try {
    const client = await engine.connect();
    try {
      const starting = tellStarting(ports.log, 'the reference');
      const deadline = ports.clock.nowNs() + arena.deadlines.start * 1e9;
      const health = await awaitHealth(engine, client, {
        clock: ports.clock,
        deadlineNs: () => deadline,
        waiting: (seconds) => starting(seconds, arena.deadlines.start),
      });
      starting(arena.deadlines.start, arena.deadlines.start);
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
  } catch (error) {
    failure = error instanceof Error ? error : new Error(messageOf(error));
  }
  const killed = engine.exited()?.oom === true;
  await engine.stop();
  const log = engine.log();
  if (log && log.length > 0) ports.keep(logPath(boot.shard, boot.boot, 'reference', 1), log);
  if (failure === null) return;
  throw killed || OUT_OF_MEMORY.test(Buffer.from(log ?? []).toString())
    ? outOfMemory(failure)
    : failure;
}

/** What engines print where the memory of a GPU, or of the machine, is at its end. */
const OUT_OF_MEMORY = /out of memory|OutOfMemoryError|std::bad_alloc/i;

/**
 * The log-probabilities of a whole prompt need memory by the position: a reference that takes too
 * many positions at once ends, and no server is to blame.
 */
function outOfMemory(failure: unknown): MeasureError {
  return new MeasureError(
    'REFERENCE_MEMORY',
    'infra',
    `the reference ran out of memory: ${messageOf(failure)}`,
    'let it take fewer tokens at once and leave memory free: images.referenceArguments of the arena',
  );
}
