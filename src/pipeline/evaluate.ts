import { imageOf } from '../arena/image-ref.ts';
import { armOrder } from '../arena/plan.ts';
import { parseArena, type Arena } from '../arena/schema.ts';
import { fromHex } from '../core/bytes.ts';
import { messageOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Tokenizer } from '../core/tokenizer.ts';
import type { Reference } from '../harness/client.ts';
import type { Target } from '../harness/engine.ts';
import { HarnessError } from '../harness/errors.ts';
import { runArm, type ArmHeader, type LoadPorts } from '../harness/load.ts';
import { teach, type TeacherCache } from '../harness/teach.ts';
import { parseTrace, traceLine, tracePath, type Trace, type TraceLine } from '../harness/trace.ts';
import type { Corpus } from '../prompts/corpus.ts';
import { suiteHash, type Prompt } from '../prompts/sampler.ts';
import type { PlanPredicate } from '../results/schema.ts';
import type { LedgerRecord } from '../results/verify.ts';
import { bootSuite } from './eval.ts';
import { goesOn, sidesOf } from './judge.ts';

export type EvaluatePorts = LoadPorts & {
  readonly tokenizer: Tokenizer;
  readonly corpus: Corpus;
  readonly log: Log;
  readonly openReference: (url: string) => Reference;
  /** Keeps one trace; called as soon as an arm of a boot is forced. */
  readonly keep: (path: string, lines: readonly TraceLine[]) => void;
  /** Wall-clock time for people, never for measuring. */
  readonly now: () => string;
};

type Arm = {
  readonly name: string;
  readonly role: 'baseline' | 'challenger' | 'incumbent';
  readonly key: string | null;
  readonly target: Target & { kind: 'image' };
  readonly run: number;
};

/** Arms of one boot in plan order: the baseline first and last, the others as the seed has drawn them. */
export function armsOf(plan: PlanPredicate, arena: Arena, shard: number, boot: number, keys: readonly string[]): Arm[] {
  const target = (image: string, digest: string): Arm['target'] => ({ kind: 'image', image, digest });
  const { image, digest } = imageOf(arena.images.baseline);
  const baseline = (run: number): Arm => ({ name: 'baseline', role: 'baseline', key: null, target: target(image, digest), run });
  const middle = armOrder(keys, fromHex(plan.seed)!, shard, boot).map((key): Arm => {
    const entry = plan.submissions.find((submission) => submission.key === key)!;
    return {
      name: key,
      role: entry.role === 'challenger' ? 'challenger' : 'incumbent',
      key,
      target: target(entry.image!, entry.digest!),
      run: 1,
    };
  });
  return [baseline(1), ...middle, baseline(2)];
}

/**
 * Measures one shard of a signed plan, boot by boot, and decides nothing that counts: it only stops spending time on challengers that
 * already said no. Everything it saw is in the traces it keeps.
 */
export async function evaluate(ports: EvaluatePorts, plan: LedgerRecord<'plan'>, shard: number): Promise<void> {
  const { predicate } = plan;
  const arena = parseArena(predicate.arena, 'the plan');
  if (!predicate.shards.some(({ index }) => index === shard))
    throw new HarnessError(
      'BAD_PLAN',
      'usage',
      `the plan has no shard ${shard}`,
      `its shards are ${predicate.shards.map(({ index }) => index).join(', ')}`,
    );
  const sides = sidesOf(plan, shard);
  const { incumbents } = sides;
  let { challengers } = sides;
  const traces = new Map<string, Trace>();
  for (let boot = 1; boot <= arena.boots && challengers.length > 0; boot++) {
    const prompts = bootSuite(arena, ports.corpus, ports.tokenizer, predicate.seed, boot);
    const expected = predicate.promptSuites.find((suite) => suite.boot === boot)?.sha256;
    if (suiteHash(prompts) !== expected)
      throw new HarnessError(
        'BAD_PLAN',
        'usage',
        `boot ${boot}: the prompts drawn here are not those of the signed plan`,
        'use the corpus and the code that the plan names',
      );
    ports.log.info(`shard ${shard}, boot ${boot}: ${challengers.length} challengers, ${incumbents.length} incumbents`);
    const arms = armsOf(predicate, arena, shard, boot, [...incumbents, ...challengers]);
    for (const [path, trace] of await evaluateBoot(ports, arena, predicate, shard, boot, arms, prompts)) traces.set(path, trace);
    challengers = goesOn(plan, arena, ports.tokenizer, traces, shard, boot, challengers);
  }
}

async function evaluateBoot(
  ports: EvaluatePorts,
  arena: Arena,
  plan: PlanPredicate,
  shard: number,
  boot: number,
  arms: readonly Arm[],
  prompts: readonly Prompt[],
): Promise<Map<string, Trace>> {
  const runs: { arm: Arm; lines: TraceLine[] }[] = [];
  for (const [index, arm] of arms.entries()) {
    ports.log.info(`  [${index + 1}/${arms.length}] ${arm.key ?? `baseline, run ${arm.run}`} (${arm.target.image})`);
    const header = { role: arm.role, key: arm.key, blockHash: plan.seed, shard, boot, run: arm.run, startedAt: ports.now() };
    runs.push({ arm, lines: await oneArm(ports, arena, arm, header, prompts) });
  }
  // Every other container is gone by now: the reference has the machine to itself.
  ports.log.info('  teacher-forcing every answer');
  const { image, digest } = imageOf(arena.images.reference);
  const engine = await ports.runtime.start({ kind: 'image', image, digest });
  const traces = new Map<string, Trace>();
  try {
    await awaitReference(ports, engine.url, arena);
    const cache: TeacherCache = new Map();
    const teacher = { reference: ports.openReference(engine.url), tokenizer: ports.tokenizer };
    for (const { arm, lines } of runs) {
      const all = [...lines, ...(await teach(lines, prompts, teacher, arena, cache))];
      const path = tracePath(shard, boot, arm.name, arm.run);
      ports.keep(path, all);
      traces.set(path, parseTrace(all.map(traceLine).join(''), path));
    }
  } finally {
    await engine.stop();
  }
  return traces;
}

/** One arm's run. What the runtime could not start is nobody's fault, and no reason to lose the other arms. */
async function oneArm(
  ports: EvaluatePorts,
  arena: Arena,
  arm: Arm,
  header: ArmHeader,
  prompts: readonly Prompt[],
): Promise<TraceLine[]> {
  try {
    return await runArm(ports, arena, arm.target, header, prompts);
  } catch (error) {
    if (arm.role === 'baseline') throw error;
    ports.log.warn(`${arm.name} could not be run: ${messageOf(error)}`);
    return [
      { type: 'header', schema: 1, ...header, image: `${arm.target.image}@${arm.target.digest}` } as TraceLine,
      { type: 'event', tNs: 0, name: 'not-run', detail: messageOf(error).slice(0, 200) },
    ];
  }
}

async function awaitReference(ports: EvaluatePorts, url: string, arena: Arena): Promise<void> {
  const client = ports.openClient(url);
  const deadline = ports.clock.nowNs() + arena.deadlines.start * 1e9;
  while (!(await client.healthy())) {
    if (ports.clock.nowNs() > deadline)
      throw new HarnessError(
        'ENGINE_NOT_HEALTHY',
        'infra',
        `the reference was not healthy within ${arena.deadlines.start} s`,
        'look at its log',
      );
    await ports.clock.sleep(50);
  }
  client.close();
}
