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
  type Boot,
  type BootPorts,
  keepRun,
  nameOf,
  type Run,
  withoutReference,
} from './boot-parts.ts';

/**
 * Teacher-forces every answer and keeps every run's trace, by path. The reference has the machine to
 * itself. The answers are evidence even where no reference could force them; without a reference
 * the judge judges nothing.
 */
export async function forceAll(
  ports: BootPorts,
  arena: MeasuringRules,
  boot: Boot,
  runs: readonly Run[],
): Promise<Map<string, Trace>> {
  if (runs.every((run) => run.answered() === 0))
    return new Map(runs.map((run) => keepRun(ports, boot, run, [])));
  ports.log.info(`  teacher-forcing every answer through ${nameOf(boot.reference)}`);
  const forced = new Map<Run, TraceLine[]>();
  const broken = await forceRuns(ports, arena, boot, { runs, forced });
  if (broken !== null) ports.log.warn(broken);
  return new Map(
    runs.map((run) => {
      const failed = broken === null ? [] : [withoutReference(run, broken)];
      return keepRun(ports, boot, run, [...(forced.get(run) ?? []), ...failed]);
    }),
  );
}

/** Forces the runs one by one into `forced`; says what kept it from forcing them all, or null. */
async function forceRuns(
  ports: BootPorts,
  arena: MeasuringRules,
  boot: Boot,
  { runs, forced }: { runs: readonly Run[]; forced: Map<Run, TraceLine[]> },
): Promise<string | null> {
  const { tokenizer } = ports;
  try {
    await withReference(ports, arena, boot, async (reference) => {
      const forcing = { prompts: boot.prompts, reference, tokenizer, arena, cache: new Map() };
      for (const run of runs) forced.set(run, await teacherForce(run.trace(), forcing));
    });
  } catch (error) {
    if (!(error instanceof CacheonError) || error.outcome === 'usage') throw error;
    return messageOf(error);
  }
  const whole = runs.filter((run) => run.answered() === boot.prompts.length);
  const mute = whole.length > 0 && whole.every((run) => forced.get(run)?.length === 0);
  return !arena.scoredLogprobs && mute ? 'the reference gives no prompt_logprobs' : null;
}

async function withReference(
  ports: BootPorts,
  arena: MeasuringRules,
  boot: Boot,
  work: (reference: Reference) => Promise<void>,
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
