// Tests of the GitHub workflows under act: a whole round, its audit, empty and failed rounds.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../chain/io/connect.ts';
import { SubtensorChain } from '../../chain/io/subtensor.ts';
import { ROOT } from '../../compose/repository.ts';
import { silentLog } from '../../core/log.ts';
import { type ChainServer, startChain } from '../../devnet/chain/chain-server.ts';
import { describeChain } from '../../devnet/chain/genesis.ts';
import type { Accounts } from '../../devnet/demo/accounts.ts';
import { DEMO_MINERS, submitImage } from '../../devnet/demo/miners.ts';
import { namedImage } from '../../devnet/engine-names.ts';
import { parseArena } from '../../schema/arena.ts';
import { actBinary, type ActRun, newSandbox, runAct, type Sandbox } from './act.ts';
import { type GithubStub, type RepositoryState, startGithubStub } from './github-stand-in.ts';

const act = actBinary();
if (act === null)
  console.warn(
    'skipped: workflows under act (set ACT_BIN to its path; scripts/test.sh installs it)',
  );

describe.skipIf(act === null)('the workflows under act', () => {
  let chain: ChainServer;
  let client: SubtensorChain;
  let sandbox: Sandbox;
  let accounts: Accounts;
  const stubs: GithubStub[] = [];
  const arena = parseArena(
    {
      ...(JSON.parse(readFileSync(join(ROOT, 'src/devnet/arena.json'), 'utf8')) as object),
      takeover: { stop: [0.3], crown: [4.02] },
    },
    'test',
  );

  beforeAll(async () => {
    // First, for it builds in this thread: a chain and a client that live here could not answer
    // each other meanwhile.
    sandbox = newSandbox(ROOT, (work) =>
      writeFileSync(join(work, 'src/devnet/arena.json'), JSON.stringify(arena)),
    );
    chain = await startChain({ miners: 3 });
    accounts = describeChain(chain.node.genesis, chain.url) as unknown as Accounts;
    client = new SubtensorChain(await connect(chain.url));
  });
  afterAll(async () => {
    await client.api.disconnect();
    await chain.close();
    for (const stub of stubs) await stub.close();
    sandbox.remove();
  });

  let runs = 0;
  const state: RepositoryState = { issues: [], runs: [] };
  const run = async (
    event: string,
    workflow: string,
    vars: Record<string, string> = {},
  ): Promise<ActRun & { stub: GithubStub }> => {
    const stub = await startGithubStub(state);
    stubs.push(stub);
    const result = await runAct(act!, sandbox, {
      event,
      workflow,
      run: String(++runs),
      stub,
      vars: {
        CACHEON_ENDPOINT: chain.url,
        CACHEON_VALIDATOR: accounts.validator.hotkey.address,
        CACHEON_ARENA: 'src/devnet/arena.json',
        CACHEON_TIER: 'devnet',
        CACHEON_AUDIT_ENDPOINT: chain.url,
        CACHEON_ENGINE_COMMAND: join(ROOT, 'scripts/cacheon'),
        ...vars,
      },
      secrets: { CACHEON_HOTKEY: accounts.validator.hotkey.uri, GITHUB_TOKEN: 'a-token-for-tests' },
    });
    return { ...result, stub };
  };
  const enters = async (index: number, name: string): Promise<void> => {
    const account = accounts.miners[index]!;
    await submitImage(
      { chain: client, arena, log: silentLog },
      namedImage(DEMO_MINERS.find((contestant) => contestant.name === name)!.variant),
      { coldkey: account.coldkey.uri, hotkey: account.hotkey.uri },
    );
  };
  const log = (): string[] =>
    execFileSync('git', ['-C', sandbox.origin, 'log', '--format=%s', 'ledger'])
      .toString()
      .trim()
      .split('\n')
      .reverse();
  const weights = async () =>
    client.weights(accounts.validator.uid!, accounts.netuid, await client.finalizedHead());

  it('goes from a cron event to weights on the chain, and starts the audit', async () => {
    await enters(0, 'fast');
    const result = await run('schedule', 'round.yml');
    expect(result.jobs, result.visible.slice(-3000)).toEqual({
      scan: ['success'],
      plan: ['success'],
      draw: ['success'],
      evaluate: ['success'],
      judge: ['success'],
      publish: ['success'],
      settle: ['success'],
    });
    expect(result.code).toBe(0);
    expect(log().map((line) => line.replace(/\d+/, 'N'))).toEqual([
      'Plan round N',
      'Anchor record N',
      'Judge round N',
      'Intend weights at block N',
      'Record weights at block N',
      'Anchor record N',
    ]);
    expect(await weights()).toEqual([{ uid: 2, weight: 65535 }]);
    // Every arm's evidence as it ended, and again with what the reference said of it.
    const artifacts = [...result.stub.artifacts.keys()].sort();
    expect(artifacts.filter((name) => !name.startsWith('traces-'))).toEqual([
      'draw.json',
      'plan.json',
      'verdicts.json',
    ]);
    const arms = ['baseline', 'challenger', 'control', 'baseline again'].length;
    expect(artifacts.filter((name) => /^traces-0-1-\d+$/.test(name))).toHaveLength(2 * arms);
    expect(result.stub.calls).toContain(
      'POST /repos/acme/validator/actions/workflows/audit.yml/dispatches',
    );
    expect(result.visible).not.toContain(accounts.validator.hotkey.uri);
  });

  it('audits the ledger that the round left, against the chain', async () => {
    const result = await run('workflow_dispatch', 'audit.yml');
    expect(result.jobs, result.visible.slice(-3000)).toEqual({ audit: ['success'] });
  });

  it('signs nothing where there is nothing to evaluate, and sends no second weights', async () => {
    const before = log();
    const result = await run('schedule', 'round.yml');
    expect(
      { scan: result.jobs['scan'], plan: result.jobs['plan'], settle: result.jobs['settle'] },
      result.visible.slice(-3000),
    ).toEqual({ scan: ['success'], plan: ['success'], settle: ['success'] });
    expect(result.visible).toContain('nothing to evaluate');
    expect(log()).toEqual(before);
  });

  it('voids a plan whose evaluation failed, and keeps the weights', async () => {
    await enters(1, 'speculative');
    const result = await run('schedule', 'round.yml', { CACHEON_ENGINE_COMMAND: '' });
    expect(result.jobs['evaluate'], result.visible.slice(-3000)).toEqual(['failure']);
    expect({
      judge: result.jobs['judge'],
      publish: result.jobs['publish'],
      settle: result.jobs['settle'],
    }).toEqual({
      judge: ['success'],
      publish: ['success'],
      settle: ['success'],
    });
    expect(
      log()
        .slice(6)
        .map((line) => line.replace(/\d+/, 'N')),
    ).toEqual(['Plan round N', 'Anchor record N', 'Void round N']);
    expect(await weights()).toEqual([{ uid: 2, weight: 65535 }]);
    expect((await run('workflow_dispatch', 'audit.yml')).jobs).toEqual({ audit: ['success'] });
  });
  it('opens one issue where the validator needs a look, and closes it once that is mended', async () => {
    const watch = async () => (await run('schedule', 'watchdog.yml')).jobs;
    expect(await watch()).toEqual({ watchdog: ['success'] });
    expect(state.issues).toHaveLength(1);
    expect(state.issues[0]!.body).toContain('missed-ticks');
    expect(await watch()).toEqual({ watchdog: ['success'] });
    expect(state.issues).toMatchObject([{ state: 'open', labels: ['cacheon-watchdog'] }]);
    state.runs.push({ created_at: new Date().toISOString() });
    expect(await watch()).toEqual({ watchdog: ['success'] });
    expect(state.issues).toMatchObject([{ state: 'closed' }]);
  });
  it('leaves no file of a job behind in the tree it ran from', () => {
    expect(existsSync(join(sandbox.work, 'results', accounts.validator.hotkey.address))).toBe(
      false,
    );
  });
});
