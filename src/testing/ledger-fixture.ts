// A validator's whole ledger of two rounds and their weights, made in memory from given traces.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Keyring } from '@polkadot/keyring';
import { historyOf } from '../arena/history.ts';
import { renderPayload } from '../arena/payload.ts';
import type { Commitment } from '../arena/submissions.ts';
import type { BlockRef } from '../chain/chain.ts';
import { compact, u16le, u64le, vecU16 } from '../chain/scale.ts';
import { ROOT } from '../compose/repository.ts';
import { concatBytes, toHex, utf8 } from '../core/bytes.ts';
import { blake2b256, sha256, sha256Hex } from '../core/hash.ts';
import { silentLog } from '../core/log.ts';
import { decodeSs58, encodeSs58 } from '../core/ss58.ts';
import type { Tokenizer } from '../core/tokenizer.ts';
import { CONTROL } from '../judge/role-control.ts';
import { type DrawnPlan, drawnPlan } from '../judge/drawn-plan.ts';
import { judgeRound } from '../judge/round.ts';
import { sidesOf } from '../judge/shard.ts';
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
import { bodiesOf, renderBodies } from '../schema/boot-bodies.ts';
import { promptsPath, tracePath } from '../schema/paths.ts';
import { because } from '../schema/reasons.ts';
import { anchorPlan, drawFor } from './anchor-fixture.ts';
import { memoryStore } from './memory-store.ts';
import { armLines, type Pace } from './trace-fixture.ts';

const BASELINE: Pace = { ttftMs: 100, tokenMs: 10 };
/** Who enters in which round, and how its server answers. */
const CONTESTANTS = [
  { name: 'fast', round: 1, pace: { ttftMs: 50, tokenMs: 5 } },
  { name: 'slow', round: 1, pace: { ttftMs: 110, tokenMs: 11 } },
  { name: 'cheat', round: 1, pace: { ttftMs: 20, tokenMs: 2, marginNats: 5 } },
  { name: 'faster', round: 2, pace: { ttftMs: 25, tokenMs: 2.5 } },
] as const satisfies readonly { name: string; round: number; pace: Pace }[];
type Contestant = (typeof CONTESTANTS)[number];

/** Blocks of the plans, and of the weights that follow. */
const BLOCKS = [
  { plan: 100, weights: 110 },
  { plan: 300, weights: 310 },
] as const;

const blockAt = (number: number): BlockRef => ({
  number,
  hash: `0x${sha256Hex(`block ${number}`)}`,
});
const hotkeyOf = ({ name }: Contestant): string => encodeSs58(sha256(name));
const commitBlockOf = ({ round }: Contestant): number => BLOCKS[round - 1]!.plan - 10;
/** The submission's key of a contestant. */
export function keyOf(name: Contestant['name']): string {
  const contestant = CONTESTANTS.find((item) => item.name === name)!;
  return `${hotkeyOf(contestant)}:${commitBlockOf(contestant)}`;
}

/** The finished ledger, and what an audit of it needs. */
export type LedgerFixture = {
  readonly validator: string;
  readonly signer: Signer;
  readonly files: LedgerFiles;
  readonly arena: Arena;
  readonly tokenizer: Tokenizer;
  readonly corpus: Corpus;
};

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

  constructor() {
    const file = JSON.parse(readFileSync(join(ROOT, 'src/devnet/arena.json'), 'utf8')) as object;
    const sizes = { maxTokens: 8, scoredPrompts: 3, laterPrompts: 3, warmupPrompts: 1 };
    this.arena = parseArena({ ...file, ...sizes }, 'the fixture');
    this.tokenizer = loadTokenizer(this.arena.tokenizer, ROOT);
  }

  async play(round: number): Promise<void> {
    const { plan: block, weights } = BLOCKS[round - 1]!;
    const ports = { ledger: this.#ledger, log: silentLog };
    const { plan } = await signPlan(ports, await this.#plan(blockAt(block)));
    await anchorPlan(this.#ledger, plan!);
    const draw = drawFor(await this.#ledger.read(), plan!);
    const drawn = drawnPlan(plan!, draw.seed);
    const evidence = this.#evidence(drawn);
    const body = judgeRound(drawn, readEvidence(evidence), this.tokenizer);
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

  /** What the chain shows at a block: everyone who has committed by then, and paid. */
  #view(block: BlockRef) {
    const present = CONTESTANTS.filter((item) => commitBlockOf(item) <= block.number);
    const neurons = present.map((item, i) => {
      const hotkey = hotkeyOf(item);
      return { uid: i + 1, hotkey, coldkey: hotkey, registeredAt: 1 };
    });
    const commitments = present.map((item): Commitment => {
      const payment = { tx: `0x${sha256Hex(`pay ${item.name}`)}`, block: 1, salt: 'salt' };
      const ref = {
        image: `127.0.0.1:5000/${item.name}`,
        digest: `sha256:${sha256Hex(item.name)}`,
      };
      return {
        hotkey: hotkeyOf(item),
        commitBlock: commitBlockOf(item),
        revealBlock: null,
        content: { kind: 'payload', bytes: utf8(renderPayload({ ...ref, base: null, payment })) },
      };
    });
    const payments = new Map(present.map(({ name }) => [keyOf(name), { state: 'paid' as const }]));
    return { block, neurons, commitments, payments };
  }

  async #plan(block: BlockRef): Promise<PlanDraft> {
    const { arena, corpus, tokenizer } = this;
    const content = planContent(arena, this.#view(block), historyOf(await this.#ledger.read()), {
      calibration: null,
      predecessor: null,
    });
    return {
      kind: 'plan',
      path: `rounds/${block.number}/plan.json`,
      subject: imageSubjects(content.submissions),
      predicate: {
        ...this.#context(block),
        tier: 'fixture',
        arena,
        tokenizerSha256: tokenizer.id,
        corpus: corpus.id,
        calibration: null,
        ...content,
      },
    };
  }

  /** Traces of every boot; more of them than the judge asks for. */
  #evidence(drawn: DrawnPlan): Map<string, Uint8Array> {
    const files = new Map<string, Uint8Array>();
    const { arena, corpus, tokenizer } = this;
    const { seed } = drawn;
    const { incumbents, challengers } = sidesOf(drawn, 0);
    const keep = (name: string, boot: number, run: number, pace: Pace): void => {
      const suite = bootSuite(arena, { corpus, tokenizer }, seed, { shard: 0, boot });
      const bodies = utf8(renderBodies(bodiesOf(suite, arena)));
      files.set(promptsPath(0, boot), packEvidence(bodies));
      const own = name === 'baseline' || name === CONTROL;
      const miners = challengers.includes(name) ? 'challenger' : 'incumbent';
      const arm = { role: own ? name : miners, key: own ? null : name, image: 'made up' } as const;
      const lines = armLines({ arena, tokenizer }, suite, { ...arm, seed, boot, run }, pace);
      files.set(tracePath(0, boot, name, run), packEvidence(lines));
    };
    keep(CONTROL, 1, 1, BASELINE);
    for (const boot of [1, 2]) {
      for (const run of [1, 2]) keep('baseline', boot, run, BASELINE);
      for (const key of [...incumbents, ...challengers])
        keep(key, boot, 1, CONTESTANTS.find(({ name }) => keyOf(name) === key)!.pace);
    }
    return files;
  }

  /** Weights as they follow from the round, set in the next block. */
  async #settle(plan: LedgerRecord<'plan'>, block: BlockRef): Promise<void> {
    const round = recordsOf(await this.#ledger.read(), 'round').at(-1)!;
    const { standing } = round.predicate;
    const { neurons } = this.#view(plan.predicate.block);
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
      transaction: this.#transaction(body, block.number),
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

  /** Bytes of the form that a signed transaction has; the chain alone would check the signature. */
  #transaction({ weights }: WeightsBody, block: number) {
    const key = decodeSs58(this.signer.address)!;
    const body = concatBytes(
      ...[Uint8Array.of(0x84, 0), key, new Uint8Array(65), Uint8Array.of(7, 0)],
      u16le(this.arena.netuid),
      vecU16(weights.map(({ uid }) => uid)),
      vecU16(weights.map(({ weight }) => weight)),
      u64le(0),
    );
    const bytes = concatBytes(compact(body.length), body);
    return {
      extrinsic: `0x${toHex(bytes)}`,
      hash: `0x${toHex(blake2b256(bytes))}`,
      signer: this.signer.address,
      nonce: 0,
      firstBlock: block,
      lastBlock: block + 31,
    };
  }
}

/** A ledger of two rounds: `fast` is crowned, then `faster`; `cheat` fails the gate. */
export async function ledgerFixture(): Promise<LedgerFixture> {
  const validator = new FixtureValidator();
  for (const round of [1, 2]) await validator.play(round);
  const { signer, arena, tokenizer, corpus, store } = validator;
  return { validator: signer.address, signer, files: store.files(), arena, tokenizer, corpus };
}
