// Measures all servers in a machine's share of a signed plan and keeps their traces as evidence.
import { armOrder } from '../../arena/deal.ts';
import { fromHex } from '../../core/bytes.ts';
import { messageOf } from '../../core/errors.ts';
import { type Admission, openAdmission } from '../../images/admission.ts';
import type { ImageStore } from '../../images/image-store.ts';
import type { KnownImage } from '../../images/rivals.ts';
import type { EngineTarget } from '../../measure/engine.ts';
import type { Corpus } from '../../prompts/corpus.ts';
import { suiteHash } from '../../prompts/sampler.ts';
import { bootSuite, poolsOf } from '../../prompts/suites.ts';
import type { LedgerRecord } from '../../ledger/verify.ts';
import { type Arena, parseArena } from '../../schema/arena.ts';
import { DocumentError } from '../../schema/errors.ts';
import { pinnedImage } from '../../schema/image-ref.ts';
import type { Trace } from '../../schema/trace.ts';
import type { Arm, BootPorts } from './boot-parts.ts';
import { measureBoot } from './boot-run.ts';
import { goesOn, sidesOf } from '../../judge/round.ts';

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
  readonly plan: LedgerRecord<'plan'>;
  readonly arena: Arena;
  readonly shard: number;
  readonly admission: Admission | null;
};

/** Arms of one boot between the baselines, as the seed has drawn them. */
function armsOf(
  { plan, shard, admission }: ShardRun,
  boot: number,
  keys: readonly string[],
): Arm[] {
  const { seed, submissions } = plan.predicate;
  return armOrder(keys, fromHex(seed)!, shard, boot).map((key): Arm => {
    const entry = submissions.find((submission) => submission.key === key)!;
    const role = entry.role === 'challenger' ? 'challenger' : 'incumbent';
    return {
      name: key,
      role,
      key,
      target: { kind: 'image', image: entry.image!, digest: entry.digest! },
      ...(admission ? { admit: () => admission.admit(key) } : {}),
    };
  });
}

/** Baseline or reference of an arena. */
function pinnedTarget(arena: Arena, which: 'baseline' | 'reference'): EngineTarget {
  return { kind: 'image', ...pinnedImage(arena.images[which]), args: arena.images.arguments };
}

/**
 * Measures one shard of a signed plan, boot by boot, and decides no verdict: it only stops spending
 * time on challengers that already said no. It keeps everything it saw in the traces.
 */
export async function evaluate(
  ports: EvaluatePorts,
  plan: LedgerRecord<'plan'>,
  shard: number,
): Promise<void> {
  const { predicate } = plan;
  const arena = parseArena(predicate.arena, 'the plan');
  if (!predicate.shards.some(({ index }) => index === shard))
    throw new DocumentError(
      'BAD_PLAN',
      'usage',
      `the plan has no shard ${shard}`,
      `its shards are ${predicate.shards.map(({ index }) => index).join(', ')}`,
    );
  const sides = sidesOf(plan, shard);
  // All of the round, other shards' too: the earliest commit keeps the claim wherever it is
  // measured.
  const evaluated = (key: string): boolean =>
    predicate.shards.some((part) => part.entries.includes(key));
  const entries = predicate.submissions.flatMap(({ key, hotkey, commitBlock, image, digest }) =>
    evaluated(key) ? [{ key, hotkey, commitBlock, image: image!, digest: digest! }] : [],
  );
  const { images, log } = ports;
  const admission =
    images && openAdmission({ ...ports, images }, arena, { shard, entries, known: ports.known });
  try {
    await measureBoots({ ports, plan, arena, shard, admission }, sides);
  } finally {
    // Twenty gigabytes each: the runner does not keep images that will not come back. It fetches a
    // new winner again.
    const keep = admission?.idsOf(sides.incumbents);
    if (images && keep)
      await images
        .tidy(keep)
        .catch((error: unknown) => log.warn(`images are left here: ${messageOf(error)}`));
  }
}

async function measureBoots(run: ShardRun, sides: ReturnType<typeof sidesOf>): Promise<void> {
  const { ports, plan, arena, shard } = run;
  const { predicate } = plan;
  const { incumbents } = sides;
  let { challengers } = sides;
  const traces = new Map<string, Trace>();
  for (let boot = 1; boot <= arena.boots && challengers.length > 0; boot++) {
    const prompts = bootSuite(arena, ports, predicate.seed, boot);
    const expected = predicate.promptSuites.find((suite) => suite.boot === boot)?.sha256;
    if (suiteHash(prompts) !== expected)
      throw new DocumentError(
        'BAD_PLAN',
        'usage',
        `boot ${boot}: the prompts drawn here are not those of the signed plan`,
        'use the corpus and the code that the plan names',
      );
    ports.log.info(
      `shard ${shard}, boot ${boot}: ${challengers.length} challengers, ${incumbents.length} incumbents`,
    );
    const traced = await measureBoot(ports, arena, {
      blockHash: predicate.seed,
      shard,
      boot,
      prompts,
      pools: poolsOf(prompts),
      baseline: pinnedTarget(arena, 'baseline'),
      reference: pinnedTarget(arena, 'reference'),
      arms: armsOf(run, boot, [...incumbents, ...challengers]),
    });
    for (const [path, trace] of traced) traces.set(path, trace);
    const judging = { plan, arena, tokenizer: ports.tokenizer, traces };
    challengers = goesOn(judging, { shard, boot }, challengers);
  }
}
