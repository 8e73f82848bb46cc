// Measures one shard of a signed plan on this machine, for the action and the command alike.
import { knownBefore } from '../arena/known-images.ts';
import type { Log } from '../core/log.ts';
import { unpackText } from '../ledger/io/evidence-files.ts';
import { planOf } from '../ledger/plans.ts';
import { openStored } from '../ledger/open.ts';
import type { ResultStore } from '../ledger/store.ts';
import type { BootPorts } from '../pipeline/evaluate/boot-parts.ts';
import { evaluate } from '../pipeline/evaluate/evaluate.ts';
import { openCorpus } from '../prompts/io/corpus-folder.ts';
import { parseArena } from '../schema/arena.ts';
import { measuringPorts } from './measuring-host.ts';

/** Which shard of which plan, and what the machine is told about its engines and corpus. */
export type ShardJob = {
  readonly root: string;
  readonly store: ResultStore;
  readonly validator: string;
  /** Block of the plan. */
  readonly block: number;
  readonly shard: number;
  readonly corpus: string | undefined;
  /** Runs engines of this repository as processes in place of containers: trusted code only. */
  readonly engineCommand: string | undefined;
  readonly keep: BootPorts['keep'];
  readonly log: Log;
};

/**
 * Only a plan that is signed in the branch may cost GPU time. Holds no key and decides nothing.
 * Throws `UNSIGNED_PLAN`, and where the machine is not fit for measuring.
 */
export async function measureShard(job: ShardJob): Promise<void> {
  const { root, log, engineCommand: command } = job;
  const ledger = await openStored(job.store, job.validator);
  const plan = planOf(ledger, job.block);
  const arena = parseArena(plan.predicate.arena, 'the plan');
  const ports = await measuringPorts(
    arena,
    root,
    command === undefined ? { kind: 'containers' } : { kind: 'processes', command },
    job,
  );
  try {
    const corpus = openCorpus(arena.corpus, job.corpus, log);
    const known = knownBefore(plan, ledger, unpackText);
    await evaluate({ ...ports, corpus, known }, plan, job.shard);
  } finally {
    await ports.close();
  }
}
