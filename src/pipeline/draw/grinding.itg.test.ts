// A validator that wants another seed than the one it gets: every way that was found is named.
import { afterEach, describe, expect, it } from 'vitest';
import { SubtensorChain } from '../../chain/io/subtensor.ts';
import { concatBytes, toHex, utf8 } from '../../core/bytes.ts';
import { blake2b256 } from '../../core/hash.ts';
import { decodeSs58 } from '../../core/ss58.ts';
import { signedFiles } from '../../ledger/append.ts';
import type { Draft } from '../../ledger/draft.ts';
import { readLedger, recordsOf } from '../../ledger/read.ts';
import type { LedgerRecord } from '../../ledger/verify.ts';
import { type MemoryStore, memoryStore } from '../../testing/memory-store.ts';
import { dyingAt, type ValidatorBench, validatorBench } from '../../testing/validator-bench.ts';
import { anchor } from '../anchor/anchor.ts';
import { anchorText } from '../anchor/anchor-text.ts';
import { notAfterOf } from '../plan-life.ts';
import { publishPlan, publishVoid } from '../publish.ts';
import { settleAndAnchor } from '../settle/settle-and-anchor.ts';
import { drawSeed } from './draw.ts';

const open: ValidatorBench[] = [];
afterEach(async () => {
  for (const opened of open.splice(0)) await opened.close();
});
async function bench(options: Parameters<typeof validatorBench>[0] = {}) {
  const opened = await validatorBench(options);
  open.push(opened);
  return opened;
}

type Plan = LedgerRecord<'plan'>;
const textOf = ({ predicate, sha256 }: Plan): string => anchorText({ seq: predicate.seq, sha256 });
const contextOf = ({ predicate }: Plan) => {
  const { schema, network, validator, block, harness, host } = predicate;
  return { schema, network, validator, block, harness, host };
};

/** Signs whatever it is given, as a validator's own changed code would. */
function sign({ pair, store, signer }: ValidatorBench, drafts: Draft[], on: MemoryStore = store) {
  const now = readLedger(pair.address, on.files(), { overdueIsFault: false });
  on.write(new Map([...on.files(), ...signedFiles(now, { drafts }, signer)]));
  return readLedger(pair.address, on.files(), { overdueIsFault: false });
}

/** An anchor as its validator likes to tell it: by the transaction that it points to. */
async function anchorDraft(
  { chain }: ValidatorBench,
  plan: Plan,
  extrinsic: string,
  path: string | null = null,
): Promise<Draft<'anchor'>> {
  const { number: head } = await chain.finalizedHead();
  for (let number = head; number > 0; number--) {
    const body = (await chain.extrinsics(number))!;
    const index = body.extrinsics.indexOf(extrinsic);
    if (index < 0) continue;
    const bytes = Buffer.from(extrinsic.slice(2), 'hex');
    const own = path === null;
    return {
      kind: 'anchor',
      path: path ?? plan.path.replace('plan.json', 'anchor.json'),
      subject: [{ name: 'record', digest: { sha256: plan.sha256 } }],
      predicate: {
        ...contextOf(plan),
        ...{ plan: own ? plan.sha256 : null, notAfter: own ? notAfterOf(number, plan) : null },
        anchor: {
          record: { seq: plan.predicate.seq, sha256: plan.sha256 },
          block: { ...body.block, timestampMs: await chain.timestampMs(body.block) },
          extrinsic: { index, hash: `0x${toHex(blake2b256(bytes))}`, bytes: extrinsic },
        },
      },
    };
  }
  throw new Error('no block holds the transaction');
}

const voidOf = (plan: Plan, reason: string): Draft<'void'> => ({
  kind: 'void',
  path: plan.path.replace('plan.json', 'void.json'),
  subject: plan.subject,
  predicate: { ...contextOf(plan), plan: plan.sha256, reason, seed: null, pulse: null, files: {} },
});
const starting = (...texts: string[]) =>
  texts.map((text): unknown => expect.stringMatching(new RegExp(`^${text}`)));

describe('a validator that wants another seed', () => {
  it('signs no second plan beside an anchored one with the code as it is', async () => {
    const { pair, publish } = await bench();
    await publish();
    const second = memoryStore(pair.address);
    await expect(publish(second)).rejects.toMatchObject({ code: 'LEDGER_BEHIND' });
    expect(second.files().size).toBe(0);
  });
  it('S08 is found where it anchored two plans of one block, and published one', async () => {
    const tried = await bench();
    const { pair, chain, wallet, arena, portsOn, draft } = tried;
    const made = await draft();
    const ports = portsOn();
    await publishPlan({ ...ports, chain, wallet }, arena, ports.operator, made);
    const second = memoryStore(pair.address);
    const other = { ...made, predicate: { ...made.predicate, tier: 'another' } };
    const plan = recordsOf(sign(tried, [other], second), 'plan')[0]!;
    sign(tried, [await anchorDraft(tried, plan, await tried.commit(textOf(plan)))], second);
    expect(await tried.faults(second)).toEqual(
      starting('OMISSION .* before it the chain held an anchor of record 0 of block'),
    );
  });
  it('is found with two plans open at once, of which it voids the worse one', async () => {
    const tried = await bench();
    const { plan: first } = await tried.publish();
    tried.server.node.build();
    const later = await tried.draft();
    const second = recordsOf(sign(tried, [later]), 'plan')[1]!;
    sign(tried, [await anchorDraft(tried, second, await tried.commit(textOf(second)))]);
    sign(tried, [voidOf(first!, 'the evaluation left no trace')]);
    expect(await tried.faults()).toEqual(
      starting('EQUIVOCATION rounds/\\d+/plan.json .*two plans were open at once'),
    );
  });
  it('is found where it records an anchor only after it voided the plan', async () => {
    const tried = await bench();
    await expect(tried.publish(dyingAt(tried.store, 'Anchor'))).rejects.toThrow('killed');
    const { records } = await tried.portsOn().ledger.read();
    const first = recordsOf({ records }, 'plan')[0]!;
    const [sent] = tried.server.node.blocks.flatMap(({ extrinsics }) => extrinsics.slice(1));
    sign(tried, [voidOf(first, 'not anchored in time')]);
    sign(tried, [await anchorDraft(tried, first, sent!)]);
    expect(await tried.faults()).toEqual(
      starting('TIME rounds/\\d+/anchor.json it is on record only after rounds/\\d+/void.json'),
    );
  });
  it('is found where it anchors one plan again, and calls the earlier anchors those of weights', async () => {
    const tried = await bench();
    const plan = recordsOf(sign(tried, [await tried.draft()]), 'plan')[0]!;
    const first = await tried.commit(textOf(plan));
    sign(tried, [await anchorDraft(tried, plan, first, 'weights/3.anchor.json')]);
    await anchor(tried.portsOn(), tried.arena, tried.operator(), { of: plan, record: plan }).catch(
      () => undefined,
    );
    sign(tried, [await anchorDraft(tried, plan, await tried.commit(textOf(plan)))]);
    const faults = await tried.faults();
    expect(faults).toEqual(
      expect.arrayContaining(
        starting(
          'WRONG_CONTEXT weights/3.anchor.json it belongs to no plan and to no weights',
          'EQUIVOCATION weights/3.anchor.json it anchors a plan',
        ),
      ),
    );
  });
  it('is found where the anchor is a stranger’s remark that names many plans', async () => {
    const tried = await bench();
    const plan = recordsOf(sign(tried, [await tried.draft()]), 'plan')[0]!;
    const text = concatBytes(decodeSs58(tried.pair.address)!, utf8(textOf(plan)));
    const remark = tried.chain.api.tx['system']['remark'](`0x${toHex(text)}`);
    const sent = (await remark.signAsync(tried.stranger)).toHex();
    await tried.chain.submit(sent);
    tried.server.node.build();
    sign(tried, [await anchorDraft(tried, plan, sent)]);
    const faults = await tried.faults();
    expect(faults).toEqual(
      starting(
        'WRONG_CONTEXT rounds/\\d+/anchor.json its transaction anchors something else',
        'OMISSION rounds/\\d+/anchor.json the commitment of the hotkey at block \\d+ is not this',
      ),
    );
  });
  it('is found where it overwrote its first anchor, and anchored again', async () => {
    const tried = await bench();
    const plan = recordsOf(sign(tried, [await tried.draft()]), 'plan')[0]!;
    await tried.commit(textOf(plan));
    await tried.commit('something else');
    sign(tried, [await anchorDraft(tried, plan, await tried.commit(textOf(plan)))]);
    expect(await tried.faults()).toEqual(
      starting('OMISSION rounds/\\d+/anchor.json before it the chain held another commitment'),
    );
  });
});

describe('a run that was cut off after it sent an anchor', () => {
  it('leaves it to the next run, which records it before it voids the plan of other code', async () => {
    const { server, store, publish, faults, portsOn } = await bench();
    await expect(publish(dyingAt(store, 'Anchor'))).rejects.toThrow('killed');
    server.node.build();
    // Its draft was made before the anchor was found: the plan has a predecessor now.
    await expect(publish(store, { tree: 'two' })).rejects.toMatchObject({ code: 'STALE' });
    const again = await publish(store, { tree: 'two' });
    const first = recordsOf(await portsOn().ledger.read(), 'plan')[0]!;
    expect(again.plan!.predicate.follows).toBe(first.sha256);
    expect(await faults()).toEqual([]);
  });
  it('is finished by a plan where weights were anchored, and by weights where a plan was', async () => {
    const { server, chain, store, arena, operator, portsOn, publish, faults } = await bench();
    const settle = (on: MemoryStore, blind?: SubtensorChain) =>
      settleAndAnchor({ ...portsOn(on), ...(blind && { chain: blind }) }, arena, operator(), false);
    await expect(settle(dyingAt(store, 'Anchor'))).rejects.toThrow('killed');
    server.node.build();
    await expect(publish(dyingAt(store, 'Anchor record 3'))).rejects.toThrow('killed');
    server.node.build();
    await settle(store);
    expect((await publish()).outcome).toBe('resumed');
    const anchors = recordsOf(await portsOn().ledger.read(), 'anchor');
    expect(anchors.map(({ predicate }) => predicate.plan !== null)).toEqual([false, true]);
    expect(await chain.commitment(operator().validator, 2)).toMatchObject({
      standing: { block: anchors[1]!.predicate.anchor.block.number },
    });
    expect(await faults()).toEqual([]);
  });
});

describe('a miner', () => {
  it('cannot put a failed transaction with the same text in the place of an anchor', async () => {
    const { server, chain, pair, stranger, arena, portsOn, draft, faults } = await bench();
    const front = new SubtensorChain(chain.api);
    front.submit = async (hex: string) => {
      const plan = recordsOf(await portsOn().ledger.read(), 'plan').at(-1)!;
      const { system, utility, balances } = chain.api.tx;
      const text = toHex(concatBytes(decodeSs58(pair.address)!, utf8(textOf(plan))));
      const calls = [
        system['remark'](`0x${text}`),
        balances['transferKeepAlive'](pair.address, 10n ** 18n),
      ];
      const sent = await utility['batchAll'](calls).signAsync(stranger);
      server.node.submit(Buffer.from(sent.toHex().slice(2), 'hex'));
      server.node.submit(Buffer.from(hex.slice(2), 'hex'));
      return null;
    };
    const ports = portsOn();
    await publishPlan({ ...ports, chain: front }, arena, ports.operator, await draft());
    expect(await faults()).toEqual([]);
    const [own] = recordsOf(await ports.ledger.read(), 'anchor');
    expect(own!.predicate.anchor.extrinsic.index).toBe(2);
  });
});

describe('two workflows at once', () => {
  it('where weights came between scan and publish, the plan is scanned again', async () => {
    const { server, store, arena, operator, portsOn, draft, publish } = await bench();
    const early = await draft();
    server.node.build();
    await settleAndAnchor(portsOn(), arena, operator(), false);
    const late = publishPlan(portsOn(store), arena, operator(), early);
    await expect(late).rejects.toMatchObject({ code: 'STALE', hint: 'scan again' });
    expect((await publish()).outcome).toBe('signed');
  });
  it('where a plan was voided between, its challengers and its seed are kept', async () => {
    const tried = await bench();
    const { portsOn, arena, operator, publish, faults } = tried;
    const { plan } = await publish();
    const early = await tried.draft();
    const draw = await drawSeed(portsOn(), await portsOn().ledger.read(), plan!);
    await publishVoid(portsOn(), plan!, { reason: 'the runner was lost', draw });
    const late = publishPlan(portsOn(), arena, operator(), early);
    await expect(late).rejects.toMatchObject({ code: 'STALE' });
    tried.server.node.build();
    const next = await publish();
    // The chain forgets pulses within days: the record of the void keeps it.
    tried.chain.pulse = () => Promise.reject(new Error('gone'));
    const again = await drawSeed(portsOn(), await portsOn().ledger.read(), next.plan!);
    expect(again.seed).toBe(draw.seed);
    expect(await faults()).toEqual([]);
  });
});
