// A fork's settings on GitHub, as GitHub makes them and as they must be, against a stand-in for its REST interface.
import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ROOT } from '../compose/repository.ts';

/** A repository as a fork begins: nothing runs, nothing is protected. */
const newFork = () => ({
  enabled: false,
  workflows: ['round', 'settle', 'audit', 'watchdog', 'ci'].map((name, index) => ({
    ...{ id: index + 1, path: `.github/workflows/${name}.yml`, state: 'disabled_fork' },
  })),
  approval: 'first_time_contributors',
  environment: null as null | { policies: { name: string }[] },
  secrets: [] as { name: string }[],
  variables: [] as { name: string; value: string }[],
  rulesets: [] as {
    id: number;
    name: string;
    enforcement: string;
    conditions: unknown;
    rules: unknown;
  }[],
  runners: [] as { status: string; labels: { name: string }[] }[],
});
let github = newFork();
let forbidden: string | null = null;
let server: Server;
let url = '';

type Answer = [number, unknown];
const NONE: Answer = [404, { message: 'Not Found' }];

/** What GitHub answers to a path below the repository. */
function answerTo(method: string, path: string, body: Record<string, unknown>): Answer {
  const on = `${method} ${path.replace(/\?.*/, '')}`;
  const routes: Record<string, () => Answer> = {
    'GET ': () => [200, { full_name: 'acme/validator' }],
    'GET /actions/permissions': () => [200, { enabled: github.enabled }],
    'PUT /actions/permissions': () => {
      github.enabled = body['enabled'] === true;
      return [204, null];
    },
    'GET /actions/workflows': () => [200, { workflows: github.workflows }],
    'GET /actions/permissions/fork-pr-contributor-approval': () => [
      200,
      { approval_policy: github.approval },
    ],
    'PUT /actions/permissions/fork-pr-contributor-approval': () => {
      github.approval = String(body['approval_policy']);
      return [204, null];
    },
    'GET /environments/validator': () => (github.environment ? [200, { name: 'validator' }] : NONE),
    'PUT /environments/validator': () => {
      github.environment ??= { policies: [] };
      return [200, {}];
    },
    'GET /environments/validator/deployment-branch-policies': () =>
      github.environment ? [200, { branch_policies: github.environment.policies }] : NONE,
    'POST /environments/validator/deployment-branch-policies': () => {
      github.environment!.policies.push({ name: String(body['name']) });
      return [200, {}];
    },
    'GET /environments/validator/secrets': () =>
      github.environment ? [200, { secrets: github.secrets }] : NONE,
    'GET /actions/variables': () => [200, { variables: github.variables }],
    'POST /actions/variables': () => {
      github.variables.push(body as { name: string; value: string });
      return [201, {}];
    },
    'GET /rulesets': () => [200, github.rulesets],
    'POST /rulesets': () => {
      github.rulesets.push({
        id: github.rulesets.length + 1,
        ...body,
      } as (typeof github.rulesets)[number]);
      return [201, {}];
    },
    'GET /actions/runners': () => [200, { runners: github.runners }],
  };
  const enable = /^PUT \/actions\/workflows\/(\d+)\/enable$/.exec(on);
  if (enable) {
    github.workflows[Number(enable[1]) - 1]!.state = 'active';
    return [204, null];
  }
  const rule = /^GET \/rulesets\/(\d+)$/.exec(on);
  if (rule) return [200, github.rulesets[Number(rule[1]) - 1]];
  return routes[on]?.() ?? NONE;
}

beforeAll(async () => {
  server = createServer((request, response) => {
    let text = '';
    request.on('data', (part: Buffer) => (text += part.toString()));
    request.on('end', () => {
      const path = request.url!.replace('/repos/someone/cacheon', '');
      const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
      const refused = forbidden !== null && path.startsWith(forbidden);
      const [status, answer] = refused
        ? [403, { message: 'Forbidden' }]
        : answerTo(request.method!, path, body);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(status === 204 ? undefined : JSON.stringify(answer));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((done) => server.close(done)));
beforeEach(() => {
  github = newFork();
  forbidden = null;
});

type Ran = { code: number; ok?: boolean; failed: string[]; out: string; err: string };
function init(args: string[] = [], env: Record<string, string> = {}): Promise<Ran> {
  const own = { GITHUB_API_URL: url, GITHUB_TOKEN: 'token' };
  return new Promise((done) =>
    execFile(
      join(ROOT, 'scripts/cacheon'),
      ['init', '--repository', 'someone/cacheon', '--json', ...args],
      { env: { ...process.env, ...own, ...env } },
      (error, out, err) => {
        const { ok, findings = [] } = (out === '' ? {} : JSON.parse(out)) as {
          ok?: boolean;
          findings?: { name: string; state: string }[];
        };
        const failed = findings.filter(({ state }) => state === 'fail').map(({ name }) => name);
        done({
          code: error ? Number(error.code) : 0,
          ...(ok !== undefined && { ok }),
          failed,
          out,
          err,
        });
      },
    ),
  );
}

describe('cacheon init', () => {
  it('finds everything of a new fork that a promise rests on, and changes nothing', async () => {
    const found = await init();
    expect(found).toMatchObject({ code: 1, ok: false });
    expect(found.failed).toEqual([
      ...['actions', 'workflows', 'strangers', 'environment', 'secret', 'variables'],
      ...['branch main', 'branch ledger', 'runner'],
    ]);
    expect(github).toEqual(newFork());
  });
  it('makes what a program may make with --apply, twice the same, and leaves the key and the runner to people', async () => {
    const values = {
      CACHEON_VALIDATOR: '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY',
      CACHEON_ENDPOINT: 'wss://a,wss://b',
      CACHEON_TIER: 'A-H200',
    };
    expect((await init(['--apply'], values)).failed).toEqual(['secret', 'runner']);
    const made = structuredClone(github);
    expect((await init(['--apply'], values)).failed).toEqual(['secret', 'runner']);
    expect(github).toEqual(made);
    expect(github.environment!.policies).toEqual([{ name: 'main' }]);
    expect(github.workflows.find(({ path }) => path.endsWith('ci.yml'))!.state).toBe(
      'disabled_fork',
    );
    github.secrets.push({ name: 'CACHEON_HOTKEY' });
    github.runners.push({ status: 'online', labels: [{ name: 'self-hosted' }, { name: 'gpu' }] });
    expect(await init()).toMatchObject({ code: 0, ok: true, failed: [] });
  });
  it('is not content with a ruleset that is only evaluated, or with an environment for every branch', async () => {
    await init(['--apply']);
    github.rulesets[0]!.enforcement = 'evaluate';
    github.environment!.policies.push({ name: '*' });
    const { failed } = await init();
    expect(failed).toContain('branch main');
    expect(failed).toContain('environment');
  });
  it('says of what it may not see that it may not see it, and goes on', async () => {
    forbidden = '/rulesets';
    const { failed, out } = await init();
    expect(failed).toContain('branch ledger');
    expect(out).toContain('Forbidden');
    expect(failed).toContain('runner');
  });
  it('says at once that GitHub does not answer, and takes no value that cannot be right', async () => {
    const down = await init(['--apply'], { GITHUB_API_URL: 'http://127.0.0.1:1' });
    expect(down.code).toBe(3);
    expect(down.err).toMatch(/does not answer: look at the network/);
    for (const values of [
      { CACHEON_TIER: 'A-H2000' },
      { CACHEON_VALIDATOR: '5C' },
      { CACHEON_ENDPOINT: 'finney' },
    ])
      expect(await init(['--apply'], values)).toMatchObject({ code: 2 });
    expect(github).toEqual(newFork());
  });
  it('wants a repository and a token', async () => {
    expect(await init([], { GITHUB_TOKEN: '' })).toMatchObject({ code: 2 });
  });
});
