// The rounds of the demo: every stage, as the actions run them, on one machine.
import { join } from 'node:path';
import { knownBefore } from '../../arena/known-images.ts';
import type { WeightRow } from '../../chain/chain.ts';
import { ChainError } from '../../chain/errors.ts';
import type { SubtensorChain } from '../../chain/io/subtensor.ts';
import { type Engines, measuringPorts, type MeasuringPorts } from '../../compose/measuring-host.ts';
import { operatorHere } from '../../compose/operator.ts';
import { compactJson } from '../../core/canonical.ts';
import { sha256Hex } from '../../core/hash.ts';
import { knownArenas } from '../../compose/repository.ts';
import { scanPorts } from '../../compose/scanning.ts';
import { ledgerOf, settlePorts } from '../../compose/settling.ts';
import { type Log, silentLog } from '../../core/log.ts';
import { type DrawnPlan, drawnPlan } from '../../judge/drawn-plan.ts';
import { judgeRound } from '../../judge/round.ts';
import { packEvidence, readEvidence, unpackText } from '../../ledger/io/evidence-files.ts';
import { gitStore } from '../../ledger/io/git-store.ts';
import { recordsOf } from '../../ledger/read.ts';
import type { LedgerRecord } from '../../ledger/verify.ts';
import { audit, type AuditReport } from '../../pipeline/audit/audit.ts';
import { monotonicClock } from '../../node/monotonic-clock.ts';
import type { AnchorPorts } from '../../pipeline/anchor/anchor.ts';
import type { Operator } from '../../pipeline/context.ts';
import { drawSeed } from '../../pipeline/draw/draw.ts';
import { BLOCKS_AFTER } from '../../pipeline/draw/verify-draw.ts';
import { evaluate } from '../../pipeline/evaluate/evaluate.ts';
import { publishPlan, publishRound } from '../../pipeline/publish.ts';
import { type PlanDraft, scan, type ScanPorts } from '../../pipeline/scan.ts';
import { settleAndAnchor } from '../../pipeline/settle/settle-and-anchor.ts';
import type { Arena } from '../../schema/arena.ts';
import type { Draw } from '../../schema/artifacts.ts';
import { reportRound, type ReportRound } from '../../site/round-rows.ts';
import { advanceTo } from '../chain/control.ts';
import { type DevnetImage, namedImage } from '../engine-names.ts';
import type { EngineRegistry } from '../registry/engine-images.ts';
import type { Accounts } from './accounts.ts';
import { DEMO_MINERS, type DemoMiner, devPair, submitImage } from './miners.ts';

/** How often settling may come too early before the demo gives up. */
const SETTLE_TRIES = 3;

/** Blocks between two commitments of a hotkey on older runtimes. */
const RATE_LIMIT_BLOCKS = 101;

/** Where the demo is played. */
export type Ground = {
  readonly root: string;
  readonly arena: Arena;
  /** Folder of the arena file, with its calibrations. */
  readonly folder: string;
  readonly accounts: Accounts;
  readonly chain: SubtensorChain;
  /** Registry with the miners' images; null where engines run as local processes. */
  readonly registry: EngineRegistry | null;
  /** Checkout of the ledger. */
  readonly checkout: string;
  readonly log: Log;
};

type Field = readonly {
  readonly contestant: DemoMiner;
  readonly account: Accounts['miners'][number];
}[];

/** Miners' engines: images in containers, or this code as processes. */
function enginesOf({ registry, root }: Ground): Engines {
  if (registry) return { kind: 'containers' };
  const main = join(root, 'src/cli/main.ts');
  const args = ['--disable-warning=ExperimentalWarning', main];
  return { kind: 'processes', command: process.execPath, args };
}

/** A round on its page, and the weights that the chain shows after it. */
type PlayedRound = { readonly page: ReportRound; readonly weights: WeightRow };

/** The demo's validator: it plays rounds, settles them and audits its own ledger. */
export class DemoRounds {
  readonly #ground: Ground;
  readonly #field: Field;
  readonly #pair;
  readonly #store;
  readonly #own;
  readonly #scan: ScanPorts;
  readonly #operator: Operator;
  readonly #evidence = new Map<string, Uint8Array>();

  readonly #measuring: MeasuringPorts;

  private constructor(ground: Ground, operator: Operator, measuring: MeasuringPorts) {
    const { accounts, checkout, chain, arena, root, log } = ground;
    this.#ground = ground;
    this.#operator = operator;
    this.#measuring = {
      ...measuring,
      keep: (path, content) => this.#evidence.set(path, packEvidence(content)),
    };
    this.#pair = devPair(accounts.validator.hotkey.uri);
    this.#store = gitStore({ folder: checkout, remote: 'origin' });
    this.#own = ledgerOf(this.#pair, this.#store);
    // The demo's arena is its file with a beacon and a fee of its own.
    const arenaSha256 = sha256Hex(compactJson(arena));
    const sources = { arena, arenaSha256, root, folder: ground.folder, corpus: undefined };
    this.#scan = scanPorts(chain, sources, log);
    this.#field = DEMO_MINERS.slice(0, accounts.miners.length).map((contestant, i) => ({
      contestant,
      account: accounts.miners[i]!,
    }));
  }

  /** Makes this machine ready for measuring. The caller closes. */
  static async open(ground: Ground): Promise<DemoRounds> {
    const { root, arena, log } = ground;
    const operator = await operatorHere(root, {
      validator: ground.accounts.validator.hotkey.address,
      tier: 'devnet',
      host: { platform: process.platform, arch: process.arch },
    });
    const keep = (): void => undefined;
    const measuring = await measuringPorts(arena, root, enginesOf(ground), { log, keep });
    return new DemoRounds(ground, operator, measuring);
  }

  close(): Promise<void> {
    return this.#measuring.close();
  }

  /** Who holds a uid. */
  readonly who = (uid: number): string => {
    if (uid === this.#ground.arena.burnUid) return 'burn';
    const found = this.#field.find(({ account }) => account.uid === uid);
    return found?.contestant.name ?? `uid ${uid}`;
  };

  /** Plays one round from payments to weights. */
  async play(round: number): Promise<PlayedRound> {
    await this.#enter(round);
    const { chain, arena, log } = this.#ground;
    const draft = await scan(this.#scan, arena, this.#operator, await this.#own.read());
    const ports = settlePorts(chain, this.#pair, this.#own, log);
    const { plan, anchor } = await this.#publish(ports, draft);
    if (!plan || !anchor) throw new Error('the demo found nothing to evaluate');
    const draw = await this.#draw(plan, anchor.predicate.anchor.block.number);
    const drawn = drawnPlan(plan, draw.seed);
    await this.#measure(drawn);
    const evidence = this.#evidence;
    const body = judgeRound(drawn, readEvidence(evidence), this.#scan.tokenizer);
    const ending = { ledger: this.#own, log, operator: this.#operator };
    await publishRound(ending, plan, { body, draw, evidence });
    const settle = () => settleAndAnchor(ports, arena, this.#operator, false);
    let settled = await settle();
    // One weight transaction an epoch: a real validator comes back later, the demo lets the blocks
    // pass.
    for (let tries = 0; settled.notBefore !== null && tries < SETTLE_TRIES; tries++) {
      log.info(`${settled.reason}: going on to block ${settled.notBefore}`);
      await advanceTo(chain.api, settled.notBefore);
      settled = await settle();
    }
    const judged = recordsOf(await this.#own.read(), 'round').at(-1)!;
    const page = reportRound(judged.predicate, (hotkey) => this.#nameOf(hotkey));
    return { page, weights: settled.readBack };
  }

  /** Signs and anchors a plan; where that is too early for the chain it lets blocks pass. */
  async #publish(ports: AnchorPorts, draft: PlanDraft): ReturnType<typeof publishPlan> {
    const { chain, arena, log } = this.#ground;
    const publish = () => publishPlan(ports, arena, this.#operator, draft);
    try {
      return await publish();
    } catch (error) {
      if (!(error instanceof ChainError) || error.code !== 'TOO_MANY_ANCHORS') throw error;
      const { number } = await chain.finalizedHead();
      log.info(`${error.message}: going on to block ${number + RATE_LIMIT_BLOCKS}`);
      await advanceTo(chain.api, number + RATE_LIMIT_BLOCKS);
      return publish();
    }
  }

  /** Draws the seed; a chain without pulses builds the block that decides it. */
  async #draw(plan: LedgerRecord<'plan'>, anchorBlock: number): Promise<Draw> {
    const { chain, arena, log } = this.#ground;
    const { beacon } = arena;
    if (beacon === 'block') await advanceTo(chain.api, anchorBlock + BLOCKS_AFTER);
    return drawSeed({ chain, clock: monotonicClock, log }, await this.#own.read(), plan);
  }

  /** Audits the ledger against the chain. */
  async audit(): Promise<AuditReport> {
    const { chain, log } = this.#ground;
    log.info('\nauditing the ledger against the chain');
    const { validator } = this.#own;
    const report = await audit(new Map([[validator, await this.#store.read(validator)]]), {
      tokenizerOf: () => this.#scan.tokenizer,
      corpusOf: () => this.#scan.corpus,
      arenas: knownArenas(this.#ground.root),
      localArena: this.#ground.arena,
      readEvidence,
      unpackText,
      chain,
      log,
    });
    for (const fault of report.faults) log.warn(`${fault.code} ${fault.path}: ${fault.message}`);
    for (const { path, why } of report.unchecked) log.warn(`not checked: ${path}: ${why}`);
    return report;
  }

  #nameOf(hotkey: string): string {
    const found = this.#field.find(({ account }) => account.hotkey.address === hotkey);
    return found?.contestant.name ?? hotkey.slice(0, 8);
  }

  /** The round's miners pay and commit. */
  async #enter(round: number): Promise<void> {
    const { chain, arena, log } = this.#ground;
    const entering = this.#field.filter(({ contestant }) => contestant.round === round);
    const names = entering.map(({ contestant }) => contestant.name).join(', ');
    log.info(`\nround ${round}: ${names} pay and commit`);
    for (const { contestant, account } of entering) {
      const uris = { coldkey: account.coldkey.uri, hotkey: account.hotkey.uri };
      await submitImage({ chain, arena, log: silentLog }, this.#imageOf(contestant), uris);
    }
  }

  #imageOf({ variant, image }: DemoMiner): DevnetImage {
    const { registry } = this.#ground;
    return registry ? registry.of(image ?? variant) : namedImage(variant);
  }

  /** Measures every shard of a plan; traces go to the evidence. */
  async #measure(drawn: DrawnPlan): Promise<void> {
    this.#evidence.clear();
    const known = knownBefore(drawn.plan, await this.#own.read(), unpackText);
    const { corpus } = this.#scan;
    for (const { index } of drawn.shards)
      await evaluate({ ...this.#measuring, corpus, known }, drawn, index);
  }
}
