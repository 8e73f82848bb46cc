// Runs a copy of this repository's GitHub workflows locally with act, for tests.
import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
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
inputs:
  ref:
    default: main
runs:
  using: composite
  steps:
    - shell: bash
      run: |
        git init -q -b main .
        git remote add origin "$CACHEON_TEST_ORIGIN"
        git fetch -q origin "\${{ inputs.ref }}"
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
  // As GitHub does, it gives any commit by its hash.
  git('-C', origin, 'config', 'uploadpack.allowAnySHA1InWant', 'true');
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
  readonly attempt: number;
  readonly inputs: Readonly<Record<string, string>>;
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

/** Writes a document into a folder of the run's own, for two may run at once, and gives its path. */
function writeDocument(
  { folder }: Sandbox,
  { run, attempt }: ActOptions,
  name: string,
  value: unknown,
): string {
  const own = join(folder, `run-${run}-${attempt}`);
  mkdirSync(own, { recursive: true });
  writeFileSync(join(own, name), JSON.stringify(value));
  return join(own, name);
}

/** What every step's environment has. */
const stepEnvironment = ({ origin }: Sandbox, { stub, run, attempt }: ActOptions): object => ({
  CACHEON_TEST_ORIGIN: `file://${origin}`,
  GITHUB_API_URL: stub.url,
  GITHUB_REPOSITORY: 'acme/validator',
  GITHUB_RUN_ID: run,
  GITHUB_RUN_ATTEMPT: String(attempt),
  GITHUB_REF: 'refs/heads/main',
  // Engines run as processes here; whether this machine has Docker must not change a test.
  DOCKER_HOST: 'unix:///nowhere',
  NO_COLOR: '1',
  GIT_PAGER: 'cat',
  PAGER: 'cat',
});

/** act's command line for one workflow. */
function actArguments(sandbox: Sandbox, options: ActOptions): string[] {
  const { folder, work } = sandbox;
  const file = (name: string, value: unknown): string =>
    writeDocument(sandbox, options, name, value);
  const event = {
    ...(options.event === 'schedule' ? { schedule: '23,53 * * * *' } : {}),
    ...{ inputs: options.inputs },
  };
  const pins = checkoutPins(work).map((pin) => `${pin}=${join(folder, 'shims/checkout')}`);
  return [
    options.event,
    ...['-C', work],
    ...['-W', join(work, '.github/workflows', options.workflow)],
    ...['-e', file('event.json', event)],
    ...['--json', '-v', '--rm', '--no-cache-server'],
    ...['--action-cache-path', join(folder, 'cache')],
    ...['--secret-file', file('secrets.yml', options.secrets)],
    ...['--var-file', file('vars.yml', options.vars)],
    ...['--env-file', file('env.yml', stepEnvironment(sandbox, options))],
    ...['--input-file', '/dev/null'],
    ...['--actor', 'tester'],
    ...['-P', 'ubuntu-24.04=-self-hosted'],
    ...['-P', 'self-hosted=-self-hosted'],
    '--no-skip-checkout',
    ...pins.flatMap((pin) => ['--local-repository', pin]),
  ];
}

/** The environment of act itself: nothing of this process but where Node is. */
function actEnvironment({ folder }: Sandbox, { stub, run }: ActOptions): Record<string, string> {
  const home = join(folder, 'home');
  mkdirSync(home, { recursive: true });
  return {
    PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
    HOME: home,
    ACT_DISABLE_VERSION_CHECK: '1',
    PAGER: 'cat',
    GIT_PAGER: 'cat',
    NO_COLOR: '1',
    TERM: 'dumb',
    ACTIONS_RESULTS_URL: `${stub.url}/`,
    ACTIONS_RUNTIME_TOKEN: runtimeToken(run),
    ACTIONS_RUNTIME_URL: `${stub.url}/`,
  };
}

/** What a process says on both streams, and its exit code. */
async function finished(child: ChildProcessByStdio<null, Readable, Readable>): Promise<{
  code: number;
  text: string;
}> {
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => {
      text += data.toString();
    });
  const code = await new Promise<number>((resolve) =>
    child.once('close', (status) => resolve(status ?? 1)),
  );
  return { code, text };
}

type LogLine = { jobID?: string; jobResult?: string; msg?: string; level?: string };

function parseLine(line: string): LogLine | null {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return null;
  }
}

/** The results of jobs, and what a person would see of act's log. */
function readLog(text: string): Pick<ActRun, 'jobs' | 'visible'> {
  const jobs: Record<string, string[]> = {};
  const visible: string[] = [];
  for (const item of text.split('\n').map(parseLine)) {
    if (item?.jobID !== undefined && item.jobResult !== undefined)
      jobs[item.jobID] = [...(jobs[item.jobID] ?? []), item.jobResult];
    if (item?.level !== 'debug' && item?.msg !== undefined) visible.push(item.msg);
  }
  return { jobs, visible: visible.join('\n') };
}

/**
 * Runs one workflow with act in host mode, with a clean environment, and reads its jobs' results.
 */
export async function runAct(act: string, sandbox: Sandbox, options: ActOptions): Promise<ActRun> {
  const child = spawn(act, actArguments(sandbox, options), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: actEnvironment(sandbox, options),
  });
  const { code, text } = await finished(child);
  for (const trap of ['Skipping unsupported platform', 'Unable to clone', 'unable to get git'])
    if (text.includes(trap)) throw new Error(`act: ${trap}\n${text.slice(-3000)}`);
  return { code, ...readLog(text) };
}
