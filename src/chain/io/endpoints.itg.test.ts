// Tests of several chain endpoints: failures, lies, lag, old state and requests per scan.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startProxy, type Meddling, type Proxy } from '../../testing/chain-proxy.ts';
import { startChain, type ChainServer } from '../../devnet/chain/chain-server.ts';
import { devPair } from '../../devnet/demo/miners.ts';
import { silentLog, type Log } from '../../core/log.ts';
import { monotonicClock } from '../../node/monotonic-clock.ts';
import { deliverExtrinsic } from '../delivery.ts';
import type { BlockRef } from '../chain.ts';
import { connect, isTransport } from './connect.ts';
import { EndpointPool } from './endpoints.ts';
import { openEndpoints } from './networks.ts';
import { nodeProvider, paceOf } from './provider.ts';
import { rawSend } from './storage-read.ts';
import { SubtensorChain } from './subtensor.ts';

let server: ChainServer;
let genesisHash: string;
const proxies: Proxy[] = [];
/** Another endpoint of the same chain. */
const proxy = async (
  meddle?: (method: string, params: readonly unknown[], count: number) => Meddling,
): Promise<Proxy> => {
  const made = await startProxy(server.url, meddle ? { meddle } : {});
  proxies.push(made);
  return made;
};
const pool = (endpoints: string[], log: Log = silentLog): Promise<EndpointPool> =>
  EndpointPool.open(endpoints, { genesisHash, witness: true, log });

beforeAll(async () => {
  server = await startChain({ miners: 254 });
  genesisHash = server.node.blocks[0]!.hash;
  server.node.build();
});
afterAll(async () => {
  for (const made of proxies) await made.close();
  await server.close();
});

describe('a scan', () => {
  it('of 256 uids takes three requests', async () => {
    const counted = await proxy();
    const api = await connect(counted.url);
    const chain = new SubtensorChain(api);
    // The connection's own last request.
    while (!counted.requests.includes('state_subscribeRuntimeVersion'))
      await monotonicClock.sleep(10);
    const before = counted.requests.length;
    const snapshot = await chain.snapshot(2);
    const asked = counted.requests.slice(before).filter((method) => method !== 'system_health');
    expect(asked).toEqual(['chain_getFinalizedHead', 'state_call', 'state_queryStorageAt']);
    expect(snapshot.neurons.length).toBe(256);
    await api.disconnect();
  });

  it("P15: takes a commitment as it stood at the plan's block, whatever was committed since", async () => {
    const chain = new SubtensorChain(await connect(server.url));
    const wallet = chain.transactor(devPair('//Miner2//hot'));
    const commit = async (byte: number): Promise<BlockRef> => {
      const transaction = await wallet.sign({
        kind: 'commit',
        netuid: 2,
        payload: Uint8Array.of(byte),
      });
      const delivery = await deliverExtrinsic(
        { chain, clock: monotonicClock, log: silentLog },
        transaction,
      );
      return (delivery as { block: BlockRef }).block;
    };
    const plan = await commit(1);
    await commit(2);
    const at = (block: BlockRef | undefined) => async (): Promise<unknown> =>
      (await chain.snapshot(2, block)).commitments.find(({ hotkey }) => hotkey === wallet.address)
        ?.standing?.fields;
    expect(await at(plan)()).toEqual([{ kind: 'raw', bytes: Uint8Array.of(1) }]);
    expect(await at(undefined)()).toEqual([{ kind: 'raw', bytes: Uint8Array.of(2) }]);
    await chain.disconnect();
  });
});

describe('several endpoints', () => {
  it('agree on a block before anything follows from it', async () => {
    const [a, b] = [await proxy(), await proxy()];
    const chain = await pool([a.url, b.url]);
    await expect(chain.confirm(await chain.finalizedHead())).resolves.toBeUndefined();
    await chain.disconnect();
  });

  it('F12 one that lies is seen', async () => {
    const lies: Meddling = { result: `0x${'66'.repeat(32)}` };
    const liar = await proxy((method, params) =>
      method === 'chain_getBlockHash' && Number(params[0]) > 0 ? lies : 'pass',
    );
    const chain = await pool([server.url, liar.url]);
    await expect(chain.confirm(await chain.finalizedHead())).rejects.toMatchObject({
      code: 'DISAGREEMENT',
      outcome: 'infra',
    });
    await chain.disconnect();
  });

  it('F12 one that is down leaves no second opinion: infrastructure, not a plan', async () => {
    const chain = await pool([server.url, 'ws://127.0.0.1:1']);
    await expect(chain.confirm(await chain.finalizedHead())).rejects.toMatchObject({
      code: 'UNREACHABLE',
      outcome: 'infra',
    });
    await chain.disconnect();
  });

  it('F12 one on another genesis counts for nothing', async () => {
    const other = await startChain({ seed: '11'.repeat(32) });
    const chain = await pool([other.url, server.url]);
    await expect(chain.confirm(await chain.finalizedHead())).rejects.toMatchObject({
      code: 'UNREACHABLE',
    });
    await chain.disconnect();
    const twin = await startProxy(other.url);
    proxies.push(twin);
    await expect(pool([other.url, twin.url])).rejects.toMatchObject({
      code: 'WRONG_CHAIN',
      outcome: 'infra',
    });
    await other.close();
  });

  it('F12 one whose head is old is stale', async () => {
    const old = await startChain({ seed: '11'.repeat(32) }); // its clock stands in another year
    const options = { genesisHash: old.node.blocks[0]!.hash, witness: true, log: silentLog };
    old.node.build();
    const twin = await startProxy(old.url);
    proxies.push(twin);
    await expect(EndpointPool.open([old.url, twin.url], options)).rejects.toMatchObject({
      code: 'STALE',
      outcome: 'infra',
    });
    await old.close();
  });

  it('a public chain wants two, and one under two spellings is one', async () => {
    const arena = { network: 'finney', genesisHash } as const;
    for (const named of [server.url, `${server.url},${server.url}/`]) {
      const alone = await openEndpoints(named, arena, silentLog);
      await expect(alone.confirm(await alone.finalizedHead())).rejects.toMatchObject({
        code: 'UNREACHABLE',
        outcome: 'infra',
      });
      await alone.disconnect();
    }
    const chain = await openEndpoints(server.url, arena, silentLog, false);
    expect((await chain.identity()).genesisHash).toBe(genesisHash);
    await chain.disconnect();
  });

  it('go on with the next one where one hangs up, and finish a transaction', async () => {
    const warnings: string[] = [];
    const flaky = await proxy((method) =>
      method === 'author_submitExtrinsic' ? 'hang-up' : 'pass',
    );
    const steady = await proxy();
    const chain = await pool([flaky.url, steady.url], {
      ...silentLog,
      warn: (text) => void warnings.push(text),
    });
    const wallet = chain.transactor(devPair('//Miner0//hot'));
    const transaction = await wallet.sign({
      kind: 'commit',
      netuid: 2,
      payload: new Uint8Array([1]),
    });
    const delivery = await deliverExtrinsic(
      { chain, clock: monotonicClock, log: silentLog },
      transaction,
    );
    expect(delivery).toMatchObject({ state: 'included', outcome: { ok: true } });
    expect(warnings.length).toBeGreaterThan(0);
    expect(steady.requests).toContain('author_submitExtrinsic');
    await chain.disconnect();
  });

  it('one that does not let the library follow the runtime is hung up on, and ends nothing else', async () => {
    const deaf = await proxy((method) =>
      method === 'state_subscribeRuntimeVersion'
        ? { error: { code: -32000, message: 'not here' } }
        : 'pass',
    );
    const api = await connect(deaf.url);
    while (api.isConnected) await monotonicClock.sleep(10);
    await expect(new SubtensorChain(api).finalizedHead()).rejects.toSatisfy(isTransport);
    // Nothing in a test waits for this subscription: without the hanging up, its failure would end
    // the process as an unhandled error.
    await monotonicClock.sleep(50);
    await api.disconnect();
  });

  it('say so when all are down', async () => {
    await expect(pool(['ws://127.0.0.1:1', 'ws://127.0.0.1:2'])).rejects.toMatchObject({
      code: 'UNREACHABLE',
      outcome: 'infra',
    });
  });
});

describe('an endpoint that lags', () => {
  const clock = { nowNs: () => monotonicClock.nowNs(), sleep: () => Promise.resolve() };
  it('does not make a payment look as if it had never landed', async () => {
    const chain = new SubtensorChain(await connect(server.url));
    const wallet = chain.transactor(devPair('//Miner3'));
    const call = {
      kind: 'pay',
      treasury: devPair('//Treasury').address,
      amountRao: 5n,
      remark: 'x',
    } as const;
    const transaction = await wallet.sign(call);
    const landed = await deliverExtrinsic(
      { chain, clock: monotonicClock, log: silentLog },
      transaction,
    );
    expect(landed).toMatchObject({ state: 'included', outcome: { ok: true } });
    const { block } = landed as { block: BlockRef };
    // Its nonce is known, its block is not: as after a failover to a node some blocks behind.
    const behind = await proxy((method, [number]) =>
      method === 'chain_getBlockHash' && Number(number) >= block.number ? { result: null } : 'pass',
    );
    const lagging = new SubtensorChain(await connect(behind.url));
    await expect(
      deliverExtrinsic({ chain: lagging, clock, log: silentLog }, transaction, true),
    ).rejects.toMatchObject({ code: 'STALE' });
    const claim = {
      ...call,
      tx: transaction.hash,
      block: block.number,
      coldkey: wallet.address,
      before: block,
      remarks: [call.remark],
    };
    expect(await lagging.payment(claim)).toMatchObject({ state: 'unknown' });
    // Two endpoints: where one refuses and the other proves, the payment is undecided, never the
    // miner's fault.
    const denies = await proxy((method) =>
      method === 'chain_getBlock'
        ? {
            result: {
              block: { header: server.node.head.header, extrinsics: [] },
              justifications: null,
            },
          }
        : 'pass',
    );
    const both = await pool([denies.url, server.url]);
    expect(await both.payment(claim)).toMatchObject({
      state: 'unknown',
      reason: expect.stringContaining('agree'),
    });
    await both.disconnect();
    const honest = await pool([server.url, (await proxy()).url]);
    expect(await honest.payment(claim)).toEqual({ state: 'paid' });
    await honest.disconnect();
    await lagging.disconnect();
    await chain.disconnect();
  });
});

describe('the pace of requests', () => {
  it('is kept for public hosts only', () => {
    expect(paceOf('wss://entrypoint-finney.opentensor.ai:443')).not.toBeNull();
    for (const own of [
      'ws://127.0.0.1:9944',
      'ws://localhost:9944',
      'ws://10.1.2.3:9944',
      'ws://172.20.0.2:9944',
    ])
      expect(paceOf(own)).toBeNull();
  });

  it('spreads requests, and asks again where a node says that they are too many', async () => {
    let refused = 0;
    const strict = await proxy((method) =>
      method === 'system_chain' && refused++ === 0
        ? { error: { code: -32999, message: 'Too many requests' } }
        : 'pass',
    );
    const provider = nodeProvider(strict.url, { everyMs: 40, burst: 2 }, 10_000);
    await provider.connect();
    await provider.isReady;
    const began = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => provider.send('system_chain', [])),
    );
    expect(answers).toEqual(Array.from({ length: 6 }, () => 'Bittensor'));
    // Two at once, then one every 40 ms; the refused one waits a second longer.
    expect(performance.now() - began).toBeGreaterThan(1000);
    await provider.disconnect();
  });
});

describe('a runtime upgrade while connected', () => {
  it('changes nothing for those who read and sign after it, and old blocks stay readable', async () => {
    const chain = new SubtensorChain(await connect(server.url));
    const wallet = chain.transactor(devPair('//Miner1//hot'));
    const send = async () => {
      const transaction = await wallet.sign({
        kind: 'commit',
        netuid: 2,
        payload: new Uint8Array([2]),
      });
      return deliverExtrinsic({ chain, clock: monotonicClock, log: silentLog }, transaction);
    };
    const before = await chain.finalizedHead();
    await rawSend(chain.api, 'dev_upgrade', 425);
    for (let i = 0; (await chain.identity()).specVersion !== 425 && i < 100; i++)
      await monotonicClock.sleep(50);
    expect(await chain.identity()).toMatchObject({ specVersion: 425 });
    expect(await send()).toMatchObject({ state: 'included', outcome: { ok: true } });
    expect((await chain.snapshot(2, before)).block).toEqual(before);
    await chain.disconnect();
  });
});
