// Command that signs the plan of a round, or judges measured traces and signs the result.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { UsageError } from '../compose/errors.ts';
import { publishMeasured } from '../compose/publishing.ts';
import { ROOT } from '../compose/repository.ts';
import { scanPorts } from '../compose/scanning.ts';
import { ledgerOf, settlePorts, validatorPair } from '../compose/settling.ts';
import type { EndpointPool } from '../chain/io/endpoints.ts';
import { readFolder } from '../ledger/io/results-folder.ts';
import { openStored } from '../ledger/open.ts';
import { endOf as endOfPlan, planOf } from '../ledger/plans.ts';
import type { Ledger } from '../ledger/read.ts';
import type { Operator } from '../pipeline/context.ts';
import type { FileSet } from '../ledger/store.ts';
import { publishPlan } from '../pipeline/publish.ts';
import type { SettlePorts } from '../pipeline/settle/settle.ts';
import { scan } from '../pipeline/scan.ts';
import type { Draw } from '../schema/artifacts.ts';
import { EVIDENCE_FOLDERS } from '../schema/paths.ts';
import type { Invocation, RunCommand } from './command.ts';
import { readDraw } from '../compose/draw-file.ts';
import { optional, wholeNumber } from './options.ts';
import { openChain, operatorOf, workplace } from './workplace.ts';
import { give } from './output.ts';
import { wrapped } from './screen.ts';

/** What `publish --json` prints. */
type Published = {
  readonly outcome: string;
  /** Why a void is one; null for everything else. */
  readonly reason: string | null;
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
  const { arena, arenaSha256, folder } = workplace(invocation);
  const corpus = optional(invocation, 'corpus');
  const sources = { arena, arenaSha256, root: ROOT, folder, corpus };
  const draft = await scan(
    scanPorts(chain, sources, ports.log),
    arena,
    operator,
    await ports.ledger.read(),
  );
  if (dryRun) return { outcome: 'dry-run', reason: null, block: null, anchor: null };
  const { outcome, plan, anchor } = await publishPlan(ports, arena, operator, draft);
  const block = plan?.predicate.block.number ?? null;
  if (!anchor) return { outcome, reason: null, block, anchor: null };
  const { number, timestampMs } = anchor.predicate.anchor.block;
  return { outcome, reason: null, block, anchor: { block: number, timestampMs } };
}

/** What a plan's end is made of: its draw and traces, or a reason for its void. */
type End = {
  readonly reason: string | null;
  readonly draw: Draw | null;
  readonly evidence: FileSet;
};

/** Throws `USAGE` where nothing was measured and no reason is given: a plan ends once. */
function endOf(invocation: Invocation, block: number): End {
  const folder = resolve(optional(invocation, 'traces') ?? join('out', String(block)));
  const reason = optional(invocation, 'void') ?? null;
  const files = existsSync(folder) ? [...readFolder(folder)] : [];
  const draw = files.length > 0 ? readDraw(folder) : null;
  const evidence = new Map(files.filter(([path]) => EVIDENCE_FOLDERS.test(path)));
  if (reason === null && (!draw || evidence.size === 0))
    throw new UsageError(
      `${folder} holds no ${draw ? 'traces' : 'draw.json'} of a round`,
      `is ${block} the block of a signed plan? Name the folder that evaluate filled with --traces; where nothing can be measured any more, --void REASON ends the plan`,
    );
  return { reason, draw, evidence };
}

/**
 * Throws where a plan that is to be voided has ended. A round on record is published again without
 * harm; a void of it would be a lie.
 */
function assertOpen(ledger: Ledger, block: number): void {
  const ended = endOfPlan(ledger, planOf(ledger, block));
  if (ended === null) return;
  throw new UsageError(
    `the plan of block ${block} ended in a ${ended.kind}, which is on record: nothing was changed`,
    'a plan ends once; cacheon audit and cacheon rerun look at it again',
  );
}

async function publishEnd(
  { invocation, ports, operator, dryRun }: Publishing,
  block: number,
  { reason, draw, evidence }: End,
): Promise<Published> {
  if (dryRun) return { outcome: 'dry-run', reason: null, block, anchor: null };
  const { arena } = workplace(invocation);
  const judged = await publishMeasured({ ...ports, operator }, arena, ROOT, {
    ...{ block, judged: null, draw, endedBy: reason },
    evidenceOf: () => Promise.resolve(evidence),
  });
  const why = 'void' in judged ? judged.void : null;
  return { outcome: why === null ? 'round' : 'void', reason: why, block, anchor: null };
}

/** What was published, and what comes after it. */
function* publishedLines(
  { outcome, reason, block, anchor }: Published,
  validator: string,
): Generator<string> {
  const where = anchor === null ? '' : `, anchored in block ${anchor.block}`;
  const why = reason === null ? '' : `: ${reason}`;
  yield `${outcome}${block === null ? '' : `: the plan of block ${block}`}${where}${why}`;
  if (outcome === 'dry-run') yield `nothing was signed or sent; the key is of ${validator}`;
  else if (outcome === 'round' || outcome === 'void') yield 'next: cacheon settle';
  else if (block !== null)
    yield `next: cacheon draw --validator ${validator} --round ${block} --out out/${block}`;
}

/**
 * `cacheon publish`: without --round, scans, signs and anchors the plan of now; with `--round BLOCK
 * --traces DIR`, judges the traces of that plan and signs the round; with `--void REASON` its void.
 * Exit code 3 where the traces come to a void.
 */
export const publishCommand: RunCommand = async (invocation) => {
  const { log } = invocation;
  const { arena, store } = workplace(invocation);
  const block = wholeNumber(invocation, 'round', 0, Number.MAX_SAFE_INTEGER);
  const end = block === undefined ? null : endOf(invocation, block);
  const pair = validatorPair();
  if (block !== undefined && end !== null && end.reason !== null)
    assertOpen(await openStored(store, pair.address), block);
  const chain = await openChain(invocation, arena);
  const publishing = {
    ...{ invocation, chain, operator: await operatorOf(pair.address) },
    ports: settlePorts(chain, pair, ledgerOf(pair, store), log),
    dryRun: invocation.values['dry-run'] === true,
  };
  const published =
    block === undefined || !end
      ? await publishNewPlan(publishing)
      : await publishEnd(publishing, block, end);
  await chain.disconnect();
  give(invocation, published, [...publishedLines(published, pair.address)].flatMap(wrapped));
  // A void that nobody asked for: the machine measured nothing that counts.
  return published.outcome === 'void' && end?.reason === null ? 3 : 0;
};
