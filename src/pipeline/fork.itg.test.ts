// What a fork does to its ledger: it syncs, discards, forces, loses and runs twice; nothing is lost.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../chain/io/connect.ts';
import { SubtensorChain } from '../chain/io/subtensor.ts';
import { ROOT } from '../compose/repository.ts';
import { readArena } from '../compose/repository.ts';
import { ledgerOf, settlePorts } from '../compose/settling.ts';
import { silentLog } from '../core/log.ts';
import { type ChainServer, startChain } from '../devnet/chain/chain-server.ts';
import { advanceTo } from '../devnet/chain/control.ts';
import { devPair } from '../devnet/demo/miners.ts';
import { gitStore } from '../ledger/io/git-store.ts';
import { recover } from './recover.ts';
import { settleAndAnchor } from './settle/settle-and-anchor.ts';

const folder = mkdtempSync(join(tmpdir(), 'fork-'));
const git = (...args: string[]): string =>
  execFileSync('git', args, { stdio: ['ignore', 'pipe', 'pipe'] })
    .toString()
    .trim();
const who = ['-c', 'user.name=t', '-c', 'user.email=t@t'];
const arena = { ...readArena(join(ROOT, 'src/devnet/arena.json')), netuid: 2 };
const upstream = join(folder, 'upstream');
const fork = join(folder, 'fork.git');
let server: ChainServer;
let chain: SubtensorChain;
let validator: string;
let clones = 0;

beforeAll(async () => {
  server = await startChain({ tempo: 10 });
  chain = new SubtensorChain(await connect(server.url));
  validator = server.node.genesis.validator.hotkey.address;
  git('init', '-q', '-b', 'main', upstream);
  release('one');
  git('clone', '-q', '--bare', upstream, fork);
});
afterAll(async () => {
  await chain.disconnect();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A new version of the code upstream. */
function release(version: string): void {
  writeFileSync(join(upstream, 'code.ts'), version);
  git('-C', upstream, 'add', '.');
  git('-C', upstream, ...who, 'commit', '-qm', version);
}
/** A fresh checkout, as every job of a workflow has one. */
function checkout(): string {
  const path = join(folder, `job${++clones}`);
  git('clone', '-q', fork, path);
  return path;
}
const settle = async (path = checkout()) => {
  const pair = devPair(server.node.genesis.validator.hotkey.uri);
  const store = gitStore({ folder: path, remote: 'origin' });
  const operator = {
    ...{ validator, tree: 'tree', node: 'v24', run: null, host: {} },
    tier: 'none',
  };
  const ports = settlePorts(chain, pair, ledgerOf(pair, store), silentLog);
  return settleAndAnchor(ports, arena, operator, false);
};
/** Lets enough blocks pass for weights to be due again. */
const wait = async () => advanceTo(chain.api, (await chain.finalizedHead()).number + 210);
const ledger = async () => gitStore({ folder: checkout(), remote: 'origin' }).read(validator);
const setWeights = (): number =>
  server.node.blocks
    .flatMap(({ extrinsics }) => extrinsics.slice(1))
    .filter(
      (hex) => server.node.registry.createType('Extrinsic', hex).method.method === 'setWeights',
    ).length;

describe('a fork', () => {
  it('keeps its ledger where it syncs with upstream, and where it discards its own commits', async () => {
    expect((await settle()).anchor.anchored).toBe(true);
    const before = await ledger();
    release('two');
    git('-C', fork, 'fetch', '-q', upstream, 'main:main');
    expect(await ledger()).toEqual(before);
    release('three');
    git('-C', fork, 'fetch', '-q', upstream, '+main:main');
    await wait();
    expect(await settle()).toMatchObject({ sent: true, anchor: { anchored: true } });
    expect((await ledger()).size).toBe(2 * before.size);
    expect(git('-C', fork, 'log', '--format=%s', 'main').split('\n')).toEqual([
      'three',
      'two',
      'one',
    ]);
  });
  it('F15 sets weights once where two workflows run at once, and records them once', async () => {
    await wait();
    const count = setWeights();
    const records = (await ledger()).size;
    const both = await Promise.allSettled([settle(), settle()]);
    for (const result of both)
      if (result.status === 'rejected') expect(String(result.reason)).toContain('another writer');
    await settle();
    expect(setWeights()).toBe(count + 1);
    expect((await ledger()).size).toBe(records + 6);
  });
  it('A18 signs nothing where its ledger is gone, cut or forced, and says how to bring it back', async () => {
    const copy = checkout();
    git('-C', copy, 'fetch', '-q', 'origin', 'ledger');
    const whole = await ledger();
    const head = git('-C', fork, 'rev-parse', 'ledger');
    const count = setWeights();
    await wait();
    const lost = {
      'the branch is deleted': () => git('-C', fork, 'update-ref', '-d', 'refs/heads/ledger'),
      'the branch is set back': () =>
        git('-C', fork, 'update-ref', 'refs/heads/ledger', `${head}~2`),
    };
    for (const [what, lose] of Object.entries(lost)) {
      lose();
      await expect(settle(), what).rejects.toMatchObject({
        code: 'LEDGER_BEHIND',
        outcome: 'infra',
        hint: expect.stringContaining('cacheon recover --from'),
      });
      expect(setWeights()).toBe(count);
      const store = gitStore({ folder: checkout(), remote: 'origin' });
      const place = { validator, netuid: 2 };
      const ports = { chain, store, log: silentLog };
      const dry = await recover(ports, place, whole, true);
      expect(dry.files).toBeGreaterThan(0);
      await expect(settle(), 'a dry run changes nothing').rejects.toMatchObject({
        code: 'LEDGER_BEHIND',
      });
      const report = await recover(ports, place, whole, false);
      expect(report).toEqual({ ...dry, files: dry.files });
      expect(await ledger()).toEqual(whole);
    }
    expect(await settle()).toMatchObject({ sent: true, anchor: { anchored: true } });
    expect(setWeights()).toBe(count + 1);
  });
  it('recovers from an ordinary clone, whose branch is called origin’s', async () => {
    const clone = join(folder, 'ordinary');
    git('clone', '-q', fork, clone);
    const whole = await ledger();
    const read = (ref?: string) =>
      gitStore({ folder: checkout(), remote: clone, ...(ref && { ref }) }).read(validator);
    expect((await read()).size).toBe(0);
    expect(await read('refs/remotes/origin/ledger')).toEqual(whole);
  });
  it('recovers from nothing that the chain does not prove', async () => {
    const whole = await ledger();
    const store = gitStore({ folder: checkout(), remote: 'origin' });
    const ports = { chain, store, log: silentLog };
    const place = { validator, netuid: 2 };
    const last = [...whole.keys()].sort().at(-1)!;
    const cut = new Map([...whole].filter(([path]) => !path.startsWith(last.split('.')[0]!)));
    await expect(recover(ports, place, cut, false)).rejects.toMatchObject({
      code: 'LEDGER_BEHIND',
    });
    const edited = new Map(whole).set(last, Uint8Array.of(1));
    await expect(recover(ports, place, edited, false)).rejects.toMatchObject({
      code: 'BROKEN_LEDGER',
    });
    await expect(recover(ports, place, new Map(), false)).rejects.toMatchObject({
      code: 'EMPTY_LEDGER',
    });
    // Two histories: what is here and not in the copy is not thrown away.
    const own = gitStore({ folder: checkout(), remote: null });
    await own.commit(validator, 'Other', () => new Map([['weights/1.json', Uint8Array.of(1)]]));
    await expect(recover({ ...ports, store: own }, place, whole, false)).rejects.toMatchObject({
      code: 'LEDGER_REWRITTEN',
    });
  });
});
