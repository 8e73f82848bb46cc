// Tests of the embedded chain under @polkadot/api: calls, refusals, batches, snapshots.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Keyring, WsProvider, type ApiPromise } from '@polkadot/api';
import type { SubmittableExtrinsic } from '@polkadot/api/types';
import type { KeyringPair } from '@polkadot/keyring/types';
import type { ISubmittableResult } from '@polkadot/types/types';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../chain/io/connect.ts';
import { startChain, type ChainServer } from './chain-server.ts';

const keyring = new Keyring({ type: 'sr25519', ss58Format: 42 });
const key = (uri: string): KeyringPair => keyring.addFromUri(uri);

let server: ChainServer;
let api: ApiPromise;
beforeAll(async () => {
  server = await startChain();
  api = await connect(server.url);
});
afterAll(async () => {
  await api.disconnect();
  await server.close();
});

type Tx = SubmittableExtrinsic<'promise'>;
function send(
  tx: Tx,
  signer: KeyringPair,
  options: Record<string, unknown> = {},
): Promise<ISubmittableResult> {
  return new Promise((resolve, reject) => {
    tx.signAndSend(signer, { nonce: -1, ...options }, (result: ISubmittableResult) => {
      if (result.status.isFinalized) resolve(result);
    }).catch(reject);
  });
}
const names = (result: ISubmittableResult): string[] =>
  result.events.map(({ event }) => `${event.section}.${event.method}`);
const errorOf = (result: ISubmittableResult): string =>
  result.dispatchError?.isModule
    ? api.registry.findMetaError(result.dispatchError.asModule).name
    : String(result.dispatchError);

describe('the embedded chain under @polkadot/api', () => {
  it('stores a commitment and shows it at its block', async () => {
    const result = await send(
      api.tx['commitments']!['setCommitment']!(2, {
        fields: [{ BigRaw: `0x${'ab'.repeat(300)}` }],
      }),
      key('//Miner0//hot'),
    );
    expect(names(result)).toContain('commitments.Commitment');
    const before = await api.at(server.node.blocks[0]!.hash);
    expect(
      (await before.query['commitments']!['commitmentOf']!(2, key('//Miner0//hot').address))
        .isEmpty,
    ).toBe(true);
    expect(
      (
        await api.query['commitments']!['commitmentOf']!(2, key('//Miner0//hot').address)
      ).toString(),
    ).toContain('abab');
  });

  it('moves money in an atomic batch with the real events', async () => {
    const [payer, treasury] = [key('//Miner1'), key('//Treasury').address];
    const result = await send(
      api.tx['utility']['batchAll']([
        api.tx['balances']['transferKeepAlive'](treasury, 5n),
        api.tx['system']['remark']('0x00'),
      ]),
      payer,
    );
    expect(names(result)).toEqual([
      'balances.Withdraw',
      'balances.Transfer',
      'utility.ItemCompleted',
      'utility.ItemCompleted',
      'utility.BatchCompleted',
      'transactionPayment.TransactionFeePaid',
      'system.ExtrinsicSuccess',
    ]);
  });

  it('drops every write and event of a failed batch, but keeps nonce and fee', async () => {
    const payer = key('//Miner2');
    const before = (await api.query['system']['account'](payer.address)).toJSON() as {
      nonce: number;
      data: { free: number };
    };
    const batch = api.tx['utility']['batchAll']([
      api.tx['balances']['transferKeepAlive'](key('//Treasury').address, 7n),
      api.tx['balances']['transferKeepAlive'](key('//Treasury').address, 10n ** 18n),
    ]);
    const result = await send(batch, payer);
    expect(names(result)).toEqual([
      'balances.Withdraw',
      'transactionPayment.TransactionFeePaid',
      'system.ExtrinsicFailed',
    ]);
    expect(errorOf(result)).toContain('FundsUnavailable');
    const after = (await api.query['system']['account'](payer.address)).toJSON() as typeof before;
    expect(after.nonce).toBe(before.nonce + 1);
    expect(before.data.free - after.data.free).toBeLessThan(1_000_000);
  });

  it('refuses weights by the errors of the real runtime', async () => {
    const weights = (uids: number[], values: number[]): Tx =>
      api.tx['subtensorModule']!['setWeights']!(2, uids, values, 0);
    expect(errorOf(await send(weights([0], [1]), key('//Stranger')))).toBe(
      'HotKeyNotRegisteredInSubNet',
    );
    expect(errorOf(await send(weights([0], [1]), key('//Miner0//hot')))).toBe(
      'NeuronNoValidatorPermit',
    );
    expect(errorOf(await send(weights([0, 0], [1, 1]), key('//Validator//hot')))).toBe(
      'DuplicateUids',
    );
    expect(errorOf(await send(weights([0, 99], [1, 1]), key('//Validator//hot')))).toBe(
      'UidVecContainInvalidOne',
    );
    expect(errorOf(await send(weights([0, 1], [1]), key('//Validator//hot')))).toBe(
      'WeightVecNotEqualSize',
    );
    expect(
      (await send(weights([2, 0], [100, 50]), key('//Validator//hot'))).dispatchError,
    ).toBeUndefined();
    expect((await api.query['subtensorModule']!['weights']!(2, 1)).toJSON()).toEqual([
      [2, 65535],
      [0, 32767],
    ]);
  });

  it('refuses bad signatures, used nonces, unregistered committers and oversized fields', async () => {
    const commit = api.tx['commitments']!['setCommitment']!(2, { fields: [{ Raw1: '0x01' }] });
    expect(errorOf(await send(commit, key('//Stranger')))).toBe('AccountNotAllowedCommit');
    const signed = await commit.signAsync(key('//Miner1//hot'), { nonce: -1 });
    const bytes = signed.toU8a();
    bytes[60]! ^= 1;
    const submit = (hex: string): Promise<unknown> => api.rpc.author.submitExtrinsic(hex);
    await expect(submit(`0x${Buffer.from(bytes).toString('hex')}`)).rejects.toThrow(
      /bad signature|Execution failed/,
    );
    await expect(send(commit, key('//Validator//hot'), { nonce: 0 })).rejects.toThrow(/outdated/);
    const huge = await api.tx['commitments']!['setCommitment']!(2, {
      fields: [{ BigRaw: `0x${'00'.repeat(600)}` }],
    }).signAsync(key('//Miner1//hot'), { nonce: -1 });
    await expect(submit(huge.toHex())).rejects.toThrow(/1002/);
  });

  it('holds a future nonce back until its turn', async () => {
    const pair = key('//Miner3//hot');
    const commit = (value: string): Tx =>
      api.tx['commitments']!['setCommitment']!(2, { fields: [{ Raw1: value }] });
    const later = await commit('0x02').signAsync(pair, { nonce: 1 });
    await api.rpc.author.submitExtrinsic(later);
    expect((await api.rpc.author.pendingExtrinsics()).length).toBe(1);
    await send(commit('0x01'), pair, { nonce: 0 });
    expect(
      (await api.query['commitments']!['commitmentOf']!(2, pair.address)).toString(),
    ).toContain('0x02');
  });

  it('answers unknown methods and blocks as a node does', async () => {
    const provider = new WsProvider(server.url);
    await provider.isReady;
    await expect(provider.send('author_submitExtrinsic', ['0x1234'])).rejects.toThrow(/1002/);
    await expect(provider.send('nope', [])).rejects.toThrow(/-32601/);
    await expect(provider.send('chain_getHeader', [`0x${'11'.repeat(32)}`])).rejects.toThrow(
      /4003/,
    );
    await expect(provider.send('state_getStorage', ['zz'])).rejects.toThrow(/-32602/);
    await provider.disconnect();
  });
});

describe('a snapshot', () => {
  it('brings back blocks, state and history', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'chain-'));
    const stateFile = join(folder, 'state.json');
    const first = await startChain({ stateFile });
    const one = await connect(first.url);
    await send(
      one.tx['commitments']!['setCommitment']!(2, { fields: [{ Raw1: '0x07' }] }),
      key('//Miner0//hot'),
    );
    await one.disconnect();
    await first.close();
    const second = await startChain({ stateFile });
    const two = await connect(second.url);
    expect(second.node.head).toEqual(first.node.head);
    expect(
      (
        await two.query['commitments']!['commitmentOf']!(2, key('//Miner0//hot').address)
      ).toString(),
    ).toContain('0x07');
    await send(
      two.tx['commitments']!['setCommitment']!(2, { fields: [{ Raw1: '0x08' }] }),
      key('//Miner0//hot'),
    );
    await two.disconnect();
    await second.close();
    rmSync(folder, { recursive: true });
  });

  it('has the same hashes for the same seed, and others for another', async () => {
    const hashes = async (seed: string): Promise<string[]> => {
      const chain = await startChain({ seed });
      const client = await connect(chain.url);
      await send(client.tx['system']['remark']('0x00'), key('//Miner0'));
      await client.disconnect();
      await chain.close();
      return chain.node.blocks.map((block) => block.hash);
    };
    const [a, b, c] = [
      await hashes('11'.repeat(32)),
      await hashes('11'.repeat(32)),
      await hashes('22'.repeat(32)),
    ];
    expect(a).toEqual(b);
    expect(a[1]).not.toBe(c[1]);
  });

  it('says so where the port is taken', async () => {
    const port = Number(new URL(server.url).port);
    await expect(startChain({ port })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      outcome: 'usage',
    });
  });
});
