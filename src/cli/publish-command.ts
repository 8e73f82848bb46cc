// Command that signs the plan of a round, or judges measured traces and signs the result.
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { judgeEvidence } from '../compose/judging.ts';
import { ROOT } from '../compose/repository.ts';
import { scanPorts } from '../compose/scanning.ts';
import { ledgerOf, validatorPair } from '../compose/settling.ts';
import { readFolder } from '../ledger/io/git-store.ts';
import { planOf } from '../ledger/plans.ts';
import { publishJudged, publishPlan, type PublishPorts } from '../pipeline/publish.ts';
import { scan } from '../pipeline/scan.ts';
import { EVIDENCE_FOLDERS } from '../schema/paths.ts';
import type { Invocation, RunCommand } from './command.ts';
import { optional, wholeNumber } from './options.ts';
import { openChain, operatorOf, workplace } from './workplace.ts';

/** What `publish --json` prints. */
type Published = { readonly outcome: string; readonly block: number | null };

async function publishNewPlan(
  invocation: Invocation,
  ports: PublishPorts,
  dryRun: boolean,
): Promise<Published> {
  const { ledger, log } = ports;
  const { arena, folder } = workplace(invocation);
  const chain = await openChain(invocation, arena);
  const corpus = optional(invocation, 'corpus');
  const draft = await scan(
    scanPorts(chain, { arena, root: ROOT, folder, corpus }, log),
    arena,
    await operatorOf(ledger.validator),
    await ledger.read(),
  );
  await chain.disconnect();
  if (dryRun) return { outcome: 'dry-run', block: null };
  const { outcome, plan } = await publishPlan(ports, draft);
  return { outcome, block: plan?.predicate.block.number ?? null };
}

async function publishTraces(
  invocation: Invocation,
  ports: PublishPorts,
  block: number,
  dryRun: boolean,
): Promise<Published> {
  const plan = planOf(await ports.ledger.read(), block);
  const folder = resolve(optional(invocation, 'traces') ?? join('out', String(block)));
  mkdirSync(folder, { recursive: true });
  const evidence = new Map([...readFolder(folder)].filter(([path]) => EVIDENCE_FOLDERS.test(path)));
  if (dryRun) return { outcome: 'dry-run', block };
  const judged = judgeEvidence(plan, evidence, ROOT);
  await publishJudged(ports, plan, judged, evidence);
  return { outcome: 'void' in judged ? 'void' : 'round', block };
}

/**
 * `cacheon publish`: without --round, scans and signs the plan of now; with `--round BLOCK --traces
 * DIR`, judges the traces of that plan and signs the round, or a void where there are none.
 */
export const publishCommand: RunCommand = async (invocation) => {
  const { log, json } = invocation;
  const ledger = ledgerOf(validatorPair(), workplace(invocation).store);
  const block = wholeNumber(invocation, 'round', 0, Number.MAX_SAFE_INTEGER);
  const dryRun = invocation.values['dry-run'] === true;
  const published =
    block === undefined
      ? await publishNewPlan(invocation, { ledger, log }, dryRun)
      : await publishTraces(invocation, { ledger, log }, block, dryRun);
  if (json) process.stdout.write(`${JSON.stringify(published)}\n`);
  return 0;
};
