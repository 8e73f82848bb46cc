// Runs a copy of this repository's GitHub workflows locally with act, for tests.
import { execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runtimeToken, type GithubStub } from './github-stand-in.ts';

/** Where act is: the variable that scripts/test.sh sets, or nothing. */
export function actBinary(): string | null {
  const path = process.env['ACT_BIN'];
  return path !== undefined && existsSync(path) ? path : null;
}

/**
 * A repository as GitHub would have it: a bare origin with the tree of now and freshly built
 * bundles.
 */
export type Sandbox = {
  readonly folder: string;
  readonly origin: string;
  readonly work: string;
  remove(): void;
};

const SHIM = `name: checkout
runs:
  using: composite
  steps:
    - shell: bash
      run: |
        git init -q -b main .
        git remote add origin "$CACHEON_TEST_ORIGIN"
        git fetch -q origin main
        git reset -q --hard FETCH_HEAD
`;

/**
 * Copies the working tree (not what is ignored) into a fresh repository; \`prepare\` may change it
 * before it is committed.
 */
export function newSandbox(root: string, prepare: (work: string) => void): Sandbox {
  const folder = mkdtempSync(join(tmpdir(), 'act-'));
  const origin = join(folder, 'origin.git');
  const work = join(folder, 'work');
  const git = (...args: string[]): void =>
    void execFileSync('git', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  git('init', '--quiet', '--bare', '-b', 'main', origin);
  git('init', '--quiet', '-b', 'main', work);
  const files = execFileSync('git', ['-C', root, 'ls-files', '-co', '--exclude-standard', '-z'], {
    maxBuffer: 64 * 1024 * 1024,
  })
    .toString()
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(root, path)));
  for (const path of files) {
    mkdirSync(dirname(join(work, path)), { recursive: true });
    cpSync(join(root, path), join(work, path));
  }
  execFileSync(process.execPath, [join(root, 'scripts/build.ts'), '--out', join(work, 'actions')], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  prepare(work);
  git('-C', work, 'add', '-A', '-f', '.');
  git(
    '-C',
    work,
    '-c',
    'user.name=test',
    '-c',
    'user.email=test@users.noreply.github.com',
    'commit',
    '--quiet',
    '-m',
    'Everything',
  );
  git('-C', work, 'remote', 'add', 'origin', `file://${origin}`);
  git('-C', work, 'push', '--quiet', 'origin', 'HEAD:main');
  mkdirSync(join(folder, 'shims/checkout'), { recursive: true });
  writeFileSync(join(folder, 'shims/checkout/action.yml'), SHIM);
  return { folder, origin, work, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export type ActRun = {
  readonly code: number;
  readonly jobs: Readonly<Record<string, string[]>>;
  readonly visible: string;
};
export type ActOptions = {
  readonly event: string;
  readonly workflow: string;
  readonly run: string;
  readonly vars: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
  readonly stub: GithubStub;
};

/**
 * Every remote action must be the pinned checkout: anything else would be fetched from the network.
 */
function checkoutPins(work: string): string[] {
  const texts = readdirSync(join(work, '.github/workflows')).map((name) =>
    readFileSync(join(work, '.github/workflows', name), 'utf8'),
  );
  const uses = new Set(
    texts
      .flatMap((text) => [...text.matchAll(/uses:\s*([^\s#]+)/g)].map(([, name]) => name!))
      .filter((name) => !name.startsWith('./')),
  );
  for (const name of uses)
    if (!/^actions\/checkout@[0-9a-f]{40}$/.test(name))
      throw new Error(`${name} has no stand-in for offline runs`);
  return [...uses];
}

/**
 * Runs one workflow with act in host mode, with a clean environment, and reads its jobs' results.
 */
export async function runAct(act: string, sandbox: Sandbox, options: ActOptions): Promise<ActRun> {
  const { folder, work } = sandbox;
  const write = (name: string, value: unknown): string => {
    writeFileSync(join(folder, name), JSON.stringify(value));
    return join(folder, name);
  };
  const home = join(folder, 'home');
  mkdirSync(home, { recursive: true });
  const env = {
    CACHEON_TEST_ORIGIN: `file://${sandbox.origin}`,
    GITHUB_API_URL: options.stub.url,
    GITHUB_REPOSITORY: 'acme/validator',
    GITHUB_RUN_ID: options.run,
    GITHUB_REF: 'refs/heads/main',
    // Engines run as processes here; whether this machine has Docker must not change a test.
    DOCKER_HOST: 'unix:///nowhere',
    NO_COLOR: '1',
    GIT_PAGER: 'cat',
    PAGER: 'cat',
  };
  const args = [
    options.event,
    '-C',
    work,
    '-W',
    join(work, '.github/workflows', options.workflow),
    '-e',
    write('event.json', options.event === 'schedule' ? { schedule: '23,53 * * * *' } : {}),
    '--json',
    '-v',
    '--rm',
    '--no-cache-server',
    '--action-cache-path',
    join(folder, 'cache'),
    '--secret-file',
    write('secrets.yml', options.secrets),
    '--var-file',
    write('vars.yml', options.vars),
    '--env-file',
    write('env.yml', env),
    '--input-file',
    '/dev/null',
    '--actor',
    'tester',
    '-P',
    'ubuntu-24.04=-self-hosted',
    '-P',
    'self-hosted=-self-hosted',
    '--no-skip-checkout',
    ...checkoutPins(work).flatMap((pin) => [
      '--local-repository',
      `${pin}=${join(folder, 'shims/checkout')}`,
    ]),
  ];
  const child = spawn(act, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
      HOME: home,
      ACT_DISABLE_VERSION_CHECK: '1',
      PAGER: 'cat',
      GIT_PAGER: 'cat',
      NO_COLOR: '1',
      TERM: 'dumb',
      ACTIONS_RESULTS_URL: `${options.stub.url}/`,
      ACTIONS_RUNTIME_TOKEN: runtimeToken(options.run),
      ACTIONS_RUNTIME_URL: `${options.stub.url}/`,
    },
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => {
      text += data.toString();
    });
  const code = await new Promise<number>((resolve) =>
    child.once('close', (status) => resolve(status ?? 1)),
  );
  for (const trap of ['Skipping unsupported platform', 'Unable to clone', 'unable to get git'])
    if (text.includes(trap)) throw new Error(`act: ${trap}\n${text.slice(-3000)}`);
  const jobs: Record<string, string[]> = {};
  const visible: string[] = [];
  for (const line of text.split('\n')) {
    let item: { jobID?: string; jobResult?: string; msg?: string; level?: string };
    try {
      item = JSON.parse(line) as typeof item;
    } catch {
      continue;
    }
    if (item.jobID !== undefined && item.jobResult !== undefined)
      jobs[item.jobID] = [...(jobs[item.jobID] ?? []), item.jobResult];
    if (item.level !== 'debug' && item.msg !== undefined) visible.push(item.msg);
  }
  return { code, jobs, visible: visible.join('\n') };
}
