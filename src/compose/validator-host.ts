// Plays a validator's rounds without GitHub: every stage, one after another, from what the ledger says.
import type { KeyringPair } from '@polkadot/keyring/types';
import type { EndpointPool } from '../chain/io/endpoints.ts';
import { messageOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { drawnPlan } from '../judge/drawn-plan.ts';
import { openPlan } from '../ledger/plans.ts';
import type { ResultStore } from '../ledger/store.ts';
import type { LedgerRecord } from '../ledger/verify.ts';
import { monotonicClock } from '../node/monotonic-clock.ts';
import type { Operator } from '../pipeline/context.ts';
import { drawSeed } from '../pipeline/draw/draw.ts';
import { publishPlan } from '../pipeline/publish.ts';
import { scan } from '../pipeline/scan.ts';
import type { SettlePorts, SettleReport } from '../pipeline/settle/settle.ts';
import { settleAndAnchor } from '../pipeline/settle/settle-and-anchor.ts';
import type { Arena } from '../schema/arena.ts';
import type { Draw } from '../schema/artifacts.ts';
import { readDraw, writeDraw } from './draw-file.ts';
import { publishMeasured } from './publishing.ts';
import { isInfraFault } from '../schema/verdicts.ts';
import { RoundFolder } from './round-folder.ts';
import { scanPorts } from './scanning.ts';
import { ledgerOf, settlePorts } from './settling.ts';

/** One shard of a signed plan, to be measured here or elsewhere. */
export type ShardTask = {
  readonly plan: LedgerRecord<'plan'>;
  readonly shard: number;
  readonly draw: Draw;
  /** Where its evidence goes. */
  readonly folder: string;
};

/** A host that is always on, and what it plays with. */
export type ValidatorHost = {
  readonly root: string;
  readonly arena: Arena;
  /** Of the arena file's bytes. */
  readonly arenaSha256: string;
  /** Folder of the arena file. */
  readonly arenaFolder: string;
  readonly corpus: string | undefined;
  readonly store: ResultStore;
  readonly chain: EndpointPool;
  readonly pair: KeyringPair;
  readonly operator: Operator;
  /** Folder of evidence that is in no ledger yet. */
  readonly home: string;
  /** Measures a shard, here or on another host. */
  readonly measure: (task: ShardTask) => Promise<void>;
  /** Throws where nothing could be measured now: then no plan is signed, and no shard is begun. */
  readonly ready: () => Promise<void>;
  /** No further stage begins once it is aborted. */
  readonly stop: AbortSignal;
  readonly log: Log;
};

/** What one pass came to. */
export type Pass = {
  /** `empty`: nothing to measure; `stopped`: to be gone on with next time. */
  readonly outcome: 'empty' | 'round' | 'void' | 'stopped';
  /** Block of the plan. */
  readonly block: number | null;
  /** Whether anything was told of a server; null where no plan ended. False: the machine failed. */
  readonly measured: boolean | null;
  /** Null where the pass was stopped before. */
  readonly weights: Pick<SettleReport, 'sent' | 'reason' | 'notBefore'> | null;
};

type Ended = Pick<Pass, 'outcome' | 'block' | 'measured'>;

/**
 * Measures the shards that were not begun. One that an earlier process began is left as it is: what
 * it kept counts, and the rest is nobody's fault (as where a runner dies). To measure it again would
 * let a validator choose between two results.
 */
async function measureShards(
  { measure, ready, log, stop }: ValidatorHost,
  { plan, draw }: Pick<ShardTask, 'plan' | 'draw'>,
  files: RoundFolder,
): Promise<boolean> {
  for (const { index: shard } of drawnPlan(plan, draw.seed).shards) {
    const state = files.stateOf(shard);
    if (state === 'begun')
      log.warn(`shard ${shard} broke off in an earlier run: what it left counts`);
    if (state !== 'new') continue;
    if (stop.aborted) return false;
    await ready();
    files.begin(shard);
    try {
      await measure({ plan, shard, draw, folder: files.path });
      files.finish(shard);
    } catch (error) {
      // As a failed job of a workflow: the judge looks at what was kept until then.
      log.warn(`shard ${shard} broke off: ${messageOf(error)}`);
    }
  }
  return true;
}

/** Plays the open plan, or a new one, to its end. */
async function playRound(host: ValidatorHost, ports: SettlePorts): Promise<Ended> {
  const { root, arena, arenaSha256, arenaFolder: folder, corpus, log, stop, operator } = host;
  const sources = { arena, arenaSha256, root, folder, corpus };
  const scanning = scanPorts(host.chain, sources, log);
  const ledger = await ports.ledger.read();
  const draft = await scan(scanning, arena, operator, ledger);
  // A plan that is measured and only has to be signed needs no machine that measures.
  if (openPlan(ledger) === null && draft.predicate.shards > 0) await host.ready();
  const { plan } = await publishPlan(ports, arena, operator, draft);
  if (!plan) return { outcome: 'empty', block: null, measured: null };
  const block = plan.predicate.block.number;
  if (stop.aborted) return { outcome: 'stopped', block, measured: null };
  const files = new RoundFolder(host.home, operator.validator, block);
  const draw =
    readDraw(files.path) ??
    (await drawSeed({ ...ports, clock: monotonicClock }, await ports.ledger.read(), plan));
  writeDraw(files.path, draw);
  const whole = await measureShards(host, { plan, draw }, files);
  if (!whole) return { outcome: 'stopped', block, measured: null };
  const judged = await publishMeasured({ ...ports, operator }, arena, root, {
    ...{ block, judged: null, draw },
    evidenceOf: () => Promise.resolve(files.evidence()),
  });
  files.clear();
  if ('void' in judged) return { outcome: 'void', block, measured: false };
  const measured = judged.body.entries.some(({ verdict }) => !isInfraFault(verdict));
  return { outcome: 'round', block, measured };
}

/**
 * One pass: goes on with the open plan or signs a new one, measures, judges, signs, and sets the
 * weights that follow. All that it depends on is the ledger and the chain, so a process that dies
 * anywhere is followed by one that finishes.
 */
export async function playPass(host: ValidatorHost): Promise<Pass> {
  const { chain, pair, store, log, stop } = host;
  const ports = settlePorts(chain, pair, ledgerOf(pair, store), log);
  let ended: Ended;
  try {
    ended = await playRound(host, ports);
  } catch (error) {
    // The weights of the last good round stay fresh; what failed first is told.
    await settleNow(host, ports).catch((later: unknown) => log.warn(messageOf(later)));
    throw error;
  }
  return { ...ended, weights: stop.aborted ? null : await settleNow(host, ports) };
}

/** Sets the weights that follow from the ledger. */
async function settleNow(
  { arena, operator, log }: ValidatorHost,
  ports: SettlePorts,
): Promise<NonNullable<Pass['weights']>> {
  const { sent, reason, notBefore } = await settleAndAnchor(ports, arena, operator, false);
  log.info(`weights: ${sent ? 'sent' : 'not sent'}: ${reason}`);
  return { sent, reason, notBefore };
}
