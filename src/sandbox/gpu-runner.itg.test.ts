// The GPU machine as GitHub's runner: which jobs it admits, one job a runner, quarantine. GitHub is a stand-in on loopback.
import { execFile, execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'runner-'));
  for (const name of ['bin', 'state', 'runner']) mkdirSync(join(folder, name));
  writeFileSync(
    join(folder, 'settings'),
    `CACHEON_REPOSITORY=someone/cacheon\nCACHEON_RUNNER_HOME=${folder}/runner\n`,
  );
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function stub(path: string, text: string): void {
  writeFileSync(join(folder, path), `#!/bin/bash\n${text}\n`);
  chmodSync(join(folder, path), 0o755);
}
type Ran = { code: number; out: string; err: string };
function run(script: string, args: string[], env: Record<string, string>): Promise<Ran> {
  const own = {
    CACHEON_RUNNER_SETTINGS: join(folder, 'settings'),
    CACHEON_RUNNER_STATE: join(folder, 'state'),
    PATH: `${folder}/bin:${process.env['PATH']!}`,
  };
  return new Promise((done) =>
    execFile(
      'bash',
      [join(ROOT, 'scripts', script), ...args],
      { env: { ...own, ...env } },
      (error, out, err) => done({ code: error ? Number(error.code) : 0, out, err }),
    ),
  );
}

describe('the hook at the start of a job', () => {
  let origin: string;
  let onMain: string;
  let aside: string;
  beforeAll(() => {
    origin = mkdtempSync(join(tmpdir(), 'origin-'));
    const git = (...args: string[]): string =>
      execFileSync('git', ['-C', origin, '-c', 'user.name=t', '-c', 'user.email=t@t', ...args], {
        encoding: 'utf8',
      }).trim();
    git('init', '-q', '-b', 'main');
    git('commit', '-q', '--allow-empty', '-m', 'One');
    onMain = git('rev-parse', 'HEAD');
    git('commit', '-q', '--allow-empty', '-m', 'Two');
    git('checkout', '-q', '-b', 'aside');
    git('commit', '-q', '--allow-empty', '-m', 'Evil');
    aside = git('rev-parse', 'HEAD');
  });
  afterAll(() => rmSync(origin, { recursive: true, force: true }));
  const job = (changed: Record<string, string> = {}): Promise<Ran> =>
    run('runner-hook.sh', ['started'], {
      ...{
        GITHUB_REPOSITORY: 'someone/cacheon',
        GITHUB_EVENT_NAME: 'schedule',
        GITHUB_JOB: 'evaluate',
      },
      GITHUB_WORKFLOW_REF: 'someone/cacheon/.github/workflows/round.yml@refs/heads/main',
      ...{ GITHUB_SHA: onMain, CACHEON_REMOTE: origin, ...changed },
    });

  it('admits what measures, at a commit of main', async () => {
    expect(await job()).toMatchObject({ code: 0 });
    const rerun = 'someone/cacheon/.github/workflows/rerun.yml@refs/heads/main';
    expect(
      (await job({ GITHUB_WORKFLOW_REF: rerun, GITHUB_EVENT_NAME: 'workflow_dispatch' })).code,
    ).toBe(0);
  });
  it.each([
    ['another repository', { GITHUB_REPOSITORY: 'evil/cacheon' }],
    ['a pull request', { GITHUB_EVENT_NAME: 'pull_request' }],
    [
      'another workflow',
      { GITHUB_WORKFLOW_REF: 'someone/cacheon/.github/workflows/ci.yml@refs/heads/main' },
    ],
    [
      'another branch’s workflow',
      { GITHUB_WORKFLOW_REF: 'someone/cacheon/.github/workflows/round.yml@refs/heads/aside' },
    ],
    ['another job', { GITHUB_JOB: 'publish' }],
    ['no commit', { GITHUB_SHA: 'main' }],
    ['a commit that is nowhere', { GITHUB_SHA: 'f'.repeat(40) }],
    ['a remote that does not answer', { CACHEON_REMOTE: '/nowhere' }],
  ])('refuses %s', async (_, changed) => {
    const { code, err } = await job(changed);
    expect(code).toBe(1);
    expect(err).toContain('cacheon runner: refused: ');
  });
  it('refuses a commit beside main, whatever it says of itself', async () => {
    expect((await job({ GITHUB_SHA: aside })).err).toContain('is not on main');
  });
  it('refuses everything in quarantine', async () => {
    writeFileSync(join(folder, 'state/quarantine'), 'SEC_GPU_STATE in traces/0/1/x');
    expect((await job()).err).toContain('SEC_GPU_STATE');
  });
});

describe('the hook at the end of a job', () => {
  it('removes containers and the job’s folder, and no other folder', async () => {
    stub('bin/docker', `echo "$*" >>${folder}/asked; [ "$1" = ps ] && echo c1 || exit 0`);
    const workspace = join(folder, '_work/cacheon');
    mkdirSync(workspace, { recursive: true });
    writeFileSync(join(workspace, 'secret'), 'x');
    expect((await run('runner-hook-completed.sh', [], { RUNNER_WORKSPACE: workspace })).code).toBe(
      0,
    );
    expect(existsSync(join(workspace, 'secret'))).toBe(false);
    expect(readFileSync(join(folder, 'asked'), 'utf8')).toContain('rm --force --volumes c1');
    writeFileSync(join(folder, 'kept'), 'x');
    await run('runner-hook-completed.sh', [], { RUNNER_WORKSPACE: folder });
    expect(existsSync(join(folder, 'kept'))).toBe(true);
  });
});

describe('the service that asks for runners', () => {
  let server: Server;
  let url: string;
  let status = 201;
  const asked: { path: string; token: string; body: Record<string, unknown> }[] = [];
  beforeAll(async () => {
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (part: Buffer) => (body += part.toString()));
      request.on('end', () => {
        asked.push({
          path: request.url!,
          token: request.headers.authorization ?? '',
          body: JSON.parse(body) as Record<string, unknown>,
        });
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(
          JSON.stringify(
            status === 201
              ? { runner: { id: 1 }, encoded_jit_config: 'c29tZQ==' }
              : { message: 'no' },
          ),
        );
      });
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((done) => server.close(done)));
  beforeEach(() => {
    status = 201;
    asked.length = 0;
    stub('bin/docker', 'exit 0');
    stub(
      'runner/run.sh',
      `echo "$* token=\${GITHUB_TOKEN:-none} $ACTIONS_RUNNER_HOOK_JOB_STARTED" >>${folder}/ran`,
    );
  });
  const once = (): Promise<Ran> =>
    run('gpu-runner.sh', ['--once'], { GITHUB_API_URL: url, GITHUB_TOKEN: 'secret-token' });

  it('takes one job with one runner, which does not see the token', async () => {
    expect((await once()).code).toBe(0);
    expect(asked).toMatchObject([
      {
        ...{
          path: '/repos/someone/cacheon/actions/runners/generate-jitconfig',
          token: 'Bearer secret-token',
        },
        body: { runner_group_id: 1, labels: ['self-hosted', 'gpu'], work_folder: '_work' },
      },
    ]);
    const ran = readFileSync(join(folder, 'ran'), 'utf8');
    expect(ran).toMatch(/^--jitconfig c29tZQ== token=none \S+\/runner-hook-started\.sh\n$/);
  });
  it('says what GitHub answered where it gives none, and starts nothing', async () => {
    status = 403;
    const { err } = await once();
    expect(err).toContain('GitHub gave no runner (HTTP 403)');
    expect(err).not.toContain('secret-token');
    expect(existsSync(join(folder, 'ran'))).toBe(false);
  });
  it('asks for none in quarantine', async () => {
    writeFileSync(join(folder, 'state/quarantine'), 'SEC_GPU_STATE');
    expect(await once()).toMatchObject({ code: 1 });
    expect(asked).toHaveLength(0);
  });
  it('names what is missing before it asks', async () => {
    rmSync(join(folder, 'runner/run.sh'));
    expect(await once()).toMatchObject({
      code: 2,
      err: expect.stringContaining('there is no runner in') as string,
    });
  });
});
