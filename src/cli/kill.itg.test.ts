// Tests of commands killed at random points: no fee is paid twice, no weights are set twice.
// kill -9 at random points of `submit` and `settle`: nothing is paid or set twice, and the next run
// finishes. Ten points of each here; fifty with `npm run soak`.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../compose/repository.ts';
import { type ChainServer, startChain } from '../devnet/chain/chain-server.ts';
import { chainRegistry } from '../devnet/chain/metadata.ts';
import { writeWallet } from '../devnet/demo/wallets.ts';
import { engineDigest, engineImage } from '../devnet/engine-names.ts';
import { gitStore } from '../ledger/io/git-store.ts';
import { openStored } from '../ledger/open.ts';
import { recordsOf } from '../ledger/read.ts';
import { startProxy } from '../testing/chain-proxy.ts';

const POINTS = Number(process.env['SOAK_POINTS'] ?? 10);
const FEE_RAO = 100_000_000n;
const { registry } = chainRegistry();

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kill-'));
  const arena = JSON.parse(readFileSync(join(ROOT, 'src/devnet/arena.json'), 'utf8')) as object;
  writeFileSync(join(folder, 'arena.json'), JSON.stringify({ ...arena, timelock: true }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/**
 * Runs the command line against a chain; the process dies at its `killAt`-th request, before or
 * after the request reaches the chain.
 */
async function run(
  server: ChainServer,
  args: readonly string[],
  env: Record<string, string>,
  killAt: { request: number; passes: boolean } | { ms: number } | null,
): Promise<{ code: number | null; requests: number; err: string }> {
  let child: ChildProcess | null = null;
  const proxy = await startProxy(server.url, {
    meddle: (_method, _params, count) => {
      if (killAt === null || !('request' in killAt) || count !== killAt.request) return 'pass';
      child!.kill('SIGKILL');
      return killAt.passes ? 'pass' : 'hang-up';
    },
  });
  child = spawn(
    process.execPath,
    [
      join(ROOT, 'src/cli/main.ts'),
      ...args,
      '--endpoint',
      proxy.url,
      '--arena',
      join(folder, 'arena.json'),
    ],
    {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let err = '';
  child.stderr!.on('data', (data: Buffer) => (err += data.toString()));
  const timer =
    killAt && 'ms' in killAt ? setTimeout(() => child.kill('SIGKILL'), killAt.ms) : null;
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  if (timer) clearTimeout(timer);
  await proxy.close();
  return { code, requests: proxy.requests.length, err };
}

/** Signed extrinsics of the whole chain, by signer and call. */
function callsOf(server: ChainServer, signer: string): string[] {
  return server.node.blocks.flatMap((block) =>
    block.extrinsics.slice(1).flatMap((hex) => {
      const extrinsic = registry.createType('Extrinsic', hex);
      return extrinsic.signer.toString() === signer
        ? [`${extrinsic.method.section}.${extrinsic.method.method}`]
        : [];
    }),
  );
}

/** Runs trials two at a time. */
async function inPairs(count: number, trial: (index: number) => Promise<void>): Promise<void> {
  for (let index = 0; index < count; index += 2)
    await Promise.all([index, index + 1].filter((at) => at < count).map(trial));
}

const random = (most: number): number => 1 + Math.floor(Math.random() * most);

describe('killed at a random point', () => {
  it(
    `submit never pays twice and always finishes (${POINTS} points)`,
    { timeout: 60_000 * POINTS },
    async () => {
      const server = await startChain({ miners: POINTS + 1 });
      const { miners, treasury } = server.node.genesis;
      const submit = (index: number, killAt: Parameters<typeof run>[3]) => {
        writeWallet(join(folder, 'wallets'), `w${index}`, miners[index]!);
        const args = [
          'submit',
          '--image',
          engineImage('fast'),
          '--digest',
          engineDigest('fast'),
          '--wallet-path',
          join(folder, 'wallets'),
        ];
        return run(
          server,
          [...args, '--wallet-name', `w${index}`, '--no-wait'],
          { CACHEON_HOME: join(folder, 'home') },
          killAt,
        );
      };
      const whole = await submit(POINTS, null);
      expect(whole.code, whole.err).toBe(0);
      await inPairs(POINTS, async (index) => {
        const point = { request: random(whole.requests), passes: Math.random() < 0.5 };
        const killed = await submit(index, point);
        expect(
          killed.code === null || killed.code === 0,
          `killed at ${JSON.stringify(point)}: ${killed.err}`,
        ).toBe(true);
        const again = await submit(index, null);
        expect(again.code, `after ${JSON.stringify(point)}: ${again.err}`).toBe(0);
        expect(callsOf(server, miners[index]!.coldkey.address), JSON.stringify(point)).toEqual([
          'utility.batchAll',
        ]);
        expect(callsOf(server, miners[index]!.hotkey.address), JSON.stringify(point)).toEqual([
          'commitments.setCommitment',
        ]);
      });
      const balance = server.node.storage.get('system.account', treasury.address)!.toJSON() as {
        data: { free: string | number };
      };
      expect(BigInt(balance.data.free) - 1_000_000_000_000n).toBe(FEE_RAO * BigInt(POINTS + 1));
      await server.close();
    },
  );

  it(
    `F07 F13 settle never sets twice and always finishes (${POINTS} points)`,
    { timeout: 60_000 * POINTS },
    async () => {
      const settle = async (
        name: string,
        commitReveal: boolean,
        killAt: Parameters<typeof run>[3],
      ) => {
        const server = await startChain({ commitReveal });
        const repo = join(folder, name);
        const git = (...args: string[]): void =>
          void execFileSync('git', ['-C', repo, ...args], { stdio: 'pipe' });
        mkdirSync(repo);
        git('init', '-q', '-b', 'main');
        writeFileSync(join(repo, '.gitattributes'), 'results/** -text\n');
        git('add', '.');
        git('-c', 'user.name=t', '-c', 'user.email=t@t', 'commit', '-qm', 'Begin');
        const env = { CACHEON_HOTKEY: server.node.genesis.validator.hotkey.uri };
        const args = ['settle', '--repo', repo];
        const killed = await run(server, args, env, killAt);
        return { server, repo, killed, again: () => run(server, args, env, null) };
      };
      const whole = await settle('whole', false, null);
      expect(whole.killed.code, whole.killed.err).toBe(0);
      await whole.server.close();
      await inPairs(POINTS, async (index) => {
        // By requests, and by time: that also hits the commits to git in between.
        const point =
          index % 3 === 2
            ? { ms: 700 + random(2500) }
            : { request: random(whole.killed.requests), passes: Math.random() < 0.5 };
        const commitReveal = index % 2 === 1;
        const { server, repo, again } = await settle(`settle-${index}`, commitReveal, point);
        const second = await again();
        expect(second.code, `after ${JSON.stringify(point)}: ${second.err}`).toBe(0);
        const { address } = server.node.genesis.validator.hotkey;
        const calls = callsOf(server, address).filter((call) => call.startsWith('subtensorModule'));
        expect(calls, JSON.stringify(point)).toEqual([
          `subtensorModule.${commitReveal ? 'commitTimelockedWeights' : 'setWeights'}`,
        ]);
        const ledger = await openStored(gitStore({ folder: repo, remote: null }), address);
        expect(
          recordsOf(ledger, 'weights').filter(({ predicate }) => predicate.status !== 'failed')
            .length,
          JSON.stringify(point),
        ).toBe(1);
        await server.close();
      });
    },
  );
});
