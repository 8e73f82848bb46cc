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

const TEMPO = 20;

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
    chain = await startChain({ miners: 3, tempo: TEMPO });
    accounts = describeChain(chain.node.genesis, chain.url) as unknown as Accounts;
    client = new SubtensorChain(await connect(chain.url));
  });
  afterAll(async () => {
    await client.api.disconnect();
    await chain.close();
    for (const stub of stubs) await stub.close();
    sandbox.remove();
  });

  /** A run that may be run again. */
  type Again = { readonly stub: GithubStub; readonly id: string; readonly attempt: number };
  let first: Again;
  let runs = 0;
  const state: RepositoryState = { issues: [], runs: [] };
  const run = async (
    event: string,
    workflow: string,
    vars: Record<string, string> = {},
    {
      again = null,
      inputs = {},
    }: Partial<{ again: Again | null; inputs: Record<string, string> }> = {},
  ): Promise<ActRun & Again> => {
    const stub = again?.stub ?? (await startGithubStub(state));
    if (again) stub.nextAttempt();
    else stubs.push(stub);
    const [id, attempt] = again ? [again.id, again.attempt + 1] : [String(++runs), 1];
    const result = await runAct(act!, sandbox, {
      ...{ event, workflow, run: id, attempt, stub, inputs },
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
    return { ...result, stub, id, attempt };
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
  const since = (before: number): string[] =>
    log()
      .slice(before)
      .map((line) => line.replace(/\d+/, 'N'));
  const weights = async () =>
    client.weights(accounts.validator.uid!, accounts.netuid, await client.finalizedHead());

  it('goes from a cron event to weights on the chain, and starts the audit', async () => {
    await enters(0, 'fast');
    const result = await run('schedule', 'round.yml');
    first = result;
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
    expect(since(0)).toEqual([
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
    expect(since(6)).toEqual(['Plan round N', 'Anchor record N', 'Void round N']);
    expect(await weights()).toEqual([{ uid: 2, weight: 65535 }]);
    expect((await run('workflow_dispatch', 'audit.yml')).jobs).toEqual({ audit: ['success'] });
  });
  /** Anchors are rationed by the epoch: this begins the next one, however many blocks are left. */
  const nextEpoch = (): void => {
    for (let block = 0; block <= TEMPO; block++) chain.node.build();
  };
  it('loses of a shard that dies in the middle what it had not handed over, and measures it again', async () => {
    const dying = join(sandbox.folder, 'dying-engine');
    const starts = join(sandbox.folder, 'starts');
    // The third server's start ends the process that measures, as a power cut would.
    writeFileSync(
      dying,
      `#!/bin/sh
echo start >> ${starts}
[ "$(wc -l < ${starts})" -lt 3 ] || { kill -KILL $PPID; exit 1; }
exec ${join(ROOT, 'scripts/cacheon')} "$@"
`,
      { mode: 0o755 },
    );
    const before = log().length;
    const died = await run('schedule', 'round.yml', { CACHEON_ENGINE_COMMAND: dying });
    const { evaluate, judge, publish, settle } = died.jobs;
    expect(evaluate, died.visible.slice(-3000)).toEqual(['failure']);
    expect({ judge, publish, settle }).toEqual({
      ...{ judge: ['success'], publish: ['success'], settle: ['success'] },
    });
    const handedOver = [...died.stub.artifacts.keys()].filter((name) => /^traces-/.test(name));
    expect(handedOver).toEqual(['traces-0-1-0', 'traces-0-1-1']);
    expect(died.visible).toContain('INFRA&#95;HOST');
    expect(since(before)).toEqual(['Plan round N', 'Anchor record N', 'Judge round N']);
    nextEpoch();
    // The run is run again: what its first attempt measured is passed over.
    const again = await run('schedule', 'round.yml', {}, { again: died });
    expect(again.jobs['evaluate'], again.visible.slice(-3000)).toEqual(['success']);
    expect(again.visible).not.toContain('INFRA&#95;HOST');
    expect([...again.stub.artifacts.keys()]).toContain('traces-0-1-1000');
    expect(since(before).slice(3, 6)).toEqual(['Plan round N', 'Anchor record N', 'Judge round N']);
    const after = log();
    const old = await run('schedule', 'round.yml', {}, { again: first });
    expect(old.jobs['publish'], old.visible.slice(-3000)).not.toEqual(['success']);
    expect(log()).toEqual(after);
    expect((await run('workflow_dispatch', 'audit.yml')).jobs).toEqual({ audit: ['success'] });
  });
  it('signs one round and sets weights once where two ticks come at once', async () => {
    await enters(2, 'burst');
    nextEpoch();
    const before = log().length;
    const both = await Promise.all([run('schedule', 'round.yml'), run('schedule', 'round.yml')]);
    const told = both.map(({ visible }) => visible.slice(-1500)).join('\n');
    const made = since(before);
    for (const line of ['Plan round N', 'Judge round N'])
      expect(
        made.filter((one) => one === line),
        `${made.join('\n')}\n${told}`,
      ).toHaveLength(1);
    const sent = made.filter((line) => line.startsWith('Record weights')).length;
    expect(sent).toBeLessThanOrEqual(1);
    // GitHub itself lets no two rounds run at once; here nothing stops them, and the ledger holds.
    expect((await run('schedule', 'round.yml')).jobs['publish']).not.toEqual(['success']);
    const rounds = (lines: readonly string[]) =>
      lines.filter((line) => /^(?:Plan|Judge)/.test(line));
    expect(rounds(since(before))).toEqual(rounds(made));
  });
  it('measures a round on record again, all its shards, and compares', async () => {
    const block = /Judge round (\d+)/.exec(log().find((line) => line.startsWith('Judge'))!)![1]!;
    const result = await run(
      'workflow_dispatch',
      'rerun.yml',
      {},
      {
        inputs: { validator: accounts.validator.hotkey.address, block },
      },
    );
    expect(result.jobs, result.visible.slice(-3000)).toEqual({
      ...{ draw: ['success'], evaluate: ['success'], compare: ['success'] },
    });
    expect(result.visible).toContain('Compared with the recorded round');
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
