// Plans anchored on the embedded chain and seeds drawn from it; who grinds for a seed is found.
import { afterEach, describe, expect, it } from 'vitest';
import { connect } from '../../chain/io/connect.ts';
import { SubtensorChain } from '../../chain/io/subtensor.ts';
import type { ChainReader } from '../../chain/chain.ts';
import { utf8 } from '../../core/bytes.ts';
import { silentLog } from '../../core/log.ts';
import { type ChainServer, startChain } from '../../devnet/chain/chain-server.ts';
import { chainRegistry } from '../../devnet/chain/metadata.ts';
import { devPair } from '../../devnet/demo/miners.ts';
import { signerOf } from '../../ledger/io/signing-key.ts';
import { OwnLedger } from '../../ledger/own-ledger.ts';
import { recordsOf } from '../../ledger/read.ts';
import { monotonicClock } from '../../node/monotonic-clock.ts';
import type { Arena } from '../../schema/arena.ts';
import { devnetBeacon } from '../../testing/anchor-fixture.ts';
import { type MemoryStore, memoryStore } from '../../testing/memory-store.ts';
import { planDraftAt } from '../../testing/plan-fixture.ts';
import { auditAnchors } from '../audit/audit-anchor.ts';
import { publishPlan, publishVoid } from '../publish.ts';
import type { PlanDraft } from '../scan.ts';
import { drawSeed } from './draw.ts';
import { drawFault } from './verify-draw.ts';

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});
const { registry } = chainRegistry();

/** A validator on an embedded chain of its own. */
async function bench(options: Parameters<typeof startChain>[0] = {}) {
  const server = await startChain(options);
  const chain = new SubtensorChain(await connect(server.url));
  open.push(async () => {
    await chain.disconnect();
    await server.close();
  });
  const pair = devPair(server.node.genesis.validator.hotkey.uri);
  const wallet = chain.transactor(pair);
  const signer = signerOf(pair);
  const operator = {
    ...{ validator: pair.address, tree: 'unknown', node: 'v24', run: null, host: {} },
    tier: 'test',
  };
  const arena = { netuid: 2, rules: 1 as const };
  const portsOn = (store: MemoryStore) => ({
    ...{ chain, wallet, clock: monotonicClock, log: silentLog, operator },
    ledger: new OwnLedger(store, signer),
  });
  const draft = async (beacon: Arena['beacon'] = devnetBeacon): Promise<PlanDraft> => {
    const made = planDraftAt(pair.address, (await chain.finalizedHead()).number, 1);
    const { genesisHash } = await chain.identity();
    const network = { ...made.predicate.network, genesisHash };
    const own = { ...(made.predicate.arena as Arena), beacon };
    return { ...made, predicate: { ...made.predicate, network, arena: own } };
  };
  const publish = async (store: MemoryStore, beacon?: Arena['beacon']) =>
    publishPlan(portsOn(store), arena, operator, await draft(beacon));
  const store = memoryStore(pair.address);
  return { server, chain, pair, wallet, arena, operator, store, portsOn, draft, publish };
}

/** What a hotkey committed, as the chain's blocks hold it. */
function commitsOf(server: ChainServer, address: string): number {
  return server.node.blocks
    .flatMap(({ extrinsics }) => extrinsics.slice(1))
    .map((hex) => registry.createType('Extrinsic', hex))
    .filter((item) => item.signer.toString() === address && item.method.section === 'commitments')
    .length;
}

async function faultsOf(chain: ChainReader, ports: { ledger: OwnLedger }) {
  const faults: string[] = [];
  await auditAnchors(await ports.ledger.read(), { chain, log: silentLog }, (code, path, message) =>
    faults.push(`${code} ${path} ${message}`),
  );
  return faults;
}

describe('a seed', () => {
  it.each([
    ['real time', {}, 0],
    ['virtual time', { seed: '2a'.padStart(64, '0') }, 60],
  ])('is drawn from the first pulse after the anchor, in %s', async (_, options, delaySeconds) => {
    const { chain, store, portsOn, publish } = await bench(options);
    const { plan, anchor, outcome } = await publish(store, { ...devnetBeacon, delaySeconds });
    expect(outcome).toBe('signed');
    const ports = portsOn(store);
    const ledger = await ports.ledger.read();
    const { block } = anchor!.predicate.anchor;
    expect(await chain.timestampMs(block)).toBe(block.timestampMs);
    const draw = await drawSeed(ports, ledger, plan!);
    const { round } = draw.pulse as { round: number };
    const dueMs = (devnetBeacon.genesisSeconds + (round - 1) * 3) * 1000;
    const afterMs = dueMs - (block.timestampMs + delaySeconds * 1000);
    expect(afterMs).toBeGreaterThanOrEqual(0);
    expect(afterMs).toBeLessThan(3000);
    expect(drawFault(ledger, plan!, draw)).toBeNull();
    // Anyone gets the same one, and no other pulse or seed passes.
    expect(await drawSeed(ports, ledger, plan!)).toEqual(draw);
    expect(await faultsOf(chain, ports)).toEqual([]);
  });
  it('is drawn from the third block after the anchor where the chain has no pulses', async () => {
    const { server, chain, store, portsOn, publish } = await bench();
    const { plan, anchor } = await publish(store, 'block');
    const ports = portsOn(store);
    const drawing = drawSeed(ports, await ports.ledger.read(), plan!);
    for (let i = 0; i < 3; i++) server.node.build();
    const number = anchor!.predicate.anchor.block.number + 3;
    expect((await drawing).pulse).toEqual({ block: number, hash: await chain.blockHash(number) });
  });
  it('is refused where the pulse is forged, or the anchor is not on this chain', async () => {
    const { chain, store, portsOn, publish } = await bench();
    const { plan } = await publish(store);
    const ports = portsOn(store);
    const ledger = await ports.ledger.read();
    const lying = (change: Partial<ChainReader>) =>
      drawSeed(
        {
          ...ports,
          chain: {
            pulse: (round) => chain.pulse(round),
            blockHash: (number) => chain.blockHash(number),
            finalizedHead: () => chain.finalizedHead(),
            timestampMs: (block) => chain.timestampMs(block),
            ...change,
          },
        },
        ledger,
        plan!,
      );
    const forged = () => Promise.resolve(`0x${'a5'.repeat(48)}`);
    await expect(lying({ pulse: forged })).rejects.toMatchObject({ code: 'BAD_SIGNATURE' });
    const other = () => Promise.resolve(`0x${'12'.repeat(32)}`);
    await expect(lying({ blockHash: other })).rejects.toMatchObject({ code: 'BAD_DRAW' });
    const late = () => Promise.resolve(1);
    await expect(lying({ timestampMs: late })).rejects.toMatchObject({ code: 'BAD_DRAW' });
    await expect(drawSeed(ports, { records: [plan!] }, plan!)).rejects.toMatchObject({
      code: 'BAD_DRAW',
      message: expect.stringContaining('the anchor of'),
    });
  });
});

describe('an anchor', () => {
  it('is sent once, also where the run that sent it did not live to record it', async () => {
    const { server, chain, pair, store, portsOn, publish } = await bench();
    const dies: MemoryStore = {
      ...store,
      commit: (validator, message, build) =>
        message.startsWith('Anchor')
          ? Promise.reject(new Error('killed'))
          : store.commit(validator, message, build),
    };
    await expect(publish(dies)).rejects.toThrow('killed');
    expect(commitsOf(server, pair.address)).toBe(1);
    const again = await publish(store);
    expect(again.outcome).toBe('resumed');
    expect(again.anchor!.predicate.anchor.record.sha256).toBe(again.plan!.sha256);
    expect(commitsOf(server, pair.address)).toBe(1);
    expect(await faultsOf(chain, portsOn(store))).toEqual([]);
  });
  it('of one plan stays one where two runs publish at once', async () => {
    const { chain, store, portsOn, publish } = await bench();
    const both = await Promise.all([publish(store), publish(store)]);
    expect(new Set(both.map(({ plan }) => plan!.sha256)).size).toBe(1);
    const ledger = await portsOn(store).ledger.read();
    expect(ledger.records.map(({ kind }) => kind)).toEqual(['plan', 'anchor']);
    expect(await faultsOf(chain, portsOn(store))).toEqual([]);
  });
  it('leaves another commitment alone, and then nothing is signed', async () => {
    const { wallet, store, chain, publish } = await bench();
    const payload = utf8('something of a miner');
    const { extrinsic } = await wallet.sign({ kind: 'commit', netuid: 2, payload });
    expect(await chain.submit(extrinsic)).toBeNull();
    await expect(publish(store)).rejects.toMatchObject({ code: 'SLOT_TAKEN', outcome: 'infra' });
    expect(store.files().size).toBe(0);
  });
  it('comes at most four times an epoch', async () => {
    const { store, portsOn, publish } = await bench({ tempo: 1000 });
    for (let i = 0; i < 4; i++) {
      const { plan } = await publish(store);
      await publishVoid(portsOn(store), plan!, 'a test');
    }
    await expect(publish(store)).rejects.toMatchObject({ code: 'TOO_MANY_ANCHORS' });
  }, 30_000);
});

describe('a validator that wants another seed', () => {
  it('signs no second plan beside an anchored one with the code as it is', async () => {
    const { pair, store, publish } = await bench();
    await publish(store);
    const second = memoryStore(pair.address);
    await expect(publish(second)).rejects.toMatchObject({ code: 'LEDGER_BEHIND' });
    expect(second.files().size).toBe(0);
  });
  it('is found where it anchored two plans of one block, and published one', async () => {
    const { pair, wallet, chain, store, portsOn, publish } = await bench();
    // Its own code would refuse: it empties the slot in the chain's answer to itself.
    const blind = new SubtensorChain(chain.api);
    blind.commitment = async (...args) => ({
      ...(await chain.commitment(...args)),
      standing: null,
    });
    await publish(store);
    const second = memoryStore(pair.address);
    const ports = portsOn(second);
    const { predicate, ...rest } = (await publishDraft(portsOn(store))).draft;
    await publishPlan({ ...ports, chain: blind, wallet }, { netuid: 2, rules: 1 }, ports.operator, {
      ...rest,
      predicate: { ...predicate, tier: 'another' },
    });
    expect(recordsOf(await ports.ledger.read(), 'anchor')).toHaveLength(1);
    expect(await faultsOf(chain, ports)).toEqual([
      expect.stringMatching(
        /^OMISSION .*anchor.json before it the chain held an anchor of record 0 of block \d+, which is in no record$/,
      ),
    ]);
  });
});

/** The draft of the plan that a ledger holds, to make another one of its block. */
async function publishDraft({ ledger }: { ledger: OwnLedger }): Promise<{ draft: PlanDraft }> {
  const plan = recordsOf(await ledger.read(), 'plan')[0]!;
  const { seq, prev, ...predicate } = plan.predicate;
  return { draft: { kind: 'plan', path: plan.path, subject: plan.subject, predicate } };
}
