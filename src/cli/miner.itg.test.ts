// A miner's commands as a miner runs them: real processes, real keyfiles, the embedded chain.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sr25519Verify } from '@polkadot/util-crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { QUICKNET_BEACON } from '../core/quicknet.ts';
import { publishedAt } from '../beacon/pulses.ts';
import { connect } from '../chain/io/connect.ts';
import { ROOT } from '../compose/repository.ts';
import { fromHex, toHex, utf8 } from '../core/bytes.ts';
import { decodeSs58 } from '../core/ss58.ts';
import { type ChainServer, startChain } from '../devnet/chain/chain-server.ts';
import { DEVNET_BEACON, signPulse } from '../devnet/chain/pallets/drand-pallet.ts';
import { devKeyfile, writeWallet, writeWallets } from '../devnet/demo/wallets.ts';
import { engineDigest, engineImage } from '../devnet/engine-names.ts';
import type { StatusReport } from '../pipeline/status.ts';
import type { SubmitReport } from '../pipeline/submit/submit.ts';
import { startProxy } from '../testing/chain-proxy.ts';

const SIGNATURE =
  'b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39';
const BLOCK_SECONDS = 12;
const IMAGE = ['--image', engineImage('fast'), '--digest', engineDigest('fast')];

let server: ChainServer;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'miner-'));
  server = await startChain({ miners: 4 });
  writeWallets(join(folder, 'wallets'), server.node.genesis);
  const { stranger } = server.node.genesis;
  writeWallet(join(folder, 'wallets'), 'stranger', { coldkey: stranger, hotkey: stranger });
  const devnet = JSON.parse(readFileSync(join(ROOT, 'src/devnet/arena.json'), 'utf8')) as object;
  writeFileSync(join(folder, 'arena.json'), JSON.stringify({ ...devnet, timelock: true }));
  execFileSync('git', ['init', '-q', join(folder, 'repo')]);
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

type Result = { code: number | null; stdout: string; stderr: string };
function cacheon(
  args: readonly string[],
  stdin = '',
  env: Record<string, string> = {},
): Promise<Result> {
  const child = spawn(process.execPath, [join(ROOT, 'src/cli/main.ts'), ...args], {
    env: { ...process.env, CACHEON_HOME: join(folder, 'home'), ...env },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  child.stdin.end(stdin);
  return new Promise((resolve) => child.once('exit', (code) => resolve({ code, stdout, stderr })));
}
const chainArgs = (): string[] => [
  '--arena',
  join(folder, 'arena.json'),
  '--endpoint',
  server.url,
  '--json',
];
const walletArgs = (name: string): string[] => [
  '--wallet-path',
  join(folder, 'wallets'),
  '--wallet-name',
  name,
];
const submit = (name: string, ...more: string[]): Promise<Result> =>
  cacheon(['submit', ...IMAGE, ...walletArgs(name), ...chainArgs(), ...more]);
const status = async (hotkey: string): Promise<StatusReport> => {
  const result = await cacheon(['status', hotkey, '--repo', join(folder, 'repo'), ...chainArgs()]);
  expect(result.code, result.stderr).toBe(0);
  return (JSON.parse(result.stdout) as { validators: StatusReport[] }).validators[0]!;
};
const errorOf = ({
  stdout,
}: Result): { code: string; detail?: string; message: string; hint: string } =>
  (
    JSON.parse(stdout) as {
      error: { code: string; detail?: string; message: string; hint: string };
    }
  ).error;

describe('cacheon devnet chain', () => {
  it('builds blocks by itself in the pace that it is given', async () => {
    const args = ['devnet', 'chain', '--miners', '1', '--block-ms', '20'];
    const child = spawn(process.execPath, [join(ROOT, 'src/cli/main.ts'), ...args]);
    try {
      const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
      const { endpoint } = JSON.parse(line) as { endpoint: string };
      const api = await connect(endpoint);
      const head = async (): Promise<number> => (await api.rpc.chain.getHeader()).number.toNumber();
      const first = await head();
      await expect.poll(head, { timeout: 5000 }).toBeGreaterThan(first + 3);
      await api.disconnect();
    } finally {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  });
});

describe('cacheon timelock', () => {
  it('seals for a round and opens with its signature', async () => {
    const sealed = await cacheon(['timelock', 'seal', '--round', '1000'], '0x6e657773');
    expect(sealed.code, sealed.stderr).toBe(0);
    expect(sealed.stdout.trim().length).toBe(2 + 2 * (4 + 244));
    const opened = await cacheon(['timelock', 'open', '--signature', SIGNATURE], sealed.stdout);
    expect([opened.code, opened.stdout]).toEqual([0, '0x6e657773\n']);
  });

  it("seals for another beacon's key, which only that beacon opens", async () => {
    const key = toHex(DEVNET_BEACON.publicKey);
    const args = ['timelock', 'seal', '--round', '5', '--public-key', key];
    const { stdout } = await cacheon(args, '0x6e657773');
    const own = toHex(signPulse(5));
    const opened = await cacheon(['timelock', 'open', '--signature', own], stdout);
    expect([opened.code, opened.stdout]).toEqual([0, '0x6e657773\n']);
    const foreign = await cacheon(['timelock', 'open', '--signature', SIGNATURE], stdout);
    expect(foreign.code).not.toBe(0);
  });

  it.each([
    ['no round', ['timelock', 'seal'], '00', 'USAGE'],
    ['round 0', ['timelock', 'seal', '--round', '0'], '00', 'USAGE'],
    ['no hex', ['timelock', 'seal', '--round', '5'], 'hello', 'USAGE'],
    ['a signature that is none', ['timelock', 'open', '--signature', '00'], '00', 'BAD_SIGNATURE'],
    [
      'a ciphertext that is none',
      ['timelock', 'open', '--signature', SIGNATURE],
      '00ff',
      'BAD_CIPHERTEXT',
    ],
  ])('says what is wrong: %s', async (_, args, stdin, code) => {
    const result = await cacheon([...args, '--json'], stdin);
    expect([result.code, errorOf(result).code]).toEqual([2, code]);
  });
});

describe('cacheon wallet show', () => {
  it('prints addresses and key types, a test signature, and nothing secret', async () => {
    const { coldkey, hotkey } = server.node.genesis.miners[0]!;
    const result = await cacheon([
      'wallet',
      'show',
      ...walletArgs('miner0'),
      '--sign',
      'hello',
      '--json',
    ]);
    expect(result.code, result.stderr).toBe(0);
    const shown = JSON.parse(result.stdout) as {
      keys: { key: string; address: string; type: string }[];
      signature: string;
    };
    expect(shown.keys.map(({ key, address, type }) => [key, address, type])).toEqual([
      ['coldkeypub', coldkey.address, 'sr25519'],
      ['coldkey', coldkey.address, 'sr25519'],
      ['hotkey', hotkey.address, 'sr25519'],
    ]);
    expect(
      sr25519Verify(
        utf8('cacheon wallet test: hello'),
        fromHex(shown.signature)!,
        decodeSs58(hotkey.address)!,
      ),
    ).toBe(true);
    for (const uri of [coldkey.uri, hotkey.uri]) {
      const secret = devKeyfile(uri)['privateKey']!.slice(2);
      for (const text of [result.stdout, result.stderr])
        expect(text).not.toContain(secret.slice(0, 16));
    }
  });

  it('says what is missing', async () => {
    const result = await cacheon(['wallet', 'show', ...walletArgs('nobody'), '--json']);
    expect([result.code, errorOf(result).code]).toEqual([2, 'NO_WALLET']);
  });
});

describe('cacheon submit', () => {
  it('shows calls and fees without sending anything', async () => {
    const before = server.node.blocks.length;
    const result = await submit('miner0', '--dry-run', '--fee', '0.1');
    expect(result.code, result.stderr).toBe(0);
    const { dryRun } = JSON.parse(result.stdout) as SubmitReport;
    expect(dryRun!.map(({ call, amountRao }) => [call, amountRao])).toEqual([
      ['utility.batchAll [transferKeepAlive, remark]', '100000000'],
      ['commitments.setCommitment [timelock]', '0'],
    ]);
    expect(Number(dryRun![0]!.feeRao)).toBeGreaterThan(1000);
    expect(server.node.blocks.length).toBe(before);
  });

  it('shows what it is about to do, in TAO, and the calls on stdout', async () => {
    const args = ['submit', ...IMAGE, ...walletArgs('miner0'), '--dry-run'];
    const result = await cacheon([...args, ...chainArgs().filter((word) => word !== '--json')]);
    expect(result.code, result.stderr).toBe(0);
    expect(result.stderr).toMatch(/0\.1 TAO to the treasury 5/);
    expect(result.stdout).toMatch(/would send {2}the fee: 0\.1 TAO to the treasury/);
  });

  it('pays, commits, shows both hashes, confirms the reveal, and does nothing twice', async () => {
    const hotkey = server.node.genesis.miners[0]!.hotkey.address;
    expect((await status(hotkey)).submissions).toEqual([]);
    const sent = await submit('miner0', '--no-wait', '--reveal-blocks', '1000');
    expect(sent.code, sent.stderr).toBe(0);
    const report = JSON.parse(sent.stdout) as SubmitReport;
    const opensSeconds = publishedAt(DEVNET_BEACON, report.commitment!.round!);
    expect(opensSeconds - Date.now() / 1000).toBeGreaterThan(990 * BLOCK_SECONDS);
    expect(report.payment!.tx).toMatch(/^0x[0-9a-f]{64}$/);
    for (const hash of [report.payment!.tx, report.commitment!.tx])
      expect(sent.stderr).toContain(hash);
    expect((await status(hotkey)).submissions).toMatchObject([
      { status: 'waiting', verdict: 'SKIP_UNREVEALED' },
    ]);
    server.node.forcePulse(report.commitment!.round!);
    server.node.build();
    server.node.build();
    const again = await submit('miner0');
    expect(again.code, again.stderr).toBe(0);
    const { revealBlock, ...same } = JSON.parse(again.stdout) as SubmitReport;
    expect(revealBlock).toBeGreaterThan(report.commitment!.block);
    expect({ ...same, revealBlock: null }).toEqual(report);
    const dry = await submit('miner0', '--dry-run');
    const told = JSON.parse(dry.stdout) as SubmitReport;
    expect([told.dryRun, told.commitment]).toEqual([[], report.commitment]);
    const shown = await status(hotkey);
    expect(await status(hotkey.slice(0, 8))).toEqual(shown);
    const stranger = await cacheon(['status', '5CTU2xKq', ...chainArgs()]);
    expect([stranger.code, errorOf(stranger).message]).toEqual([
      2,
      expect.stringMatching(/no hotkey/),
    ]);
    expect(shown.submissions).toMatchObject([
      {
        status: 'evaluate',
        role: 'challenger',
        queue: 1,
        commitBlock: report.commitment!.block,
        revealBlock,
        image: engineImage('fast'),
      },
    ]);
    expect(shown.registered).toBe(true);
  });

  it('goes on after a payment made elsewhere, without its notes', async () => {
    const first = await submit('miner1', '--no-wait');
    expect(first.code, first.stderr).toBe(0);
    const { payment } = JSON.parse(first.stdout) as SubmitReport;
    rmSync(join(folder, 'home'), { recursive: true });
    const more = [
      '--payment-tx',
      payment!.tx,
      '--payment-block',
      String(payment!.block),
      '--replace',
      '--no-wait',
    ];
    const second = await submit('miner1', ...more);
    expect(second.code, second.stderr).toBe(0);
    expect((JSON.parse(second.stdout) as SubmitReport).payment).toEqual(payment);
    const other = await submit('miner2', ...more);
    expect([other.code, errorOf(other).code]).toEqual([2, 'REJECTED']);
  });

  it('charges nobody again for another name of the same image', async () => {
    const renamed = [
      'submit',
      '--image',
      '127.0.0.1:5000/renamed',
      '--digest',
      engineDigest('fast'),
      ...walletArgs('miner1'),
    ];
    const result = await cacheon([...renamed, ...chainArgs(), '--no-wait']);
    expect([result.code, errorOf(result).code]).toEqual([2, 'REJECTED']);
    expect(errorOf(result).hint).toContain('--again');
  });

  it('destroys no sealed commitment unasked', async () => {
    const other = [
      'submit',
      '--image',
      engineImage('plain'),
      '--digest',
      engineDigest('plain'),
      ...walletArgs('miner1'),
      ...chainArgs(),
    ];
    const result = await cacheon([...other, '--no-wait']);
    expect([result.code, errorOf(result).code]).toEqual([2, 'REJECTED']);
    expect(errorOf(result).hint).toContain('--replace');
  });

  it('destroys no plain commitment of another image unasked', async () => {
    const plain = join(folder, 'plain.json');
    const own = JSON.parse(readFileSync(join(folder, 'arena.json'), 'utf8')) as object;
    writeFileSync(plain, JSON.stringify({ ...own, timelock: false }));
    let home = join(folder, 'home');
    const enter = (variant: string, ...more: string[]) =>
      cacheon(
        [
          ...['submit', '--image', `${engineImage(variant)}@${engineDigest(variant)}`, ...more],
          ...['--arena', plain, '--endpoint', server.url, '--json', ...walletArgs('miner2')],
        ],
        '',
        { CACHEON_HOME: home },
      );
    const first = await enter('fast');
    expect(first.code, first.stderr).toBe(0);
    const other = await enter('plain');
    expect([other.code, errorOf(other).code]).toEqual([2, 'REJECTED']);
    expect(errorOf(other).message).toContain(engineImage('fast'));
    expect((await enter('fast')).code).toBe(0);
    expect((await enter('plain', '--replace')).code).toBe(0);
    // Without its notes the chain still tells that this very image was paid for.
    home = join(folder, 'lost');
    const lost = await enter('plain');
    expect([lost.code, errorOf(lost).code]).toEqual([2, 'REJECTED']);
    expect(errorOf(lost).hint).toContain('--again');
  });

  it('begins anew where its notes are of an earlier chain with the same genesis', async () => {
    const home = { CACHEON_HOME: join(folder, 'second-home') };
    const enter = (url: string) =>
      cacheon(
        [
          ...['submit', ...IMAGE, ...walletArgs('miner0'), '--json', '--no-wait'],
          ...['--arena', join(ROOT, 'src/devnet/arena.json'), '--endpoint', url],
        ],
        '',
        home,
      );
    const first = await startChain({ seed: '22'.repeat(32) });
    first.node.build();
    const before = await enter(first.url);
    expect(before.code, before.stderr).toBe(0);
    await first.close();
    const second = await startChain({ seed: '22'.repeat(32) });
    const after = await enter(second.url);
    expect(after.code, after.stderr).toBe(0);
    expect(after.stderr).toContain('earlier chain');
    await second.close();
  });

  it.each([
    ['a hotkey that is not registered', () => submit('stranger'), 2, 'NOT_REGISTERED'],
    ['another fee', () => submit('miner3', '--fee', '0.2'), 2, 'USAGE'],
    ['another network', () => submit('miner3', '--network', 'finney'), 2, 'USAGE'],
    ['half a payment', () => submit('miner3', '--payment-block', '7'), 2, 'USAGE'],
    ['no wallet', () => submit('miner9'), 2, 'NO_WALLET'],
    [
      'a tag for a digest',
      () =>
        cacheon([
          'submit',
          '--image',
          'ghcr.io/a/b',
          '--digest',
          'latest',
          ...walletArgs('miner3'),
          ...chainArgs(),
        ]),
      2,
      'BAD_IMAGE',
    ],
    [
      'a chain that is not there',
      () =>
        cacheon([
          ...['submit', ...IMAGE, ...walletArgs('miner3'), '--arena', join(folder, 'arena.json')],
          ...['--endpoint', 'ws://127.0.0.1:1', '--json'],
        ]),
      3,
      'INFRA_CHAIN',
    ],
  ] as const)('refuses %s before any money moves', async (_, run, code, name) => {
    const before = server.node.blocks.length;
    const result = await run();
    expect([result.code, errorOf(result).code], result.stderr).toEqual([code, name]);
    expect(server.node.blocks.length).toBe(before);
  });

  it('refuses a coldkey that cannot pay', async () => {
    const { coldkey } = server.node.genesis.miners[3]!;
    const account = server.node.storage.get('system.account', coldkey.address)!.toJSON() as {
      data: object;
    };
    server.node.storage.put('system.account', [coldkey.address], {
      ...account,
      data: { ...account.data, free: 99_000_000 },
    });
    server.node.build();
    const result = await submit('miner3');
    expect([result.code, errorOf(result).code]).toEqual([2, 'INSUFFICIENT_BALANCE']);
  });
});

describe('scan and settle on a public chain', () => {
  const arena = (): string => {
    const path = join(folder, 'public.json');
    const own = JSON.parse(readFileSync(join(folder, 'arena.json'), 'utf8')) as object;
    const { hash } = server.node.blocks[0]!;
    const there = { network: 'test', genesisHash: hash, beacon: QUICKNET_BEACON };
    writeFileSync(path, JSON.stringify({ ...own, ...there }));
    // No public round is planned without the calibration of its tier.
    const calibration = join(ROOT, 'src/devnet/calibration');
    cpSync(calibration, join(folder, 'calibration'), { recursive: true });
    return path;
  };
  const tier = { CACHEON_TIER: 'devnet' };
  const validator = () => server.node.genesis.validator.hotkey;
  it('want two endpoints that answer: no plan and no weights without', async () => {
    const blocks = server.node.blocks.length;
    const common = ['--arena', arena(), '--json', '--repo', join(folder, 'repo')];
    const one = await cacheon(
      ['scan', '--validator', validator().address, '--endpoint', server.url, ...common],
      '',
      tier,
    );
    expect([one.code, errorOf(one).code, errorOf(one).detail]).toEqual([
      3,
      'INFRA_CHAIN',
      'UNREACHABLE',
    ]);
    const down = ['--endpoint', `${server.url},ws://127.0.0.1:1`];
    const scan = await cacheon(
      ['scan', '--validator', validator().address, ...down, ...common],
      '',
      tier,
    );
    expect([scan.code, errorOf(scan).code, errorOf(scan).detail]).toEqual([
      3,
      'INFRA_CHAIN',
      'UNREACHABLE',
    ]);
    const settle = await cacheon(['settle', ...down, ...common], '', {
      CACHEON_HOTKEY: validator().uri,
      ...tier,
    });
    expect([settle.code, errorOf(settle).code]).toEqual([3, 'INFRA_CHAIN']);
    const liar = await startProxy(server.url, {
      meddle: (method, [number]) =>
        method === 'chain_getBlockHash' && Number(number) > 0
          ? { result: `0x${'66'.repeat(32)}` }
          : 'pass',
    });
    const other = await startChain({ seed: '11'.repeat(32) });
    for (const [second, detail] of [
      [liar.url, 'DISAGREEMENT'],
      [other.url, 'UNREACHABLE'],
    ] as const) {
      const two = ['--endpoint', `${server.url},${second}`];
      const result = await cacheon(
        ['scan', '--validator', validator().address, ...two, ...common],
        '',
        tier,
      );
      expect([result.code, errorOf(result).code, errorOf(result).detail]).toEqual([
        3,
        'INFRA_CHAIN',
        detail,
      ]);
    }
    await liar.close();
    await other.close();
    expect(server.node.blocks.length).toBe(blocks);
  });
});
