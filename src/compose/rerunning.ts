// Repeats a recorded round on this machine, or only forces its recorded answers again.
import type { Log } from '../core/log.ts';
import { type DrawnPlan, drawnPlan } from '../judge/drawn-plan.ts';
import { judgeRound } from '../judge/round.ts';
import { packEvidence, readEvidence } from '../ledger/io/evidence-files.ts';
import { openStored } from '../ledger/open.ts';
import { endOf, planOf } from '../ledger/plans.ts';
import type { LedgerFiles } from '../ledger/read.ts';
import type { ResultStore } from '../ledger/store.ts';
import type { LedgerRecord } from '../ledger/verify.ts';
import type { EngineTarget } from '../measure/engine.ts';
import { withReference } from '../pipeline/evaluate/forced-answers.ts';
import { type ComparedEntry, compareRounds } from '../pipeline/rerun/compare-rounds.ts';
import { forceAgain, type ForcedAgain } from '../pipeline/rerun/force-again.ts';
import { loadTokenizer } from '../prompts/io/tokenizer-file.ts';
import { type Arena, parseArena } from '../schema/arena.ts';
import { arenaTarget } from '../schema/arena-target.ts';
import { folderOf } from '../schema/paths.ts';
import { UsageError } from './errors.ts';
import { type Engines, measuringPorts } from './measuring-host.ts';
import { measureShard, type ShardJob } from './measuring-shard.ts';

/** Which round of whose ledger, and what this machine runs. */
export type RerunJob = Pick<
  ShardJob,
  'root' | 'store' | 'validator' | 'arena' | 'block' | 'corpus' | 'engineCommand' | 'log'
> & {
  /** Keeps what is measured now. */
  readonly keep: (path: string, bytes: Uint8Array) => void;
};

/** A round beside its repetition. */
export type RerunReport = {
  readonly validator: string;
  readonly block: number;
  readonly entries: readonly ComparedEntry[];
  readonly agrees: boolean;
};

/** The same where only the recorded answers were forced again. */
export type TeacherReport = RerunReport & { readonly forced: Omit<ForcedAgain, 'traces'> };

type Recorded = {
  readonly drawn: DrawnPlan;
  readonly round: LedgerRecord<'round'>;
  readonly arena: Arena;
};

async function recordedRound({ store, validator, block }: RerunJob): Promise<Recorded> {
  const ledger = await openStored(store, validator);
  const plan = planOf(ledger, block);
  const end = endOf(ledger, plan);
  if (end?.kind !== 'round')
    throw new UsageError(
      `the plan at block ${block} ended in ${end ? 'a void' : 'nothing yet'}`,
      'name the block of a plan that ended in a round: cacheon status lists them',
    );
  const arena = parseArena(plan.predicate.arena, plan.path);
  return { drawn: drawnPlan(plan, end.predicate.seed), round: end, arena };
}

const reportOf = (
  { validator, block }: RerunJob,
  entries: readonly ComparedEntry[],
): RerunReport => ({ validator, block, entries, agrees: entries.every(({ agrees }) => agrees) });

/**
 * Measures every shard of a recorded round again by its own seed, judges it, and compares. Nothing
 * of it enters the validator's ledger.
 */
export async function rerunRound(job: RerunJob): Promise<RerunReport> {
  const { drawn, round, arena } = await recordedRound(job);
  const evidence = new Map<string, Uint8Array>();
  for (const { index: shard } of drawn.shards)
    await measureShard({
      ...{ ...job, shard, draw: null },
      keep: (path, content) => {
        const bytes = packEvidence(content);
        evidence.set(path, bytes);
        job.keep(path, bytes);
      },
    });
  const tokenizer = loadTokenizer(arena.tokenizer, job.root);
  const body = judgeRound(drawn, readEvidence(evidence), tokenizer);
  return reportOf(job, compareRounds(round.predicate, body, arena.driftLimit));
}

/** The evidence of a round in its validator's ledger. */
async function evidenceOf(
  store: ResultStore,
  validator: string,
  round: LedgerRecord<'round'>,
): Promise<ReturnType<typeof readEvidence>> {
  const folder = folderOf(round.path);
  const files: LedgerFiles = await store.read(validator);
  const own = [...files].filter(([path]) => path.startsWith(folder));
  return readEvidence(new Map(own.map(([path, bytes]) => [path.slice(folder.length), bytes])));
}

/** The engines that a reference needs: none for a server that runs already. */
const enginesFor = (reference: EngineTarget, command: string | undefined): Engines => {
  if (reference.kind === 'url') return { kind: 'urls' };
  return command === undefined ? { kind: 'containers' } : { kind: 'processes', command };
};

/** Says about ten times how far a long work is, and draws it on a terminal. */
const progressTo =
  (log: Log) =>
  (done: number, total: number): void => {
    if (done === total || done % Math.max(1, Math.round(total / 10)) === 0)
      log.info(`  forced the answers of ${done} of ${total} runs`);
    log.progress({ what: 'runs forced', done, total });
  };

/**
 * Forces the answers that a round has on record once more, and judges it with the values of now:
 * a gate that passed by made-up values fails here. Needs the model, and no miner. `reference` is
 * the arena's unless another one is given.
 */
export async function rerunTeacher(
  job: RerunJob,
  given: EngineTarget | null,
): Promise<TeacherReport> {
  const { drawn, round, arena } = await recordedRound(job);
  const { root, store, validator, engineCommand, log, keep } = job;
  const evidence = await evidenceOf(store, validator, round);
  const reference = given ?? arenaTarget(arena, 'reference');
  const ports = await measuringPorts(arena, root, enginesFor(reference, engineCommand), {
    log,
    keep: (path, content) => keep(path, packEvidence(content)),
  });
  try {
    let forced: ForcedAgain | null = null;
    await withReference(ports, arena, { reference, shard: 0, boot: 1 }, async (server) => {
      forced = await forceAgain(evidence, server, progressTo(log));
    });
    const { traces, ...figures } = forced!;
    const body = judgeRound(drawn, { ...evidence, traces }, ports.tokenizer);
    const entries = compareRounds(round.predicate, body, arena.driftLimit);
    return { ...reportOf(job, entries), forced: figures };
  } finally {
    await ports.close();
  }
}
