// The demo: the whole competition on a single machine, from submissions to a final page.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { knownBefore } from '../../arena/known-images.ts';
import { connect } from '../../chain/io/connect.ts';
import { weightsEntropy } from '../../chain/io/entropy.ts';
import { assertChain, SubtensorChain } from '../../chain/io/subtensor.ts';
import { type Engines, measuringPorts } from '../../compose/measuring-host.ts';
import { type Log, silentLog } from '../../core/log.ts';
import { judgeRound } from '../../judge/round.ts';
import { packEvidence, tracesOf, unpackText, unpackTrace } from '../../ledger/io/evidence-files.ts';
import { gitStore, codeCommit } from '../../ledger/io/git-store.ts';
import { signerOf } from '../../ledger/io/signing-key.ts';
import { OwnLedger } from '../../ledger/own-ledger.ts';
import { recordsOf } from '../../ledger/read.ts';
import { findDocker } from '../../node/docker.ts';
import { monotonicClock } from '../../node/monotonic-clock.ts';
import { audit, type AuditReport } from '../../pipeline/audit/audit.ts';
import type { Operator } from '../../pipeline/context.ts';
import { evaluate } from '../../pipeline/evaluate/evaluate.ts';
import { publishPlan, publishRound } from '../../pipeline/publish.ts';
import { scan } from '../../pipeline/scan.ts';
import { settleAndAnchor } from '../../pipeline/settle/settle-and-anchor.ts';
import { openCorpus } from '../../prompts/io/corpus-folder.ts';
import { loadTokenizer } from '../../prompts/io/tokenizer-file.ts';
import { type Arena, parseArena } from '../../schema/arena.ts';
import { reportHtml, reportRound, type ReportRound } from '../../site/page.ts';
import { advanceTo } from '../chain/control.ts';
import { describeChain } from '../chain/genesis.ts';
import { startChain } from '../chain/chain-server.ts';
import { type DemoMiner, DEMO_MINERS, devPair, submitImage } from './miners.ts';
import { type DevnetImage, namedImage } from '../engine-names.ts';
import { serveEngineImages } from '../registry/engine-images.ts';

/** Dev accounts of a local chain, as `subtensor/run.sh` and `cacheon devnet chain` print them. */
export type Accounts = {
  endpoint: string;
  netuid: number;
  treasury: { address: string };
  validator: Pair;
  miners: Pair[];
};
type Pair = {
  uid: number | null;
  coldkey: { uri: string; address: string };
  hotkey: { uri: string; address: string };
};

export type DemoOptions = {
  readonly arena: unknown;
  readonly root: string;
  readonly seed: string | null;
  readonly endpoint: string | null;
  readonly accounts: Accounts | null;
  readonly out: string | null;
  /** Runs engines as local processes though Docker is there. */
  readonly processes: boolean;
  readonly log: Log;
};

/** What `demo --json` prints. */
export type DemoReport = {
  ok: boolean;
  seconds: number;
  rounds: {
    block: number;
    winner: string | null;
    runnerUp: string | null;
    entries: {
      key: string;
      miner: string;
      image: string | null;
      verdict: string;
      reason: string;
      score: number;
    }[];
  }[];
  weights: Record<string, number>;
  burnUid: number;
  audit: { ok: boolean; faults: AuditReport['faults'] };
  results: string;
  site: string;
  chain: string;
};

/**
 * Containers take their time to start, and a server has one core less: shorter answers keep the
 * demo under its 90 seconds.
 */
const CONTAINER_SIZES = { maxTokens: 16 } as const;

function newLedger(folder: string): { checkout: string } {
  const origin = join(folder, 'ledger.git');
  const checkout = join(folder, 'ledger');
  const git = (...args: string[]): void =>
    void execFileSync('git', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  git('init', '--quiet', '--bare', '-b', 'main', origin);
  git('clone', '--quiet', origin, checkout);
  writeFileSync(join(checkout, '.gitattributes'), 'results/** -text\n');
  git('-C', checkout, 'checkout', '--quiet', '-B', 'main');
  git('-C', checkout, 'add', '.gitattributes');
  git(
    '-C',
    checkout,
    '-c',
    'user.name=cacheon',
    '-c',
    'user.email=validator@users.noreply.github.com',
    'commit',
    '--quiet',
    '-m',
    'Keep records byte-exact',
  );
  git('-C', checkout, 'push', '--quiet', 'origin', 'HEAD:main');
  return { checkout };
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
  const own =
    options.endpoint === null
      ? await startChain({ seed: options.seed, miners: DEMO_MINERS.length })
      : null;
  const accounts =
    options.accounts ?? (describeChain(own!.node.genesis, own!.url) as unknown as Accounts);
  const endpoint = options.endpoint ?? own!.url;
  log.info(own ? `embedded chain at ${endpoint}` : `chain at ${endpoint}`);
  const docker = options.processes ? null : await findDocker();
  log.info(
    docker
      ? 'miners run as images from a registry on loopback, in containers without a network'
      : 'miners run as local processes: trusted code only, nothing holds them in (no Docker engine answers here)',
  );
  const registry = docker ? await serveEngineImages(root) : null;
  const api = await connect(endpoint);
  const chain = new SubtensorChain(api);
  try {
    const base = options.arena as { images: object };
    const plain = registry?.of('plain');
    const pinned = plain && `${plain.image}@${plain.digest}`;
    const images =
      pinned === undefined ? base.images : { ...base.images, baseline: pinned, reference: pinned };
    let arena = parseArena(
      {
        ...base,
        ...(registry ? CONTAINER_SIZES : {}),
        images,
        netuid: accounts.netuid,
        treasury: accounts.treasury.address,
      },
      "the demo's arena",
    );
    await assertChain(chain, arena.genesisHash);
    if (!chain.features.bigRaw && arena.fee > 0) {
      log.warn(
        'this runtime has no field for a payment payload (BigRaw): the demo runs without a fee',
      );
      arena = { ...arena, fee: 0 };
    }
    return await play(
      { ...options, arena, registry },
      accounts,
      chain,
      endpoint,
      folder,
      root,
      began,
    );
  } finally {
    await api.disconnect();
    await own?.close();
    await registry?.close();
  }
}

async function play(
  options: DemoOptions & {
    arena: Arena;
    registry: Awaited<ReturnType<typeof serveEngineImages>> | null;
  },
  accounts: Accounts,
  chain: SubtensorChain,
  endpoint: string,
  folder: string,
  root: string,
  began: number,
): Promise<DemoReport> {
  const { log, arena, registry } = options;
  const { checkout } = newLedger(folder);
  const store = gitStore({ folder: checkout, remote: { name: 'origin', branch: 'main' } });
  const pair = devPair(accounts.validator.hotkey.uri);
  const signer = signerOf(pair);
  const own = new OwnLedger(store, signer);
  const operator: Operator = {
    validator: signer.address,
    commit: await codeCommit(root),
    node: process.version,
    host: { platform: process.platform, arch: process.arch },
    tier: 'devnet',
  };
  const tokenizer = loadTokenizer(arena.tokenizer, root);
  const corpus = openCorpus(arena.corpus, undefined, log);
  const engines: Engines = registry
    ? { kind: 'containers' }
    : {
        kind: 'processes',
        command: process.execPath,
        args: ['--disable-warning=ExperimentalWarning', join(root, 'src/cli/main.ts')],
      };
  const evidence = new Map<string, Uint8Array>();
  const measuring = await measuringPorts(arena, root, engines, {
    log,
    keep: (path, content) => evidence.set(path, packEvidence(content)),
  });
  const imageOf = ({ variant, image }: DemoMiner): DevnetImage =>
    registry ? registry.of(image ?? variant) : namedImage(variant);
  const field = DEMO_MINERS.slice(0, accounts.miners.length).map((contestant, i) => ({
    contestant,
    account: accounts.miners[i]!,
  }));
  const nameOf = (hotkey: string): string =>
    field.find(({ account }) => account.hotkey.address === hotkey)?.contestant.name ??
    hotkey.slice(0, 8);
  const pages: ReportRound[] = [];
  const rounds: DemoReport['rounds'] = [];
  let weights: readonly { uid: number; weight: number }[] = [];

  for (const round of [1, 2] as const) {
    const entering = field.filter(({ contestant }) => contestant.round === round);
    log.info(
      `\nround ${round}: ${entering.map(({ contestant }) => contestant.name).join(', ')} pay and commit`,
    );
    for (const { contestant, account } of entering)
      await submitImage(
        chain,
        arena,
        imageOf(contestant),
        { coldkey: account.coldkey.uri, hotkey: account.hotkey.uri },
        silentLog,
      );
    const draft = await scan({ chain, tokenizer, corpus, log }, arena, operator, await own.read());
    const { plan } = await publishPlan({ ledger: own, log }, draft);
    if (!plan) throw new Error('the demo found nothing to evaluate');
    evidence.clear();
    const known = knownBefore(plan, await own.read(), unpackText);
    for (const { index } of plan.predicate.shards)
      await evaluate({ ...measuring, corpus, known }, plan, index);
    const traces = tracesOf(evidence);
    const body = judgeRound(plan, traces, tokenizer);
    await publishRound({ ledger: own, log }, plan, body, evidence);
    const wallet = chain.transactor(pair);
    const ports = {
      chain,
      wallet,
      ledger: own,
      clock: monotonicClock,
      entropy: weightsEntropy,
      log,
    };
    let settled = await settleAndAnchor(ports, arena, operator, false);
    // One weight transaction an epoch: a real validator comes back later, the demo lets the blocks
    // pass.
    for (let tries = 0; settled.notBefore !== null && tries < 3; tries++) {
      log.info(`${settled.reason}: going on to block ${settled.notBefore}`);
      await advanceTo(chain.api, settled.notBefore);
      settled = await settleAndAnchor(ports, arena, operator, false);
    }
    weights = settled.readBack;
    const judged = recordsOf(await own.read(), 'round').at(-1)!;
    const page = reportRound(judged.predicate, nameOf);
    pages.push(page);
    rounds.push({
      block: page.block,
      winner: page.winner,
      runnerUp: page.runnerUp,
      entries: page.entries.map(({ key, miner, image, verdict, reason, score }) => ({
        key,
        miner,
        image,
        verdict,
        reason,
        score,
      })),
    });
    for (const line of roundTable(page)) log.info(line);
  }

  await measuring.close();
  log.info('\nauditing the ledger against the chain');
  const report = await audit(new Map([[signer.address, await store.read(signer.address)]]), {
    tokenizerOf: () => tokenizer,
    corpusOf: () => corpus,
    unpack: unpackTrace,
    unpackText,
    chain,
    log,
  });
  for (const fault of report.faults) log.warn(`${fault.code} ${fault.path}: ${fault.message}`);
  const who = (uid: number): string =>
    field.find(({ account }) => account.uid === uid)?.contestant.name ??
    (uid === arena.burnUid ? 'burn' : `uid ${uid}`);
  const site = join(folder, 'site');
  mkdirSync(site, { recursive: true });
  writeFileSync(
    join(site, 'index.html'),
    reportHtml({
      title: 'Cacheon demo',
      rounds: pages,
      weights: weights.map((item) => ({ ...item, who: who(item.uid) })),
      audit: { ok: report.ok, faults: report.faults.length },
    }),
  );
  const seconds = (monotonicClock.nowNs() - began) / 1e9;
  log.info(
    `weights read back from the chain: ${weights.map(({ uid, weight }) => `${who(uid)} (uid ${uid}) ${weight}`).join(', ')}`,
  );
  log.info(
    `audit: ${report.ok ? 'passed' : `${report.faults.length} faults`}, ${report.records} records, ${report.evaluations} evaluations judged again`,
  );
  log.info(
    `ledger: ${join(checkout, 'results')}\nreport: ${join(site, 'index.html')}\n${seconds.toFixed(1)} s`,
  );
  return {
    ok: report.ok,
    seconds: Number(seconds.toFixed(3)),
    rounds,
    weights: Object.fromEntries(weights.map(({ uid, weight }) => [String(uid), weight])),
    burnUid: arena.burnUid,
    audit: { ok: report.ok, faults: report.faults },
    results: join(checkout, 'results'),
    site,
    chain: endpoint,
  };
}

const placeOf = (key: string, round: ReportRound): string => {
  if (key === round.winner) return 'winner';
  return key === round.runnerUp ? 'runner-up' : '';
};

/** A round as a table for a terminal. */
function roundTable(round: ReportRound): string[] {
  const rows = round.entries.map((entry) => [
    entry.miner,
    entry.verdict,
    entry.score.toFixed(4),
    placeOf(entry.key, round),
    entry.reason,
  ]);
  const table = [['miner', 'verdict', 'score', 'place', 'reason'], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  return [
    `\nround at block ${round.block}`,
    ...table.map(
      (row) =>
        `  ${row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]!))).join('  ')}`,
    ),
  ];
}

/** Reads the JSON line that `subtensor/run.sh` prints. */
export function readAccounts(path: string): Accounts {
  const line = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .findLast((item) => item.startsWith('{'));
  return JSON.parse(line ?? '{}') as Accounts;
}
