// Measures all servers in a machine's share of a signed plan and keeps their traces as evidence.
import { counted } from '../../core/counted.ts';
import { armOrder } from '../../arena/deal.ts';
import { fromHex, utf8 } from '../../core/bytes.ts';
import { messageOf } from '../../core/errors.ts';
import { type Admission, openAdmission } from '../../images/admission.ts';
import type { ImageStore } from '../../images/image-store.ts';
import type { KnownImage } from '../../images/rivals.ts';
import type { Corpus } from '../../prompts/corpus.ts';
import { bootSuite, poolsOf } from '../../prompts/suites.ts';
import { type Arena, type MeasuringRules, parseArena } from '../../schema/arena.ts';
import { arenaTarget } from '../../schema/arena-target.ts';
import { bodiesOf, renderBodies } from '../../schema/boot-bodies.ts';
import { DocumentError } from '../../schema/errors.ts';
import { promptsPath, tracePath } from '../../schema/paths.ts';
import type { Arm, BootPorts, BootTask, MeasuredBoot } from './boot-parts.ts';
import { forceLater, measureBoot, measureLaterBoot } from './boot-run.ts';
import { CONTROL, hasControl } from '../../judge/role-control.ts';
import type { DrawnPlan } from '../../judge/drawn-plan.ts';
import {
  BASELINE,
  laterAllowance,
  nextBoot,
  plannedEntry,
  promisingIn,
  sidesOf,
} from '../../judge/shard.ts';

export type EvaluatePorts = BootPorts & {
  readonly corpus: Corpus;
  /**
   * Where images come from; null where they are engines of this repository, which have no registry.
   */
  readonly images: ImageStore | null;
  /** Images that earlier rounds of this ledger have seen. */
  readonly known: readonly KnownImage[];
};

/** A shard of a plan under measurement. */
type ShardRun = {
  readonly ports: EvaluatePorts;
  readonly drawn: DrawnPlan;
  readonly arena: Arena;
  readonly shard: number;
  /** When its measuring began, on the ports' clock. */
  readonly beganNs: number;
  readonly admission: Admission | null;
  /** Challengers that may hold a place after this round. */
  readonly promising: Set<string>;
};

/** Arms of one boot, as the seed has drawn them: submissions, the role control, the baseline. */
function armsOf(run: ShardRun, boot: number, names: readonly string[]): Arm[] {
  const { drawn, shard } = run;
  return armOrder(names, fromHex(drawn.seed)!, shard, boot).map((name) => armOf(run, name));
}

function armOf({ drawn, arena, admission }: ShardRun, name: string): Arm {
  if (name === BASELINE || name === CONTROL) {
    const role = name === CONTROL ? 'control' : 'baseline';
    return { name, role, key: null, target: arenaTarget(arena, 'baseline') };
  }
  const entry = plannedEntry(drawn.plan, name);
  return {
    name,
    role: entry.role === 'challenger' ? 'challenger' : 'incumbent',
    key: name,
    target: { kind: 'image', image: entry.image!, digest: entry.digest! },
    ...(admission ? { admit: () => admission.admit(name) } : {}),
  };
}

/**
 * Measures one shard of a signed plan, boot by boot, and decides no verdict: it only stops spending
 * time on challengers that already said no. It keeps everything it saw in the traces.
 */
export async function evaluate(
  ports: EvaluatePorts,
  drawn: DrawnPlan,
  shard: number,
): Promise<void> {
  const { predicate } = drawn.plan;
  const arena = parseArena(predicate.arena, 'the plan');
  if (!drawn.shards.some(({ index }) => index === shard))
    throw new DocumentError(
      'BAD_PLAN',
      'usage',
      `the plan has no shard ${shard}`,
      `its shards are ${drawn.shards.map(({ index }) => index).join(', ')}`,
    );
  const sides = sidesOf(drawn, shard);
  // All of the round, other shards' too: the earliest commit keeps the claim wherever it is
  // measured.
  const evaluated = (key: string): boolean =>
    drawn.shards.some((part) => part.entries.includes(key));
  const entries = predicate.submissions.flatMap(
    ({ key, hotkey, commitBlock, base, image, digest }) =>
      evaluated(key) ? [{ key, hotkey, commitBlock, base, image: image!, digest: digest! }] : [],
  );
  const { images, log } = ports;
  const admission =
    images && openAdmission({ ...ports, images }, arena, { shard, entries, known: ports.known });
  const promising = new Set<string>();
  try {
    const beganNs = ports.clock.nowNs();
    await measureBoots({ ports, drawn, arena, shard, beganNs, admission, promising }, sides);
  } finally {
    // Twenty gigabytes each: the runner does not keep images that will not come back. Incumbents are
    // kept, whether this shard came to them or not, as is what other shards of the plan brought, and
    // who may hold a place now: none of them must be able to hide behind its registry.
    const here = new Set([...sides.incumbents, ...sides.challengers]);
    const others = entries.filter(
      ({ key }) => !here.has(key) || sides.incumbents.includes(key) || promising.has(key),
    );
    const keep = admission?.idsOf([...here].filter((key) => promising.has(key)));
    if (images && keep)
      await images
        .tidy(keep, others)
        .catch((error: unknown) => log.warn(`images are left here: ${messageOf(error)}`));
  }
}

/** What every boot of a shard shares, and its prompts, which are kept before anybody is asked. */
function bootTask(run: ShardRun, boot: number, names: readonly string[]): BootTask {
  const { ports, drawn, arena, shard, beganNs } = run;
  const { seed } = drawn;
  const prompts = bootSuite(arena, ports, seed, { shard, boot });
  keepPrompts(ports, arena, { shard, boot, prompts });
  return {
    ...{ seed, beganNs, shard, boot, prompts },
    pools: poolsOf(prompts),
    reference: arenaTarget(arena, 'reference'),
    arms: armsOf(run, boot, names),
  };
}

/** Keeps what every server of a boot is asked, once for all of them. */
export function keepPrompts(
  { keep }: Pick<BootPorts, 'keep'>,
  arena: MeasuringRules,
  { shard, boot, prompts }: Pick<BootTask, 'shard' | 'boot' | 'prompts'>,
): void {
  keep(promptsPath(shard, boot), utf8(renderBodies(bodiesOf(prompts, arena))));
}

async function measureBoots(run: ShardRun, sides: ReturnType<typeof sidesOf>): Promise<void> {
  const { ports, drawn, arena, shard } = run;
  const { tokenizer, log } = ports;
  const { incumbents, challengers } = sides;
  const controls = hasControl(arena, shard, 1) ? [CONTROL] : [];
  log.info(
    `shard ${shard}, boot 1: ${counted(challengers.length, 'challenger')}, ${counted(incumbents.length, 'incumbent')}`,
  );
  const first = bootTask(run, 1, [...incumbents, ...challengers, ...controls]);
  const baseline = arenaTarget(arena, 'baseline');
  const traces = new Map(await measureBoot(ports, arena, { ...first, baseline }));
  const later: MeasuredBoot[] = [];
  const bodies = new Map([[promptsPath(shard, 1), bodiesOf(first.prompts, arena)]]);
  const judging = { ...drawn, arena, tokenizer, traces, bodies };
  for (const key of promisingIn(judging, shard)) run.promising.add(key);
  let next = nextBoot(judging, shard, 1);
  for (let boot = 2; next !== null; boot++) {
    log.info(`shard ${shard}, boot ${boot}: challengers that go on: ${next.challengers.length}`);
    for (const key of next.challengers) run.promising.add(key);
    const task = bootTask(run, boot, [next.holder, ...next.challengers]);
    bodies.set(promptsPath(shard, boot), bodiesOf(task.prompts, arena));
    const allowance = laterAllowance(judging, shard, task.prompts.length);
    const measured = await measureLaterBoot(ports, arena, { ...task, allowance });
    later.push(measured);
    for (const made of measured.runs)
      traces.set(tracePath(shard, boot, made.arm.name, made.run), made.trace());
    next = nextBoot(judging, shard, boot);
  }
  if (later.length > 0) await forceLater(ports, arena, later);
}
