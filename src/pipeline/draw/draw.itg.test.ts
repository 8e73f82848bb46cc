// Plans anchored on the embedded chain, and seeds drawn from it.
import { afterEach, describe, expect, it } from 'vitest';
import type { ChainReader } from '../../chain/chain.ts';
import { devnetBeacon } from '../../testing/anchor-fixture.ts';
import { dyingAt, type ValidatorBench, validatorBench } from '../../testing/validator-bench.ts';
import { publishVoid } from '../publish.ts';
import { drawSeed } from './draw.ts';
import { drawFault } from './verify-draw.ts';

const open: ValidatorBench[] = [];
afterEach(async () => {
  for (const bench of open.splice(0)) await bench.close();
});
async function bench(options: Parameters<typeof validatorBench>[0] = {}) {
  const opened = await validatorBench(options);
  open.push(opened);
  return opened;
}

describe('a seed', () => {
  it.each([
    ['real time', {}, 0],
    ['virtual time', { seed: '2a'.padStart(64, '0') }, 60],
  ])('is drawn from the first pulse after the anchor, in %s', async (_, options, delaySeconds) => {
    const { chain, store, portsOn, publish, faults } = await bench(options);
    const beacon = { ...devnetBeacon, delaySeconds };
    const { plan, anchor, outcome } = await publish(store, { beacon });
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
    expect(await faults()).toEqual([]);
  });
  it('is drawn from the third block after the anchor where the chain has no pulses', async () => {
    const { server, chain, store, portsOn, publish } = await bench();
    const { plan, anchor } = await publish(store, { beacon: 'block' });
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
    const { store, publish, commits, faults } = await bench();
    await expect(publish(dyingAt(store, 'Anchor'))).rejects.toThrow('killed');
    expect(commits()).toBe(1);
    const again = await publish();
    expect(again.outcome).toBe('resumed');
    expect(again.anchor!.predicate.anchor.record.sha256).toBe(again.plan!.sha256);
    expect(commits()).toBe(1);
    expect(await faults()).toEqual([]);
  });
  it('F07 of one plan stays one where two runs publish at once', async () => {
    const { portsOn, publish, faults } = await bench();
    const both = await Promise.all([publish(), publish()]);
    expect(new Set(both.map(({ plan }) => plan!.sha256)).size).toBe(1);
    const ledger = await portsOn().ledger.read();
    expect(ledger.records.map(({ kind }) => kind)).toEqual(['plan', 'anchor']);
    expect(await faults()).toEqual([]);
  });
  it('leaves another commitment alone, and then nothing is signed', async () => {
    const { store, commit, publish } = await bench();
    await commit('something of a miner');
    await expect(publish()).rejects.toMatchObject({ code: 'SLOT_TAKEN', outcome: 'infra' });
    expect(store.files().size).toBe(0);
  });
  it('comes at most four times an epoch', async () => {
    const { portsOn, publish } = await bench();
    for (let i = 0; i < 4; i++) {
      const { plan } = await publish();
      await publishVoid(portsOn(), plan!, { reason: 'a test', draw: null });
    }
    await expect(publish()).rejects.toMatchObject({ code: 'TOO_MANY_ANCHORS' });
  }, 30_000);
  it('waits for what the same key has in the pool, and is sent then', async () => {
    const { wallet, chain, publish } = await bench({ blockMs: 5500 });
    const row = [{ uid: 0, weight: 65_535 }];
    const call = { kind: 'set-weights', netuid: 2, row, versionKey: 0 } as const;
    await chain.submit((await wallet.sign(call)).extrinsic);
    expect((await publish()).outcome).toBe('signed');
  }, 60_000);
});
