// A validator's whole ledger of two rounds and their weights, made in memory from given traces.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Keyring } from '@polkadot/keyring';
import { armOrder } from '../arena/deal.ts';
import { historyOf } from '../arena/history.ts';
import type { BlockRef } from '../chain/chain.ts';
import { ROOT } from '../compose/repository.ts';
import { fromHex, utf8 } from '../core/bytes.ts';
import { sha256Hex } from '../core/hash.ts';
import { silentLog } from '../core/log.ts';
import type { Tokenizer } from '../core/tokenizer.ts';
import { CONTROL } from '../judge/role-control.ts';
import { type DrawnPlan, drawnPlan } from '../judge/drawn-plan.ts';
import { judgeRound } from '../judge/round.ts';
import { nextBoot, sidesOf } from '../judge/shard.ts';
import { imageSubjects } from '../ledger/draft.ts';
import { packEvidence, readEvidence } from '../ledger/io/evidence-files.ts';
import { signerOf } from '../ledger/io/signing-key.ts';
import { OwnLedger } from '../ledger/own-ledger.ts';
import { type LedgerFiles, recordsOf } from '../ledger/read.ts';
import type { Signer } from '../ledger/sign.ts';
import type { LedgerRecord } from '../ledger/verify.ts';
import { publishRound, signPlan } from '../pipeline/publish.ts';
import { planContent, type PlanDraft } from '../pipeline/scan.ts';
import { type WeightsBody, weightsFrom } from '../pipeline/settle/weight-row.ts';
import { intentDraft, outcomeDraft } from '../pipeline/settle/weights-records.ts';
import { type Corpus, generatedCorpus } from '../prompts/corpus.ts';
import { loadTokenizer } from '../prompts/io/tokenizer-file.ts';
import { bootSuite } from '../prompts/suites.ts';
import { type Arena, parseArena } from '../schema/arena.ts';
import { type BootBodies, bodiesOf, renderBodies } from '../schema/boot-bodies.ts';
import { pinnedImage } from '../schema/image-ref.ts';
import { promptsPath, tracePath } from '../schema/paths.ts';
import type { Prompt } from '../schema/prompt.ts';
import { because } from '../schema/reasons.ts';
import type { RoundBody } from '../schema/records.ts';
import { type Trace, type TraceLine, traceOfLines } from '../schema/trace.ts';
import { anchorPlan, drawFor } from './anchor-fixture.ts';
import { madeTransaction } from './made-transaction.ts';
import { memoryStore } from './memory-store.ts';
import { blockAt, blocksOf, type LedgerField, FIELD, serverPace, viewAt } from './contestants.ts';
import { lastNs } from '../pipeline/evaluate/boot-parts.ts';
import { armLines, type MadeArm } from './trace-fixture.ts';

/** The finished ledger, and what an audit of it needs. */
export type LedgerFixture = {
  readonly validator: string;
  readonly signer: Signer;
  readonly files: LedgerFiles;
  readonly arena: Arena;
  readonly tokenizer: Tokenizer;
  readonly corpus: Corpus;
};

/** Which run of which arm a trace is of. */
type ArmPlace = {
  readonly round: number;
  readonly boot: number;
  readonly name: string;
  readonly run: number;
};

/**
 * What a dishonest validator's own code does otherwise: everything after it follows from that, as
 * if it were true. Rounds are counted from 1.
 */
export type Forgery = {
  readonly plan?: (draft: PlanDraft, round: number) => PlanDraft;
  /** Null: the trace is left out. */
  readonly trace?: (place: ArmPlace, lines: readonly TraceLine[]) => readonly TraceLine[] | null;
  readonly body?: (body: RoundBody, round: number) => RoundBody;
};

/** Nanoseconds between two arms. */
const GAP_NS = 1e9;

/** Makes the ledger round by round, as a validator would. */
class FixtureValidator {
  readonly signer = signerOf(
    new Keyring({ type: 'sr25519', ss58Format: 42 }).createFromUri('//Validator//hot'),
  );
  readonly arena: Arena;
  readonly tokenizer: Tokenizer;
  readonly corpus = generatedCorpus();
  readonly store = memoryStore(this.signer.address);
  readonly #ledger = new OwnLedger(this.store, this.signer);
  readonly #forgery: Forgery;
  readonly #field: LedgerField;

  constructor(forgery: Forgery, field: LedgerField) {
    this.#forgery = forgery;
    this.#field = field;
    const file = JSON.parse(readFileSync(join(ROOT, 'src/devnet/arena.json'), 'utf8')) as object;
    const sizes = {
      maxTokens: 8,
      scoredPrompts: 3,
      laterPrompts: 3,
      warmupPrompts: 1,
      shardEntries: 16,
    };
    this.arena = parseArena({ ...file, ...sizes }, 'the fixture');
    this.tokenizer = loadTokenizer(this.arena.tokenizer, ROOT);
  }

  async play(round: number): Promise<void> {
    const { plan: block, weights } = blocksOf(round);
    const ports = { ledger: this.#ledger, log: silentLog };
    const { plan } = await signPlan(ports, await this.#plan(blockAt(block), round));
    await anchorPlan(this.#ledger, plan!);
    const draw = drawFor(await this.#ledger.read(), plan!);
    const drawn = drawnPlan(plan!, draw.seed);
    const evidence = this.#measure(drawn, round);
    const judged = judgeRound(drawn, readEvidence(evidence), this.tokenizer);
    const body = this.#forgery.body?.(judged, round) ?? judged;
    const { harness, validator, host } = plan!.predicate;
    const operator = { ...harness, validator, host, tier: 'fixture' };
    await publishRound({ ...ports, operator }, plan!, { body, draw, evidence });
    await this.#settle(plan!, blockAt(weights));
  }

  #context(block: BlockRef) {
    return {
      schema: 1 as const,
      network: {
        genesisHash: `0x${sha256Hex('chain')}`,
        netuid: this.arena.netuid,
        specName: 'node-subtensor',
        specVersion: 424,
      },
      validator: this.signer.address,
      block,
      harness: { tree: 'fixture', node: 'v24', rules: 1, run: null },
      host: {},
    };
  }

  async #plan(block: BlockRef, round: number): Promise<PlanDraft> {
    const { arena, corpus, tokenizer } = this;
    const content = planContent(
      arena,
      viewAt(block, this.#field),
      historyOf(await this.#ledger.read()),
      {
        calibration: null,
        predecessor: null,
      },
    );
    const own = [arena.images.baseline, arena.images.reference].map(pinnedImage);
    const measured = content.submissions.filter(({ status }) => status === 'evaluate');
    const draft: PlanDraft = {
      kind: 'plan',
      path: `rounds/${block.number}/plan.json`,
      subject: imageSubjects([...own, ...measured]),
      predicate: {
        ...this.#context(block),
        tier: 'fixture',
        arena,
        arenaSha256: sha256Hex('arena'),
        tokenizerSha256: tokenizer.id,
        corpus: corpus.id,
        calibration: null,
        ...content,
      },
    };
    return this.#forgery.plan?.(draft, round) ?? draft;
  }

  /** Traces of every arm that was to run, one after the other, in the order that the seed drew. */
  #measure(drawn: DrawnPlan, round: number): Map<string, Uint8Array> {
    const files = new Map<string, Uint8Array>();
    const evidence = { traces: new Map<string, Trace>(), bodies: new Map<string, BootBodies>() };
    const { arena, tokenizer } = this;
    const { incumbents, challengers } = sidesOf(drawn, 0);
    let originNs = 0;
    const keep = (place: ArmPlace, bodies: readonly Prompt[]): void => {
      const { name, boot, run } = place;
      const made = armLines(
        { arena, tokenizer },
        bodies,
        this.#armOf(drawn, place, originNs),
        serverPace(this.#field, name),
      );
      originNs += lastNs(made) + GAP_NS;
      const lines = this.#forgery.trace ? this.#forgery.trace(place, made) : made;
      if (!lines) return;
      const path = tracePath(0, boot, name, run);
      files.set(path, packEvidence(lines));
      evidence.traces.set(path, traceOfLines(lines, path));
    };
    const judging = { ...drawn, ...evidence, arena, tokenizer };
    let names: readonly string[] | null = [...incumbents, ...challengers, CONTROL];
    for (let boot = 1; names !== null; boot++) {
      const suite = bootSuite(arena, this, drawn.seed, { shard: 0, boot });
      const bodies = bodiesOf(suite, arena);
      files.set(promptsPath(0, boot), packEvidence(utf8(renderBodies(bodies))));
      evidence.bodies.set(promptsPath(0, boot), bodies);
      const order = armOrder(names, fromHex(drawn.seed)!, 0, boot);
      for (const name of boot === 1 ? ['baseline', ...order] : order)
        keep({ round, boot, name, run: 1 }, suite);
      if (boot === 1) keep({ round, boot, name: 'baseline', run: 2 }, suite);
      const next = nextBoot(judging, 0, boot);
      names = next && [next.holder, ...next.challengers];
    }
    return files;
  }

  #armOf({ plan, seed }: DrawnPlan, { name, boot, run }: ArmPlace, originNs: number): MadeArm {
    const own = name === 'baseline' || name === CONTROL;
    const line = plan.predicate.submissions.find(({ key }) => key === name);
    const role = line?.role === 'challenger' ? 'challenger' : 'incumbent';
    const { image, digest } = line ?? pinnedImage(this.arena.images.baseline);
    return {
      ...{ role: own ? name : role, key: own ? null : name, image: `${image}@${digest}` },
      ...{ seed, boot, run, originNs },
    };
  }

  /** Weights as they follow from the round, set in the next block. */
  async #settle(plan: LedgerRecord<'plan'>, block: BlockRef): Promise<void> {
    const round = recordsOf(await this.#ledger.read(), 'round').at(-1)!;
    const { standing } = round.predicate;
    const { neurons } = viewAt(plan.predicate.block, this.#field);
    const holders = [standing.winner, standing.runnerUp].flatMap((place) =>
      place
        ? [
            {
              hotkey: place.hotkey,
              uid: neurons.find(({ hotkey }) => hotkey === place.hotkey)!.uid,
            },
          ]
        : [],
    );
    const body: WeightsBody = {
      round: round.sha256,
      holders,
      emission: { burnUid: this.arena.burnUid, ...this.arena.emission },
      ...weightsFrom(standing, holders, this.arena),
    };
    const intent = intentDraft({
      context: this.#context(block),
      body,
      versionKey: 0,
      method: 'plain',
      commit: null,
      transaction: madeTransaction(this.signer.address, this.arena.netuid, {
        row: body.weights,
        block: block.number,
      }),
    });
    const after = await this.#ledger.append('Intend', () => ({ drafts: [intent] }));
    const signed = recordsOf(after, 'weights-intent').at(-1)!;
    const outcome = outcomeDraft(signed, {
      commit: null,
      extrinsicHash: signed.predicate.transaction.hash,
      includedIn: blockAt(block.number + 1),
      readBack: body.weights,
      status: 'set',
      ...because('read-back', 'read back from the chain'),
    });
    await this.#ledger.append('Record', () => ({ drafts: [outcome] }));
  }
}

/** A ledger of two rounds: `fast` is crowned, then `faster`; `cheat` fails the gate. */
export async function ledgerFixture(
  forgery: Forgery = {},
  field: LedgerField = FIELD,
): Promise<LedgerFixture> {
  const validator = new FixtureValidator(forgery, field);
  for (let round = 1; round <= field.rounds; round++) await validator.play(round);
  const { signer, arena, tokenizer, corpus, store } = validator;
  return { validator: signer.address, signer, files: store.files(), arena, tokenizer, corpus };
}
