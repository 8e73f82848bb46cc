// One suite for every Subtensor endpoint: npm run test:chain [-- --endpoint ws://… --accounts
// FILE]. Without an endpoint it runs on the embedded chain and, where SUBTENSOR_LOCALNET names
// subtensor/run.sh, on the real runtime.
import { spawn, execFileSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseArena, type Arena } from '../schema/arena.ts';
import { paymentRemark } from '../arena/payload.ts';
import { concatBytes, utf8 } from '../core/bytes.ts';
import { silentLog } from '../core/log.ts';
import { advanceTo } from '../devnet/chain/control.ts';
import { describeChain } from '../devnet/chain/genesis.ts';
import { startChain } from '../devnet/chain/chain-server.ts';
import type { Accounts } from '../devnet/demo/accounts.ts';
import { devPair } from '../devnet/demo/miners.ts';
import { monotonicClock } from '../node/monotonic-clock.ts';
import { anchorOf } from '../pipeline/anchor/anchor-text.ts';
import { settleAndAnchor } from '../pipeline/settle/settle-and-anchor.ts';
import { audit } from '../pipeline/audit/audit.ts';
import { noPorts } from '../testing/check-bench.ts';
import { deliverExtrinsic, type Delivery } from './delivery.ts';
import { settle, type SettlePorts } from '../pipeline/settle/settle.ts';
import { OwnLedger } from '../ledger/own-ledger.ts';
import { openStored } from '../ledger/open.ts';
import { epochNow, revealCall, sameRow, weightsCall } from '../pipeline/settle/weight-row.ts';
import { gitStore } from '../ledger/io/git-store.ts';
import { signerOf } from '../ledger/io/signing-key.ts';
import { recordsOf } from '../ledger/read.ts';
import { checkSignature } from '../ledger/verify.ts';
import type { BlockRef, Call, ExtrinsicOutcome } from './chain.ts';
import { countedCommitments } from './commitments.ts';
import { connect } from './io/connect.ts';
import { sealEntropy, weightsEntropy } from './io/entropy.ts';
import { rawSend } from './io/storage-read.ts';
import { readSnapshot } from './io/snapshot.ts';
import { SubtensorChain } from './io/subtensor.ts';
import { assertChain } from './chain-identity.ts';
import { seal } from './timelock.ts';
import { compact } from './scale.ts';

vi.mock(import('../ledger/verify.ts'), { spy: true });

type Target = {
  readonly name: string;
  readonly start: () => Promise<{ accounts: Accounts; stop: () => Promise<void> }>;
};

const embedded = (commitReveal: boolean): Target => ({
  name: `embedded chain (spec 424)${commitReveal ? ', commit-reveal' : ''}`,
  start: async () => {
    const server = await startChain({ miners: 10, commitReveal });
    return {
      accounts: describeChain(server.node.genesis, server.url) as unknown as Accounts,
      stop: () => server.close(),
    };
  },
});

/**
 * The environment without npm's own settings: the runtime's set-up installs packages of its own, and
 * an inherited `ignore-scripts` would keep one of them from bringing its program.
 */
const withoutNpm = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));

/** Starts the real runtime and waits for the line that says that it is ready. */
const real = (script: string, port: number, commitReveal: boolean): Target => ({
  name: `real runtime (subtensor/run.sh)${commitReveal ? ', commit-reveal' : ''}`,
  start: async () => {
    const args = [
      script,
      '--port',
      String(port),
      '--miners',
      '10',
      ...(commitReveal ? ['--commit-reveal'] : []),
    ];
    const child: ChildProcess = spawn('bash', args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
      env: withoutNpm(),
    });
    const accounts = await new Promise<Accounts>((resolve, reject) => {
      let text = '';
      child.stdout!.on('data', (data: Buffer) => {
        text += data.toString();
        const line = text.split('\n').find((item) => item.startsWith('{') && item.endsWith('}'));
        if (line) resolve(JSON.parse(line) as Accounts);
      });
      child.once('exit', (code) =>
        reject(new Error(`subtensor/run.sh ended with ${code ?? 'a signal'}`)),
      );
    });
    return {
      accounts,
      stop: () =>
        new Promise((resolve) => {
          child.once('exit', () => resolve());
          process.kill(-child.pid!, 'SIGTERM');
        }),
    };
  },
});

const given = process.env['CHAIN_ENDPOINT'];
const localnet = process.env['SUBTENSOR_LOCALNET'];
if (given === undefined && localnet === undefined)
  console.warn(
    'skipped: the real Subtensor runtime (set SUBTENSOR_LOCALNET to the path of subtensor/run.sh)',
  );
const TARGETS: readonly Target[] =
  given !== undefined
    ? [
        {
          name: given,
          start: () =>
            Promise.resolve({
              accounts: {
                ...(JSON.parse(
                  readFileSync(process.env['CHAIN_ACCOUNTS']!, 'utf8').trim().split('\n').at(-1)!,
                ) as Accounts),
                endpoint: given,
              },
              stop: () => Promise.resolve(),
            }),
        },
      ]
    : [
        embedded(false),
        embedded(true),
        ...(localnet === undefined
          ? []
          : [real(localnet, 9961, false), real(localnet, 9962, true)]),
      ];

const hotOf = (miner: Accounts['miners'][number]): ReturnType<typeof devPair> =>
  devPair(miner.hotkey.uri);

describe.each(TARGETS)('$name', ({ start }) => {
  let accounts: Accounts;
  let chain: SubtensorChain;
  let stop: () => Promise<void>;
  let arena: Arena;
  let netuid: number;
  /**
   * Every test takes its own miners: an old runtime takes one commitment per hundred blocks and
   * hotkey.
   */
  let next = 0;
  const miner = (): Accounts['miners'][number] => accounts.miners[next++]!;
  const ports = () => ({ chain, clock: monotonicClock, log: silentLog });
  const send = async (pair: ReturnType<typeof devPair>, call: Call): Promise<Delivery> =>
    deliverExtrinsic(ports(), await chain.transactor(pair).sign(call));
  const included = (delivery: Delivery): { block: BlockRef; outcome: ExtrinsicOutcome } => {
    if (delivery.state !== 'included' || delivery.outcome === null)
      throw new Error(`not included: ${JSON.stringify(delivery)}`);
    return { block: delivery.block, outcome: delivery.outcome };
  };
  const refusal = (delivery: Delivery) => {
    if (delivery.state === 'refused') return delivery.refusal;
    return delivery.state === 'included' && delivery.outcome?.ok === false
      ? delivery.outcome.refusal
      : null;
  };
  /** Fields as the library takes them, for what our own client never sends. */
  const commitFields = async (
    pair: ReturnType<typeof devPair>,
    fields: Record<string, unknown>[],
  ): Promise<void> => {
    const tx = await chain.api.tx['commitments']!['setCommitment']!(netuid, { fields }).signAsync(
      pair,
      { nonce: -1, era: 0 },
    );
    await rawSend(chain.api, 'author_submitExtrinsic', tx.toHex());
    for (
      let i = 0;
      (await chain.commitment(pair.address, netuid)).standing === null && i < 100;
      i++
    )
      await monotonicClock.sleep(50);
  };
  const lineOf = async (address: string): Promise<string> => {
    const { content } = countedCommitments(await chain.commitment(address, netuid), null)[0]!;
    return content.kind === 'fault' ? content.verdict : content.kind;
  };

  beforeAll(async () => {
    ({ accounts, stop } = await start());
    netuid = accounts.netuid;
    chain = new SubtensorChain(await connect(accounts.endpoint));
    const devnet = JSON.parse(
      readFileSync(join(import.meta.dirname, '../devnet/arena.json'), 'utf8'),
    ) as object;
    arena = parseArena(
      { ...devnet, netuid, treasury: accounts.treasury.address },
      'the test arena',
    );
  }, 400_000);
  afterAll(async () => {
    await chain.disconnect();
    await stop();
  });

  it('is a Subtensor chain, and not another one', async () => {
    const { specName, genesisHash } = await assertChain(chain, null);
    expect(specName).toBe('node-subtensor');
    await expect(assertChain(chain, `0x${'11'.repeat(32)}`)).rejects.toMatchObject({
      code: 'WRONG_CHAIN',
    });
    await expect(assertChain(chain, genesisHash)).resolves.toBeTruthy();
    await expect(chain.snapshot(4000)).rejects.toMatchObject({ code: 'WRONG_CHAIN' });
  });

  it('shows the same subnet through the metagraph and through storage', async () => {
    const snapshot = await chain.snapshot(netuid);
    expect(snapshot.block).toEqual({
      number: expect.any(Number),
      hash: await chain.blockHash(snapshot.block.number),
    });
    const stored = await readSnapshot(
      chain.api,
      { ...chain.features, selectiveMetagraph: false },
      netuid,
      snapshot.block,
    );
    expect(snapshot).toEqual(stored);
    expect(snapshot.neurons.find(({ uid }) => uid === accounts.validator.uid)).toMatchObject({
      hotkey: accounts.validator.hotkey.address,
      coldkey: accounts.validator.coldkey.address,
      validatorPermit: true,
    });
    expect(await chain.uidOf(accounts.miners[0]!.hotkey.address, netuid, snapshot.block)).toBe(
      accounts.miners[0]!.uid,
    );
    const stranger = devPair('//Stranger').address;
    expect(await chain.uidOf(stranger, netuid, snapshot.block)).toBeNull();
    expect(await chain.subnet(netuid, stranger)).toMatchObject({ uid: null });
  });

  it('keeps a plain commitment with its block, in the smallest field', async () => {
    const who = miner();
    const payload = utf8(
      JSON.stringify({ image: 'ghcr.io/a/b', digest: `sha256:${'ab'.repeat(32)}` }),
    );
    const { block } = included(await send(hotOf(who), { kind: 'commit', netuid, payload }));
    const commitment = await chain.commitment(who.hotkey.address, netuid);
    expect(commitment).toEqual({
      hotkey: who.hotkey.address,
      standing: { block: block.number, fields: [{ kind: 'raw', bytes: payload }] },
      lastBlock: block.number,
      revealed: [],
    });
    const seen = (await chain.snapshot(netuid)).commitments.find(
      ({ hotkey }) => hotkey === who.hotkey.address,
    );
    expect(seen).toEqual(commitment);
    expect(await chain.lastCommitment(who.hotkey.address, netuid, block.number)).toBe(block.number);
    expect(await chain.lastCommitment(who.hotkey.address, netuid, block.number - 1)).toBeNull();
  });

  it('P12: a BigRaw of 129 and of 512 bytes is taken, one of 513 never sent', async () => {
    const commit = (bytes: number): Call => ({
      kind: 'commit',
      netuid,
      payload: new Uint8Array(bytes).fill(120),
    });
    if (!chain.features.bigRaw) {
      await expect(send(hotOf(miner()), commit(129))).rejects.toMatchObject({
        code: 'MISSING_FEATURE',
      });
      return;
    }
    for (const bytes of [129, 512]) {
      const who = miner();
      expect(included(await send(hotOf(who), commit(bytes))).outcome.ok).toBe(true);
      const [field] = (await chain.commitment(who.hotkey.address, netuid)).standing!.fields;
      expect(field).toEqual({ kind: 'raw', bytes: new Uint8Array(bytes).fill(120) });
    }
    await expect(send(hotOf(accounts.miners[0]!), commit(513))).rejects.toMatchObject({
      code: 'BAD_PAYLOAD',
    });
  });

  it('P09 P10: several fields are ambiguous, a hash alone says nothing', async () => {
    const [several, hashed] = [miner(), miner()];
    const maxFields = Number(chain.api.consts['commitments']!['maxFields']!.toString());
    if (maxFields > 1) {
      await commitFields(hotOf(several), [{ Raw1: '0x61' }, { Raw1: '0x62' }]);
      expect(await lineOf(several.hotkey.address)).toBe('E_AMBIGUOUS');
    }
    await commitFields(hotOf(hashed), [{ Sha256: `0x${'11'.repeat(32)}` }]);
    expect(await lineOf(hashed.hotkey.address)).toBe('E_NO_PREIMAGE');
  });

  it('P13: a bonds reset beside a payload changes nothing', async () => {
    if (!chain.features.bigRaw) return; // the flag came with the larger fields
    const who = miner();
    await commitFields(hotOf(who), [{ Raw2: '0x7b7d' }, { ResetBondsFlag: null }]);
    expect(await lineOf(who.hotkey.address)).toBe('payload');
  });

  it('P11: a sealed commitment waits, opens with its pulse, and keeps its commit block', async () => {
    const beacon = (await chain.subnet(netuid, accounts.validator.hotkey.address)).beacon;
    if (!chain.features.timelock || !beacon) {
      const sealedCall: Call = {
        kind: 'commit-sealed',
        netuid,
        ciphertext: new Uint8Array(300),
        round: 5,
      };
      await expect(send(hotOf(accounts.miners[0]!), sealedCall)).rejects.toMatchObject({
        code: 'MISSING_FEATURE',
      });
      return;
    }
    const who = miner();
    const text = utf8('{"image":"sealed"}');
    const round = 90_000_001;
    const ciphertext = seal(beacon, round, concatBytes(compact(text.length), text), sealEntropy());
    const { block } = included(
      await send(hotOf(who), { kind: 'commit-sealed', netuid, ciphertext, round }),
    );
    expect(
      countedCommitments(await chain.commitment(who.hotkey.address, netuid), null),
    ).toMatchObject([
      {
        commitBlock: block.number,
        revealBlock: null,
        content: { kind: 'hidden', reason: expect.stringContaining(String(round)) },
      },
    ]);
    await rawSend(chain.api, 'dev_pulse', round);
    await rawSend(chain.api, 'dev_newBlock', { count: 2 });
    const commitment = await chain.commitment(who.hotkey.address, netuid);
    const [line] = countedCommitments(commitment, null);
    expect(line).toMatchObject({ commitBlock: block.number, content: { kind: 'payload' } });
    expect(line!.revealBlock).toBeGreaterThan(block.number);
    expect(Buffer.from((line!.content as { bytes: Uint8Array }).bytes).toString()).toBe(
      '{"image":"sealed"}',
    );
    expect((await chain.snapshot(netuid)).commitments).toContainEqual(commitment);
  });

  it('takes no commitment of a stranger, and says that nothing helps', async () => {
    const delivery = await send(devPair('//Stranger'), {
      kind: 'commit',
      netuid,
      payload: utf8('x'),
    });
    expect(refusal(delivery)).toMatchObject({
      name: expect.stringContaining('AccountNotAllowedCommit'),
      remedy: 'give-up',
    });
  });

  it('proves a payment, and sees through every other', async () => {
    const payer = accounts.miners[0]!;
    const remark = paymentRemark(payer.hotkey.address, `sha256:${'cd'.repeat(32)}`, 'salt');
    const call: Call = {
      kind: 'pay',
      treasury: accounts.treasury.address,
      amountRao: 100_000_000n,
      remark,
    };
    const transaction = await chain.transactor(devPair(payer.coldkey.uri)).sign(call);
    const { block } = included(await deliverExtrinsic(ports(), transaction));
    const before = await chain.finalizedHead();
    const claim = {
      tx: transaction.hash,
      block: block.number as number | string,
      coldkey: payer.coldkey.address,
      treasury: accounts.treasury.address,
      amountRao: 100_000_000n,
      remarks: [remark],
      before,
    };
    expect(await chain.payment(claim)).toEqual({ state: 'paid' });
    expect(await chain.payment({ ...claim, remarks: ['other', remark] })).toEqual({
      state: 'paid',
    });
    expect(await chain.payment({ ...claim, block: block.hash })).toEqual({ state: 'paid' });
    const wrong: [string, Partial<typeof claim>, RegExp][] = [
      ['more', { amountRao: 100_000_001n }, /the fee is/],
      ['treasury', { treasury: payer.coldkey.address }, /treasury/],
      ['remark', { remarks: [`${remark}x`] }, /another submission/],
      ['coldkey', { coldkey: accounts.validator.coldkey.address }, /coldkey/],
      ['hash', { tx: `0x${'00'.repeat(32)}` }, /not in block/],
      ['later', { block: before.number + 50 }, /by which it had to be paid/],
      [
        'not final',
        { before: { ...before, number: block.number - 1 } },
        /by which it had to be paid/,
      ],
    ];
    for (const [name, change, reason] of wrong)
      expect(await chain.payment({ ...claim, ...change }), name).toMatchObject({
        state: 'refused',
        reason: expect.stringMatching(reason),
      });
  });

  it('refuses a failed batch, a bare transfer and a batch that stops at its first failure', async () => {
    const payer = accounts.miners[1]!;
    const remark = paymentRemark(payer.hotkey.address, 'd', null);
    const { tx } = chain.api;
    const transfer = tx['balances']['transferKeepAlive'](accounts.treasury.address, 5n);
    const tooMuch = tx['balances']['transferKeepAlive'](accounts.treasury.address, 10n ** 18n);
    const note = tx['system']['remark'](`0x${Buffer.from(remark).toString('hex')}`);
    for (const call of [
      tx['utility']['batchAll']([tooMuch, note]),
      transfer,
      tx['utility']['batch']([transfer, note]),
    ]) {
      const signed = await call.signAsync(devPair(payer.coldkey.uri), { nonce: -1, era: 0 });
      const from = (await chain.finalizedHead()).number;
      await rawSend(chain.api, 'author_submitExtrinsic', signed.toHex());
      let block: number | null = null;
      for (let i = 0; block === null && i < 100; i++) {
        await monotonicClock.sleep(50);
        for (let number = from; number <= (await chain.finalizedHead()).number; number++)
          if ((await chain.extrinsics(number))?.extrinsics.includes(signed.toHex())) block = number;
      }
      const outcome = await chain.payment({
        tx: signed.hash.toHex(),
        block: block!,
        coldkey: payer.coldkey.address,
        treasury: accounts.treasury.address,
        amountRao: 5n,
        remarks: [remark],
        before: await chain.finalizedHead(),
      });
      expect(outcome.state, call.method.method).toBe('refused');
    }
  });

  it('lets the same bytes in once, however often they are sent', async () => {
    const who = devPair(accounts.miners[2]!.coldkey.uri);
    const before = await chain.finalizedNonce(who.address);
    const call: Call = {
      kind: 'pay',
      treasury: accounts.treasury.address,
      amountRao: 7n,
      remark: 'once',
    };
    const transaction = await chain.transactor(who).sign(call);
    const first = included(await deliverExtrinsic(ports(), transaction));
    expect(included(await deliverExtrinsic(ports(), transaction)).block).toEqual(first.block);
    expect((await chain.finalizedNonce(who.address)).nonce).toBe(before.nonce + 1);
    // Another transaction with its nonce: it can never land, and is found nowhere.
    const twin = {
      ...(await chain.transactor(who).sign({ ...call, remark: 'twin' })),
      nonce: transaction.nonce,
    };
    expect(await deliverExtrinsic(ports(), twin)).toEqual({ state: 'expired' });
    const late = await chain.transactor(who).sign({ ...call, remark: 'late' });
    await advanceTo(chain.api, late.lastBlock + 3);
    expect(await deliverExtrinsic(ports(), late)).toEqual({ state: 'expired' });
    expect(await chain.balanceRao(who.address)).toBeGreaterThan(0n);
  });

  it('refuses wrong weights by names that say what to do', async () => {
    const state = await chain.subnet(netuid, accounts.validator.hotkey.address);
    const validator = devPair(accounts.validator.hotkey.uri);
    const set = (row: { uid: number; weight: number }[]): Call => ({
      kind: 'set-weights',
      netuid,
      row,
      versionKey: state.versionKey,
    });
    if (state.commitReveal) {
      expect(refusal(await send(validator, set([{ uid: 0, weight: 1 }])))).toMatchObject({
        remedy: 'fix',
        name: expect.stringContaining('CommitReveal'),
      });
      return;
    }
    const twice = [
      { uid: 0, weight: 1 },
      { uid: 0, weight: 1 },
    ];
    expect(refusal(await send(validator, set(twice)))).toMatchObject({
      name: expect.stringContaining('DuplicateUids'),
      remedy: 'fix',
    });
    expect(refusal(await send(validator, set([{ uid: 4000, weight: 1 }])))).toMatchObject({
      remedy: 'fix',
    });
    expect(refusal(await send(devPair('//Stranger'), set([{ uid: 0, weight: 1 }])))).toMatchObject({
      remedy: 'give-up',
    });
  });

  it('commits weights by hash and reveals them in their epoch', async () => {
    const state = await chain.subnet(netuid, accounts.validator.hotkey.address);
    if (!state.commitReveal) return;
    const validator = devPair(accounts.validator.hotkey.uri);
    const row = [
      { uid: 0, weight: 13107 },
      { uid: 2, weight: 65535 },
    ];
    // As a runtime without timelocks would have it, also where this one has them.
    const { call, commit } = weightsCall(
      arena,
      { ...state, timelockVersion: null },
      { hotkey: validator.address, row },
      weightsEntropy(),
    );
    const { block, outcome } = included(await send(validator, call));
    expect(outcome).toEqual({ ok: true });
    const epoch = await chain.epoch(netuid, block);
    expect(await chain.waitingCommits(netuid, validator.address, epoch)).toContain(commit!.hash);
    const reveal = revealCall(netuid, row, state.versionKey, commit!);
    expect(refusal(await send(validator, reveal))).toMatchObject({ remedy: 'retry' });
    await advanceTo(
      chain.api,
      epochNow(await chain.subnet(netuid, validator.address), netuid).next + 1,
    );
    expect(included(await send(validator, reveal)).outcome).toEqual({ ok: true });
    expect(
      sameRow(
        await chain.weights(accounts.validator.uid!, netuid, await chain.finalizedHead()),
        row,
      ),
    ).toBe(true);
  });

  it('settles once an epoch, in the way of the subnet, and counts weights as set when the chain shows them', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'settle-'));
    const git = (...args: string[]): void =>
      void execFileSync('git', ['-C', folder, ...args], { stdio: 'pipe' });
    git('init', '-q', '-b', 'main');
    writeFileSync(join(folder, '.gitattributes'), 'results/** -text\n');
    git('add', '.');
    git('-c', 'user.name=t', '-c', 'user.email=t@t', 'commit', '-qm', 'Begin');
    const pair = devPair(accounts.validator.hotkey.uri);
    const signer = signerOf(pair);
    const store = gitStore({ folder, remote: null });
    const wallet = chain.transactor(pair);
    const settlePorts: SettlePorts = {
      ...ports(),
      wallet,
      ledger: new OwnLedger(store, signer),
      entropy: weightsEntropy,
    };
    const operator = {
      validator: pair.address,
      tree: '0'.repeat(40),
      run: null,
      node: process.version,
      host: {},
      tier: 'none',
    };
    const run = (dry = false) => settle(settlePorts, arena, operator, dry);
    vi.mocked(checkSignature).mockClear();
    let opened = 0;
    const ledger = async () => {
      const now = await openStored(store, pair.address);
      opened += now.records.length;
      return now;
    };

    expect(await run(true)).toMatchObject({ sent: false, uids: [0], weights: [65535] });
    expect(recordsOf(await ledger(), 'weights-intent')).toEqual([]);
    const first = await run();
    const { commitReveal } = await chain.subnet(netuid, pair.address);
    expect(first).toMatchObject({ sent: true, uids: [0] });
    expect(recordsOf(await ledger(), 'weights').map(({ predicate }) => predicate.status)).toEqual([
      commitReveal ? 'pending' : 'set',
    ]);
    expect(await run()).toMatchObject({ sent: false });
    // Each of its two records was verified once over three settlings of one process.
    expect(checkSignature).toHaveBeenCalledTimes(2 + opened);
    if (commitReveal) {
      const round = recordsOf(await ledger(), 'weights')[0]!.predicate.commit!.round;
      await advanceTo(
        chain.api,
        epochNow(await chain.subnet(netuid, pair.address), netuid).next + 1,
      );
      if (round !== null) {
        expect(first.method).toBe('timelock');
        await rawSend(chain.api, 'dev_pulse', round);
        await rawSend(chain.api, 'dev_newBlock', { count: 2 });
      } else expect(first.method).toBe('commit-reveal');
      await run();
      expect(
        recordsOf(await ledger(), 'weights-readback').map(({ predicate }) => predicate.status),
      ).toEqual(['set']);
    }
    expect(
      await chain.weights(accounts.validator.uid!, netuid, await chain.finalizedHead()),
    ).toEqual([{ uid: 0, weight: 65535 }]);
    expect((await ledger()).faults).toEqual([]);

    // The head of that ledger, anchored after the weights, once, with its transaction on record.
    const settled = await settleAndAnchor(settlePorts, arena, operator, false);
    expect(settled.anchor.anchored, settled.anchor.reason).toBe(true);
    const [anchored] = recordsOf(await ledger(), 'anchor');
    const { record, block, extrinsic } = anchored!.predicate.anchor;
    expect(anchorOf(await chain.commitment(pair.address, netuid))).toEqual(record);
    expect(await chain.timestampMs(block)).toBe(block.timestampMs);
    expect((await chain.extrinsics(block.number))!.extrinsics[extrinsic.index]).toBe(
      extrinsic.bytes,
    );
    const again = await settleAndAnchor(settlePorts, arena, operator, false);
    expect(again.anchor.anchored).toBe(false);
    const last = (await ledger()).records.find(({ sha256 }) => sha256 === record.sha256)!;

    // An audit against the chain: sound as it is, and without its last record no longer.
    const files = await store.read(pair.address);
    const check = (ledgerFiles: typeof files) =>
      audit(new Map([[pair.address, ledgerFiles]]), {
        ...noPorts,
        chain,
      });
    expect((await check(files)).faults).toEqual([]);
    const gone = [last.path, anchored!.path];
    const cut = new Map([...files].filter(([path]) => !gone.some((name) => path.startsWith(name))));
    expect((await check(cut)).faults.map(({ code }) => code)).toContain('CHAIN_GAP');
    rmSync(folder, { recursive: true });
  });
});
