// The demo: the whole competition on a single machine, from submissions to a final page.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../../chain/io/connect.ts';
import { SubtensorChain } from '../../chain/io/subtensor.ts';
import { assertChain } from '../../chain/chain-identity.ts';
import type { Log } from '../../core/log.ts';
import { findDocker } from '../../node/docker.ts';
import { monotonicClock } from '../../node/monotonic-clock.ts';
import { type Arena, parseArena } from '../../schema/arena.ts';
import { type ChainServer, startChain } from '../chain/chain-server.ts';
import { describeChain } from '../chain/genesis.ts';
import { type EngineRegistry, serveEngineImages } from '../registry/engine-images.ts';
import type { Accounts } from './accounts.ts';
import { checkOutResults, newLedger } from './demo-ledger.ts';
import { demoReport, type DemoReport, type Played } from './demo-report.ts';
import { DemoRounds, type Ground } from './demo-rounds.ts';
import { DEMO_MINERS } from './miners.ts';

export type DemoOptions = {
  readonly arena: unknown;
  /** Folder of the arena file. */
  readonly arenaFolder: string;
  readonly root: string;
  readonly seed: string | null;
  readonly endpoint: string | null;
  readonly accounts: Accounts | null;
  readonly out: string | null;
  /** Runs engines as local processes though Docker is there. */
  readonly processes: boolean;
  readonly log: Log;
};

/**
 * Containers take their time to start, and a server has one core less: shorter answers keep the
 * demo under its 90 seconds.
 */
const CONTAINER_SIZES = { maxTokens: 16 } as const;

/** The chain of a demo: a given one, or an embedded one that is its own. */
type DemoChain = {
  readonly endpoint: string;
  readonly accounts: Accounts;
  readonly own: ChainServer | null;
};

async function openChain({ endpoint, accounts, seed, log }: DemoOptions): Promise<DemoChain> {
  if (endpoint !== null && accounts !== null) {
    log.info(`chain at ${endpoint}`);
    return { endpoint, accounts, own: null };
  }
  const own = await startChain({ seed, miners: DEMO_MINERS.length });
  log.info(`embedded chain at ${own.url}`);
  const described = describeChain(own.node.genesis, own.url) as unknown as Accounts;
  return { endpoint: own.url, accounts: described, own };
}

/** A registry with the engines' images; null where they run as processes. */
async function openRegistry({ processes, root, log }: DemoOptions): Promise<EngineRegistry | null> {
  const docker = processes ? null : await findDocker();
  const why = processes ? 'as was asked' : 'no Docker engine answers here';
  log.info(
    docker
      ? 'miners run as images from a registry on loopback, in containers without a network'
      : `miners run as local processes (${why}): trusted code only`,
  );
  return docker ? serveEngineImages(root) : null;
}

/**
 * Where the demo's seeds come from: given, so that a demo repeats; the embedded chain's beacon as
 * the arena names it; on another chain a block, since it may have no pulses.
 */
function beaconOf(seed: string | null, own: ChainServer | null): { beacon?: Arena['beacon'] } {
  if (!own) return { beacon: 'block' };
  return seed === null ? {} : { beacon: { kind: 'fixed', seed: `0x${seed}` } };
}

/** The arena of the options on this chain, with the registry's images. */
async function demoArena(
  { arena: base, log, seed }: DemoOptions,
  { accounts, own }: DemoChain,
  chain: SubtensorChain,
  registry: EngineRegistry | null,
): Promise<Arena> {
  const { images } = base as { images: object };
  const plain = registry?.of('plain');
  const pinned = plain && `${plain.image}@${plain.digest}`;
  const engines = pinned === undefined ? {} : { baseline: pinned, reference: pinned };
  const arena = parseArena(
    {
      ...(base as object),
      ...(registry ? CONTAINER_SIZES : {}),
      images: { ...images, ...engines },
      netuid: accounts.netuid,
      treasury: accounts.treasury.address,
      ...beaconOf(seed, own),
    },
    "the demo's arena",
  );
  await assertChain(chain, arena.genesisHash);
  if (chain.features.bigRaw || arena.fee === 0) return arena;
  log.warn('this runtime has no field for a payment payload (BigRaw): the demo runs without a fee');
  return { ...arena, fee: 0 };
}

/** Plays two rounds and audits them. */
async function play(ground: Ground): Promise<Pick<Played, 'rounds' | 'weights' | 'audit' | 'who'>> {
  const validator = await DemoRounds.open(ground);
  try {
    const rounds: Played['rounds'][number][] = [];
    let weights: Played['weights'] = [];
    for (const round of [1, 2]) {
      const played = await validator.play(round);
      ({ weights } = played);
      rounds.push(played.page);
    }
    return { rounds, weights, audit: await validator.audit(), who: validator.who };
  } finally {
    await validator.close();
  }
}

/**
 * The whole competition on one machine: two rounds, weights on the chain, an audit of the ledger, a
 * page.
 */
export async function demo(options: DemoOptions): Promise<DemoReport> {
  const { log, root } = options;
  const began = monotonicClock.nowNs();
  const folder = options.out ?? mkdtempSync(join(tmpdir(), 'cacheon-demo-'));
  mkdirSync(folder, { recursive: true });
  const place = await openChain(options);
  const registry = await openRegistry(options);
  const chain = new SubtensorChain(await connect(place.endpoint));
  try {
    const arena = await demoArena(options, place, chain, registry);
    const checkout = newLedger(folder);
    const { accounts, endpoint } = place;
    const played = await play({
      ...{ root, arena, accounts, chain, registry, checkout, log },
      folder: options.arenaFolder,
    });
    const { burnUid } = arena;
    const seconds = (monotonicClock.nowNs() - began) / 1e9;
    const results = checkOutResults(folder);
    const site = join(folder, 'site');
    const end: Played = { ...played, burnUid, seconds, results, chain: endpoint };
    return demoReport(end, site);
  } catch (error) {
    // What a failed demo leaves would only be in the way of the next one.
    rmSync(folder, { recursive: true, force: true });
    throw error;
  } finally {
    await chain.disconnect();
    await place.own?.close();
    await registry?.close();
  }
}
