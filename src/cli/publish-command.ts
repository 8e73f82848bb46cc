// Command that signs the plan of a round, or judges measured traces and signs the result.
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { publishMeasured } from '../compose/publishing.ts';
import { ROOT } from '../compose/repository.ts';
import { scanPorts } from '../compose/scanning.ts';
import { ledgerOf, settlePorts, validatorPair } from '../compose/settling.ts';
import type { EndpointPool } from '../chain/io/endpoints.ts';
import { readFolder } from '../ledger/io/results-folder.ts';
import type { Operator } from '../pipeline/context.ts';
import { publishPlan } from '../pipeline/publish.ts';
import type { SettlePorts } from '../pipeline/settle/settle.ts';
import { scan } from '../pipeline/scan.ts';
import { EVIDENCE_FOLDERS } from '../schema/paths.ts';
import type { Invocation, RunCommand } from './command.ts';
import { readDraw } from './draw-file.ts';
import { optional, wholeNumber } from './options.ts';
import { openChain, operatorOf, workplace } from './workplace.ts';

/** What `publish --json` prints. */
type Published = {
  readonly outcome: string;
  readonly block: number | null;
  /** Block and time of the plan's anchor; null where nothing was anchored. */
  readonly anchor: { readonly block: number; readonly timestampMs: number } | null;
};
/** What both kinds of publishing share. */
type Publishing = {
  readonly invocation: Invocation;
  readonly chain: EndpointPool;
  readonly ports: SettlePorts;
  readonly operator: Operator;
  readonly dryRun: boolean;
};

async function publishNewPlan(publishing: Publishing): Promise<Published> {
  const { invocation, chain, ports, operator, dryRun } = publishing;
  const { arena, folder } = workplace(invocation);
  const corpus = optional(invocation, 'corpus');
  const sources = { arena, root: ROOT, folder, corpus };
  const draft = await scan(
    scanPorts(chain, sources, ports.log),
    arena,
    operator,
    await ports.ledger.read(),
  );
  if (dryRun) return { outcome: 'dry-run', block: null, anchor: null };
  const { outcome, plan, anchor } = await publishPlan(ports, arena, operator, draft);
  const block = plan?.predicate.block.number ?? null;
  if (!anchor) return { outcome, block, anchor: null };
  const { number, timestampMs } = anchor.predicate.anchor.block;
  return { outcome, block, anchor: { block: number, timestampMs } };
}

async function publishTraces(publishing: Publishing, block: number): Promise<Published> {
  const { invocation, ports, operator, dryRun } = publishing;
  const folder = resolve(optional(invocation, 'traces') ?? join('out', String(block)));
  mkdirSync(folder, { recursive: true });
  const evidence = new Map([...readFolder(folder)].filter(([path]) => EVIDENCE_FOLDERS.test(path)));
  if (dryRun) return { outcome: 'dry-run', block, anchor: null };
  const { arena } = workplace(invocation);
  const judged = await publishMeasured({ ...ports, operator }, arena, ROOT, {
    ...{ block, judged: null, draw: readDraw(folder) },
    evidenceOf: () => Promise.resolve(evidence),
  });
  return { outcome: 'void' in judged ? 'void' : 'round', block, anchor: null };
}

/**
 * `cacheon publish`: without --round, scans, signs and anchors the plan of now; with `--round BLOCK
 * --traces DIR`, judges the traces of that plan and signs the round, or a void where there are none.
 */
export const publishCommand: RunCommand = async (invocation) => {
  const { log, json } = invocation;
  const { arena, store } = workplace(invocation);
  const pair = validatorPair();
  const block = wholeNumber(invocation, 'round', 0, Number.MAX_SAFE_INTEGER);
  const chain = await openChain(invocation, arena);
  const publishing = {
    ...{ invocation, chain, operator: await operatorOf(pair.address) },
    ports: settlePorts(chain, pair, ledgerOf(pair, store), log),
    dryRun: invocation.values['dry-run'] === true,
  };
  const published =
    block === undefined ? await publishNewPlan(publishing) : await publishTraces(publishing, block);
  await chain.disconnect();
  if (json) process.stdout.write(`${JSON.stringify(published)}\n`);
  return 0;
};
