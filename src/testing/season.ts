// Rounds of a competition that follow one another, with scripted miners: planned, judged, remembered.
import { armOrder } from '../arena/deal.ts';
import { historyOf, type History } from '../arena/history.ts';
import { renderPayload } from '../arena/payload.ts';
import type { Commitment } from '../arena/submissions.ts';
import { ROOT } from '../compose/repository.ts';
import { fromHex, utf8 } from '../core/bytes.ts';
import { sha256Hex } from '../core/hash.ts';
import { CONTROL, hasControl } from '../judge/role-control.ts';
import { type DrawnPlan, drawnPlan } from '../judge/drawn-plan.ts';
import { judgeRound } from '../judge/round.ts';
import type { Evidence } from '../ledger/io/evidence-files.ts';
import { nextBoot, sidesOf } from '../judge/shard.ts';
import type { AnyRecord, LedgerRecord } from '../ledger/verify.ts';
import { planContent } from '../pipeline/scan.ts';
import { generatedCorpus } from '../prompts/corpus.ts';
import { loadTokenizer } from '../prompts/io/tokenizer-file.ts';
import { bootSuite } from '../prompts/suites.ts';
import { type Arena, parseArena } from '../schema/arena.ts';
import { bodiesOf } from '../schema/boot-bodies.ts';
import { promptsPath, tracePath } from '../schema/paths.ts';
import type { RoundBody, RoundEntry } from '../schema/records.ts';
import { type TraceLine, traceOfLines } from '../schema/trace.ts';
import type { EventName } from '../schema/trace-events.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { address } from './arena-fixture.ts';
import { armLines, type Pace } from './trace-fixture.ts';

/** Which run of a miner's server in a season. */
export type Moment = {
  readonly round: number;
  readonly shard: number;
  readonly boot: number;
  readonly run: number;
};
/** What a server does: it answers at a pace, ends by an event, or takes the machine down. */
export type Deed = Pace | { readonly event: EventName } | 'breaks the host';
export type Miner = {
  readonly name: string;
  /** Round in whose plan it is first seen, and when it commits: before that plan's block. */
  readonly enters: number;
  readonly coldkey?: string;
  readonly image?: string;
  readonly digest?: string;
  readonly deed: (at: Moment) => Deed;
};

const BASELINE: Pace = { ttftMs: 100, tokenMs: 10 };
/** A pace that many times as fast as the baseline. */
export function times(factor: number): Pace {
  return { ttftMs: BASELINE.ttftMs / factor, tokenMs: BASELINE.tokenMs / factor };
}

/** How long a commitment stays sealed. */
const SEALED_BLOCKS = 50;
/** Blocks between two plans: more than 6 h. */
const ROUND_BLOCKS = 2000;
const file = JSON.parse(readFileSync(join(ROOT, 'src/devnet/arena.json'), 'utf8')) as object;

/** A season of rounds under one arena. */
export class Season {
  readonly arena: Arena;
  readonly records: AnyRecord[] = [];
  readonly #miners: readonly Miner[];
  readonly #tokenizer;
  readonly #corpus = generatedCorpus();
  #round = 0;

  constructor(miners: readonly Miner[], rules: object = {}) {
    const sizes = { maxTokens: 8, scoredPrompts: 2, laterPrompts: 2, warmupPrompts: 0 };
    this.arena = parseArena({ ...file, ...sizes, fee: 0, ...rules }, 'the season');
    this.#tokenizer = loadTokenizer(this.arena.tokenizer, ROOT);
    this.#miners = miners;
  }

  get history(): History {
    return historyOf({ records: this.records });
  }

  /** The key of a miner's submission. */
  key({ name, enters }: Pick<Miner, 'name' | 'enters'>): string {
    return `${address(name)}:${commitBlock(enters)}`;
  }

  /** Name of the miner that a key belongs to. */
  nameOf(key: string | undefined): string | null {
    return this.#miners.find((miner) => this.key(miner) === key)?.name ?? null;
  }

  /** Plays one round; `without`: hotkeys that are not registered now. */
  play(without: readonly string[] = []): {
    plan: LedgerRecord<'plan'>;
    drawn: DrawnPlan;
    body: RoundBody;
  } {
    this.#round++;
    const plan = this.#plan(without);
    this.records.push(plan);
    const seed = plan.predicate.block.hash;
    const drawn = drawnPlan(plan, seed);
    const body =
      plan.predicate.shards === 0
        ? emptyBody(plan)
        : judgeRound(drawn, this.#measure(drawn), this.#tokenizer);
    const { block } = plan.predicate;
    const predicate = {
      ...plan.predicate,
      ...body,
      plan: plan.sha256,
      seed,
      pulse: null,
      files: {},
    };
    const path = `rounds/${block.number}/round.json`;
    const round = { kind: 'round', path, sha256: sha256Hex(path), subject: [], predicate };
    if (plan.predicate.shards > 0) this.records.push(round as unknown as AnyRecord);
    return { plan, drawn, body };
  }

  /** Entry of a miner in a round's body. */
  entry(body: RoundBody, name: string): RoundEntry {
    return body.entries.find(({ key }) => this.nameOf(key) === name)!;
  }

  #plan(without: readonly string[]): LedgerRecord<'plan'> {
    const number = ROUND_BLOCKS * this.#round;
    const hash = `0x${sha256Hex(`block ${number}`)}`;
    const block = { number, hash };
    const present = this.#miners.filter(
      ({ enters, name }) => enters <= this.#round && !without.includes(name),
    );
    const neurons = present.map(({ name, coldkey }, i) => {
      const owner = address(`${coldkey ?? name} cold`);
      return { uid: i + 1, hotkey: address(name), coldkey: owner, registeredAt: 1 };
    });
    const commitments = present.map((miner): Commitment => {
      const { name, enters, image = 'ghcr.io/a/b', digest = `sha256:${sha256Hex(name)}` } = miner;
      const bytes = utf8(renderPayload({ image, digest, base: null, payment: null }));
      const committed = commitBlock(enters);
      const at = { commitBlock: committed, revealBlock: committed + SEALED_BLOCKS };
      return { hotkey: address(name), ...at, content: { kind: 'payload', bytes } };
    });
    const view = { block, neurons, commitments, payments: new Map() };
    const { arena } = this;
    const rules = { calibration: null, predecessor: null };
    const content = planContent(arena, view, this.history, rules);
    const predicate = {
      ...{ schema: 1, seq: 0, prev: null, validator: address('validator'), block, host: {} },
      ...{ tier: 'season', arena, corpus: 'generated' },
      tokenizerSha256: this.#tokenizer.id,
      calibration: null,
      ...content,
    };
    const path = `rounds/${number}/plan.json`;
    const plan = { kind: 'plan', path, sha256: sha256Hex(path), subject: [], predicate };
    return plan as unknown as LedgerRecord<'plan'>;
  }

  /** Traces of every shard, as far as its machine gets, by the rule that says who starts next. */
  #measure(drawn: DrawnPlan): Evidence {
    const evidence: Evidence = { traces: new Map(), bodies: new Map() };
    const { arena } = this;
    for (const { index: shard } of drawn.shards) {
      const { incumbents, challengers } = sidesOf(drawn, shard);
      const controls = hasControl(arena, shard, 1) ? [CONTROL] : [];
      const judging = { ...drawn, ...evidence, arena, tokenizer: this.#tokenizer };
      let names: readonly string[] | null = [...incumbents, ...challengers, ...controls];
      for (let boot = 1; names !== null; boot++) {
        if (!this.#boot(drawn, evidence, { shard, boot, names })) break;
        const next = nextBoot(judging, shard, boot);
        names = next && [next.holder, ...next.challengers];
      }
    }
    return evidence;
  }

  /** Traces of one boot; false where the machine broke off in it. */
  #boot(
    drawn: DrawnPlan,
    evidence: Evidence,
    { shard, boot, names }: { shard: number; boot: number; names: readonly string[] },
  ): boolean {
    const { plan, seed } = drawn;
    const sources = { corpus: this.#corpus, tokenizer: this.#tokenizer };
    const suite = bootSuite(this.arena, sources, seed, { shard, boot });
    evidence.bodies.set(promptsPath(shard, boot), bodiesOf(suite, this.arena));
    const order = armOrder(names, fromHex(seed)!, shard, boot);
    const first = boot === 1 ? ['baseline'] : [];
    for (const name of [...first, ...order]) {
      const at = { round: this.#round, shard, boot, run: 1 };
      const deed = this.#deed(name, at);
      if (deed === 'breaks the host') return false;
      this.#keep(drawn, evidence, name, at);
      if (
        isFault(deed) &&
        plan.predicate.submissions.some(({ key, role }) => key === name && role !== 'challenger')
      )
        this.#keep(drawn, evidence, name, { ...at, run: 2 });
    }
    if (boot === 1)
      this.#keep(drawn, evidence, 'baseline', { round: this.#round, shard, boot, run: 2 });
    return true;
  }

  #deed(name: string, at: Moment): Deed {
    const miner = this.#miners.find((item) => this.key(item) === name);
    return miner ? miner.deed(at) : BASELINE;
  }

  #keep({ plan, seed }: DrawnPlan, { traces }: Evidence, name: string, at: Moment): void {
    const { shard, boot, run } = at;
    const deed = this.#deed(name, at);
    if (deed === 'breaks the host') return;
    const own = name === 'baseline' || name === CONTROL;
    const role = own ? name : this.#roleOf(plan, name);
    const arm = { role, key: own ? null : name, image: 'made up' } as const;
    const maker = { arena: this.arena, tokenizer: this.#tokenizer };
    const sources = { corpus: this.#corpus, tokenizer: this.#tokenizer };
    const suite = 'event' in deed ? [] : bootSuite(this.arena, sources, seed, { shard, boot });
    const pace = 'event' in deed ? BASELINE : deed;
    const lines = armLines(maker, suite, { ...arm, seed, boot, run, shard }, pace);
    const events: TraceLine[] =
      'event' in deed ? [{ type: 'event', tNs: 1, name: deed.event, detail: 'scripted' }] : [];
    traces.set(tracePath(shard, boot, name, run), traceOfLines([...lines, ...events], name));
  }

  #roleOf({ predicate }: LedgerRecord<'plan'>, key: string): 'challenger' | 'incumbent' {
    const { role } = predicate.submissions.find((item) => item.key === key)!;
    return role === 'challenger' ? 'challenger' : 'incumbent';
  }
}

const isFault = (deed: Deed): boolean =>
  typeof deed === 'object' && ('event' in deed || deed.broken === true);

const commitBlock = (round: number): number => ROUND_BLOCKS * round - 100;

/** A round that measured nobody leaves the standing as it was. */
const emptyBody = ({ predicate }: LedgerRecord<'plan'>): RoundBody => ({
  shards: [],
  promptSuites: [],
  entries: [],
  decisions: [],
  control: null,
  standing: predicate.standing,
});
