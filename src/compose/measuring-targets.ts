// Measures given servers or images against a baseline on this machine, outside of any round.
import { armOrder } from '../arena/deal.ts';
import { fromHex } from '../core/bytes.ts';
import { lazy } from '../core/lazy.ts';
import type { Log } from '../core/log.ts';
import { admitAlone } from '../images/admission.ts';
import type { EngineTarget } from '../measure/engine.ts';
import type { Arm, BootPorts } from '../pipeline/evaluate/boot-parts.ts';
import { measureBoot } from '../pipeline/evaluate/boot-run.ts';
import { keepPrompts } from '../pipeline/evaluate/evaluate.ts';
import { poolsOf } from '../prompts/suites.ts';
import type { Arena } from '../schema/arena.ts';
import { argumentsOf } from '../schema/arena-target.ts';
import type { EvalPlan } from '../schema/evaluation-plan.ts';
import { type ImageRef, parseImageRef, pinnedImage } from '../schema/image-ref.ts';
import { measuringPorts, type MeasuringPorts } from './measuring-host.ts';

/** Who takes part in one evaluation. */
export type Targets = {
  readonly baseline: EngineTarget;
  readonly challenger: EngineTarget;
  readonly incumbent: EngineTarget | null;
  readonly reference: EngineTarget;
};

/** What is measured where, and how. */
export type TargetsJob = {
  readonly root: string;
  readonly arena: Arena;
  readonly plan: EvalPlan;
  readonly targets: Targets;
  readonly keep: BootPorts['keep'];
  readonly log: Log;
};

/** Images whose environment variables another image may have too. */
function basesOf({ arena, targets: { baseline } }: TargetsJob): ImageRef[] {
  const { images } = arena;
  const own = [images.baseline, images.reference].flatMap((text) => parseImageRef(text) ?? []);
  const bases = images.bases.map(pinnedImage);
  return [...(baseline.kind === 'image' ? [baseline] : own), ...bases];
}

const withArguments = (
  target: EngineTarget,
  arena: Arena,
  which: 'baseline' | 'reference',
): EngineTarget =>
  target.kind === 'image' ? { ...target, args: argumentsOf(arena, which) } : target;

/** An arm; the round's image policy applies, but no miner has a claim on content here. */
function armOf(
  role: 'challenger' | 'incumbent',
  target: EngineTarget,
  ports: MeasuringPorts,
  job: TargetsJob,
): Arm {
  const arm = { name: role, role, key: null, target };
  const { images } = ports;
  if (!images || target.kind !== 'image') return arm;
  const admit = lazy(() => admitAlone({ ...ports, images }, job.arena, target, basesOf(job)));
  return { ...arm, admit };
}

/**
 * One boot of baseline, challenger and incumbent in the order that the seed draws; traces go to
 * `keep`. Throws where the machine is not fit for measuring.
 */
export async function measureTargets(job: TargetsJob): Promise<void> {
  const { arena, plan, targets, root, log, keep } = job;
  const { challenger, incumbent } = targets;
  const given = { challenger, ...(incumbent ? { incumbent } : {}) };
  const order = armOrder(Object.keys(given), fromHex(plan.seed)!, 0, 1);
  const containers = Object.values(targets).some((target) => target?.kind === 'image');
  const engines = { kind: containers ? 'containers' : 'urls' } as const;
  const ports = await measuringPorts(arena, root, engines, { log, keep });
  const boot = {
    seed: plan.seed,
    beganNs: ports.clock.nowNs(),
    shard: 0,
    boot: 1,
    prompts: plan.prompts,
    pools: poolsOf(plan.prompts),
    baseline: withArguments(targets.baseline, arena, 'baseline'),
    reference: withArguments(targets.reference, arena, 'reference'),
    arms: order.map((name) => {
      const role = name as keyof typeof given;
      return armOf(role, given[role]!, ports, job);
    }),
  };
  try {
    keepPrompts(ports, arena, boot);
    await measureBoot(ports, arena, boot);
  } finally {
    await ports.close();
  }
}
