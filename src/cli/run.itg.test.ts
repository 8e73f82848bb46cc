// The loop `cacheon run` over several rounds on a real chain, git and engines, killed at random points.
// Two rounds and six kills here; five and twenty with `npm run soak`.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SubtensorChain } from '../chain/io/subtensor.ts';
import { connect } from '../chain/io/connect.ts';
import { ROOT } from '../compose/repository.ts';
import { RoundFolder } from '../compose/round-folder.ts';
import { silentLog } from '../core/log.ts';
import { type ChainServer, startChain } from '../devnet/chain/chain-server.ts';
import { checkOutResults, newLedger } from '../devnet/demo/demo-ledger.ts';
import { submitImage } from '../devnet/demo/miners.ts';
import { namedImage } from '../devnet/engine-names.ts';
import { startEngine } from '../devnet/engine/engine-server.ts';
import { gitStore } from '../ledger/io/git-store.ts';
import { openStored } from '../ledger/open.ts';
import { endOf, openPlan } from '../ledger/plans.ts';
import { recordsOf } from '../ledger/read.ts';
import { parseArena } from '../schema/arena.ts';
import { hasSshServer, startSshServer } from '../testing/ssh-server.ts';

if (!hasSshServer())
  console.warn('skipped: measuring on another host by SSH (no OpenSSH server here)');

const SOAK = process.env['SOAK_POINTS'] !== undefined;
const ROUNDS = SOAK ? 5 : 2;
const KILLS = SOAK ? 20 : 6;
const cacheonPath = join(ROOT, 'scripts/cacheon');
const folder = mkdtempSync(join(tmpdir(), 'run-'));
const arenaFile = join(folder, 'arena.json');
const home = join(folder, 'home');

let server: ChainServer;
let chain: SubtensorChain;
let checkout: string;

beforeAll(async () => {
  server = await startChain({ miners: ROUNDS + 2, blockMs: 150, tempo: 20 });
  const devnet = JSON.parse(readFileSync(join(ROOT, 'src/devnet/arena.json'), 'utf8')) as object;
  const { netuid, treasury } = server.node.genesis;
  const small = {
    inputTokens: 64,
    maxTokens: 16,
    scoredPrompts: 3,
    laterPrompts: 3,
    roleControl: false,
  };
  const own = { netuid, treasury: treasury.address, calibration: {}, ...small };
  writeFileSync(arenaFile, JSON.stringify({ ...devnet, ...own }));
  chain = new SubtensorChain(await connect(server.url));
  checkout = newLedger(folder);
});
const children: ChildProcess[] = [];
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await chain.disconnect();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Starts the loop; what it says is kept. */
function start(
  more: readonly string[],
  env: Record<string, string> = {},
): { child: ChildProcess; said: () => string } {
  const args = ['run', '--arena', arenaFile, '--endpoint', server.url, '--repo', checkout];
  const where = ['--branch', 'ledger', '--home', home, '--engine-command', cacheonPath];
  const child = spawn(
    process.execPath,
    [join(ROOT, 'src/cli/main.ts'), ...args, ...where, ...more],
    {
      env: {
        ...process.env,
        CACHEON_HOTKEY: server.node.genesis.validator.hotkey.uri,
        CACHEON_TIER: 'devnet',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  children.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => (text += data.toString()));
  return { child, said: () => text };
}
const ended = (child: ChildProcess): Promise<number | null> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve(child.exitCode)
    : new Promise((resolve) => child.once('exit', resolve));

const ledgerNow = () =>
  openStored(
    gitStore({ folder: checkout, remote: 'origin' }),
    server.node.genesis.validator.hotkey.address,
  );

/** Runs the loop until every submission has a final verdict and the weights are set. */
async function untilDecided(rounds: number): Promise<void> {
  const { child, said } = start(['--interval', '1']);
  const deadline = Date.now() + 120_000;
  for (;;) {
    const ledger = await ledgerNow();
    const round = recordsOf(ledger, 'round').at(-1);
    const weights = recordsOf(ledger, 'weights').at(-1);
    const winner = round?.predicate.standing.winner;
    const measured = new Set(
      recordsOf(ledger, 'round').flatMap(({ predicate }) =>
        predicate.entries.flatMap(({ key, verdict }) => (verdict === 'VALID' ? [key] : [])),
      ),
    );
    const settled = weights && round && weights.predicate.seq > round.predicate.seq;
    if (!openPlan(ledger) && winner && measured.size >= rounds && settled) break;
    if (Date.now() > deadline) throw new Error(`not decided in time: ${said().slice(-3000)}`);
    await sleep(300);
  }
  child.kill('SIGTERM');
  expect(await ended(child), said()).toBe(0);
}

const VARIANTS = ['fast', 'speculative', 'float32', 'packed', 'slow-start', 'draft-growing'];

/** A miner pays and commits. */
async function enter(index: number): Promise<void> {
  const arena = parseArena(JSON.parse(readFileSync(arenaFile, 'utf8')), arenaFile);
  const { coldkey, hotkey } = server.node.genesis.miners[index]!;
  const uris = { coldkey: coldkey.uri, hotkey: hotkey.uri };
  await submitImage({ chain, arena, log: silentLog }, namedImage(VARIANTS[index]!), uris);
}

describe('cacheon run', () => {
  it(
    `plays ${ROUNDS} rounds with ${KILLS} kills: one end a plan, weights that follow, a clean audit`,
    { timeout: 200_000 * ROUNDS },
    async () => {
      for (let round = 1; round <= ROUNDS; round++) {
        await enter(round - 1);
        for (let kill = 0; kill < KILLS / ROUNDS; kill++) {
          const { child } = start(['--interval', '1']);
          await sleep(500 + Math.random() * 9000);
          child.kill('SIGKILL');
          await ended(child);
        }
        await untilDecided(round);
      }
      const ledger = await ledgerNow();
      const plans = recordsOf(ledger, 'plan');
      expect(plans.length).toBeGreaterThanOrEqual(ROUNDS);
      for (const plan of plans) expect(endOf(ledger, plan), plan.path).not.toBeNull();
      const ends = [...recordsOf(ledger, 'round'), ...recordsOf(ledger, 'void')];
      expect(new Set(ends.map(({ predicate }) => predicate.plan)).size).toBe(ends.length);
      const results = checkOutResults(folder);
      // Not a synchronous call: this process is the chain that the audit asks.
      const args = ['audit', results, '--arena', arenaFile, '--chain', server.url, '--json'];
      const { stdout } = await promisify(execFile)(cacheonPath, args);
      expect(JSON.parse(stdout)).toMatchObject({ ok: true, faults: [] });
    },
  );

  it.skipIf(!hasSshServer())(
    'measures on another host by SSH, and brings the evidence back',
    { timeout: 120_000 },
    async () => {
      const host = join(folder, 'host');
      const git = (...args: string[]) => promisify(execFile)('git', args);
      await git('clone', '-q', ROOT, host);
      await git('-C', host, 'remote', 'set-url', 'origin', join(folder, 'ledger.git'));
      symlinkSync(join(ROOT, 'node_modules'), join(host, 'node_modules'));
      const ssh = await startSshServer(join(folder, 'ssh'));
      try {
        await enter(ROUNDS);
        const env = {
          CACHEON_GPU_SSH: ssh.address,
          CACHEON_GPU_SSH_CONFIG: ssh.clientConfig,
          CACHEON_GPU_CHECKOUT: host,
        };
        const { child, said } = start(['--once'], env);
        expect(await ended(child), said()).toBe(0);
        expect(said()).toContain('pass: round of the plan');
        const round = recordsOf(await ledgerNow(), 'round').at(-1)!;
        expect(round.predicate.entries.at(-1)).toMatchObject({ verdict: 'VALID' });
        expect(Object.keys(round.predicate.files).length).toBeGreaterThan(3);
      } finally {
        await ssh.close();
      }
    },
  );

  it('ends a plan whose measuring is over also where nothing could be measured now', async () => {
    await enter(ROUNDS + 1);
    const { uri, address } = server.node.genesis.validator.hotkey;
    const args = ['publish', '--arena', arenaFile, '--endpoint', server.url, '--repo', checkout];
    await promisify(execFile)(cacheonPath, [...args, '--branch', 'ledger'], {
      env: { ...process.env, CACHEON_HOTKEY: uri, CACHEON_TIER: 'devnet' },
    });
    const nowhere = ['--once', '--engine-command', '/nowhere'];
    const refused = start(nowhere);
    expect(await ended(refused.child), refused.said()).toBe(2);
    const plan = openPlan(await ledgerNow())!;
    new RoundFolder(home, address, plan.predicate.block.number).begin(0);
    const { child, said } = start(nowhere);
    expect(await ended(child), said()).toBe(3);
    const end = endOf(await ledgerNow(), plan);
    expect(end).not.toBeNull();
    const round = String(plan.predicate.block.number);
    const late = promisify(execFile)(
      cacheonPath,
      [...args, '--branch', 'ledger', '--round', round, '--void', 'nobody liked it'],
      { env: { ...process.env, CACHEON_HOTKEY: uri } },
    );
    await expect(late).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('nothing was changed') as string,
    });
    expect(endOf(await ledgerNow(), plan)).toEqual(end);
  });

  it('rerun repeats a round, and forces its answers again, beside the record', async () => {
    const { predicate } = recordsOf(await ledgerNow(), 'round').at(-1)!;
    const block = String(predicate.block.number);
    const where = ['--repo', checkout, '--branch', 'ledger', '--arena', arenaFile];
    const rerun = async (name: string, ...more: string[]) => {
      const out = ['--out', join(folder, name), '--json', '--engine-command', cacheonPath];
      const child = spawn(cacheonPath, ['rerun', block, ...where, ...out, ...more]);
      children.push(child);
      let text = '';
      child.stdout.on('data', (data: Buffer) => (text += data.toString()));
      child.stderr.resume();
      const code = await ended(child);
      return { code, report: JSON.parse(text) as Record<string, unknown> };
    };
    const again = await rerun('again');
    expect(again.report).toMatchObject({
      block: Number(block),
      validator: expect.any(String) as string,
    });
    expect(again.report['entries']).toHaveLength(predicate.entries.length);
    // Times scatter beside other tests, verdicts do not.
    const entries = again.report['entries'] as {
      recorded: { verdict: string };
      again: { verdict: string };
    }[];
    for (const entry of entries) expect(entry.again.verdict).toBe(entry.recorded.verdict);
    expect(again.code).toBe(again.report['agrees'] === true ? 0 : 1);
    const forced = await rerun('forced', '--teacher');
    expect(forced).toMatchObject({ code: 0, report: { agrees: true, forced: { largestNats: 0 } } });
    const wrong = await startEngine({ variant: 'other-weights' });
    try {
      const other = await rerun('other', '--teacher', '--reference', wrong.url);
      expect(other).toMatchObject({ code: 1, report: { agrees: false } });
    } finally {
      await wrong.close();
    }
  }, 120_000);

  it('refuses a second loop in the same folder, and says which process holds it', async () => {
    const first = start(['--interval', '60']);
    while (!existsSync(join(home, 'lock'))) await sleep(50);
    const second = start(['--once']);
    expect(await ended(second.child)).toBe(2);
    expect(second.said()).toContain(`process ${first.child.pid} runs this validator already`);
    first.child.kill('SIGTERM');
    expect(await ended(first.child), first.said()).toBe(0);
    expect(existsSync(join(home, 'lock'))).toBe(false);
  });
});
