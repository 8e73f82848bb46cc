// Measures one shard of a signed plan on this machine, for the action and the command alike.
import { accessSync, constants } from 'node:fs';
import { knownBefore } from '../arena/known-images.ts';
import { firstDifference } from '../core/difference.ts';
import type { Log } from '../core/log.ts';
import { unpackText } from '../ledger/io/evidence-files.ts';
import { planOf } from '../ledger/plans.ts';
import { openStored } from '../ledger/open.ts';
import type { ResultStore } from '../ledger/store.ts';
import type { BootPorts } from '../pipeline/evaluate/boot-parts.ts';
import { evaluate } from '../pipeline/evaluate/evaluate.ts';
import { openDocker } from '../node/docker.ts';
import { openCorpus } from '../prompts/io/corpus-folder.ts';
import { drawnPlan } from '../judge/drawn-plan.ts';
import { drawOf } from '../pipeline/draw/verify-draw.ts';
import { type Arena, parseArena } from '../schema/arena.ts';
import type { Draw } from '../schema/artifacts.ts';
import { DocumentError } from '../schema/errors.ts';
import { measuringPorts } from './measuring-host.ts';
import { UsageError } from './errors.ts';
import { assertNotQuarantined, QUARANTINE_VARIABLE, quarantineBy } from './quarantine.ts';

/** Which shard of which plan, and what the machine is told about its engines and corpus. */
export type ShardJob = {
  readonly root: string;
  readonly store: ResultStore;
  readonly validator: string;
  /** The arena of this commit: no other one is measured. */
  readonly arena: Arena;
  /** Block of the plan. */
  readonly block: number;
  readonly shard: number;
  readonly corpus: string | undefined;
  /** Runs engines of this repository as processes in place of containers: trusted code only. */
  readonly engineCommand: string | undefined;
  /** The plan's seed; null: that of its round on record, which is repeated. */
  readonly draw: Draw | null;
  readonly keep: BootPorts['keep'];
  /** Resolves once what was kept has left this machine. */
  readonly handedOver?: () => Promise<void>;
  readonly log: Log;
};

/**
 * Looks whether this machine could measure at all, before a plan is signed that would only be
 * voided: no quarantine, and Docker or the command that starts engines. Throws `QUARANTINED`,
 * `USAGE`, or what Docker said.
 */
export async function assertMeasurable(engineCommand: string | undefined): Promise<void> {
  assertNotQuarantined(process.env[QUARANTINE_VARIABLE]);
  if (engineCommand === undefined) await openDocker();
  else assertExecutable(engineCommand);
}

function assertExecutable(command: string): void {
  try {
    accessSync(command, constants.X_OK);
  } catch {
    throw new UsageError(
      `--engine-command ${command} cannot be executed`,
      'it is a file: scripts/cacheon of this repository serves',
    );
  }
}

/** Throws `BAD_PLAN` where a plan has other rules than this commit of the code. */
function assertSameArena(planned: Arena, own: Arena): void {
  const difference = firstDifference(planned, own, 'arena');
  if (difference === null) return;
  throw new DocumentError(
    'BAD_PLAN',
    'usage',
    `the plan has another arena than this commit: ${difference}`,
    'name its arena file with --arena (CACHEON_ARENA), or check out the commit that planned it',
  );
}

/**
 * Only a plan that is signed and anchored in the branch may cost GPU time, by no other seed than
 * its own. Holds no key and decides nothing. Throws `UNSIGNED_PLAN`, `BAD_DRAW`, and where the
 * machine is not fit for measuring.
 */
export async function measureShard(job: ShardJob): Promise<void> {
  const { root, log, engineCommand: command } = job;
  const quarantine = process.env[QUARANTINE_VARIABLE];
  await assertMeasurable(command);
  const ledger = await openStored(job.store, job.validator);
  const plan = planOf(ledger, job.block);
  const draw = drawOf(ledger, plan, job.draw);
  const arena = parseArena(plan.predicate.arena, 'the plan');
  // Also where a round on record is repeated: a stranger's arena may mount the host's root, say.
  assertSameArena(arena, job.arena);
  const ports = await measuringPorts(
    arena,
    root,
    command === undefined ? { kind: 'containers' } : { kind: 'processes', command },
    {
      log,
      keep: (path, content) => {
        quarantineBy(quarantine, path, content);
        job.keep(path, content);
      },
    },
  );
  try {
    const corpus = openCorpus(arena.corpus, job.corpus, log);
    const known = knownBefore(plan, ledger, unpackText);
    const { handedOver } = job;
    const measuring = { ...ports, corpus, known, ...(handedOver && { handedOver }) };
    await evaluate(measuring, drawnPlan(plan, draw.seed), job.shard);
  } finally {
    await ports.close();
  }
}
