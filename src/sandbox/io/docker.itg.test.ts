// The sandbox on a real engine: escape probes C01 to C20, the hostile images H03 to H09 and H41,
// the lock on the machine, and leftovers.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusesVolumes } from '../../compose/measuring-host.ts';
import { ROOT } from '../../compose/repository.ts';
import { fromUtf8Lossy } from '../../core/bytes.ts';
import { serveEngineImages } from '../../devnet/registry/engine-images.ts';
import {
  type Image,
  buildImage,
  type ImageLayer,
  layerOf,
} from '../../devnet/registry/image-builder.ts';
import { type Registry, startRegistry } from '../../devnet/registry/registry-server.ts';
import type { ImageStore } from '../../images/image-store.ts';
import { dockerImages } from '../../images/io/docker-images.ts';
import { readArm } from '../../judge/arm-reading.ts';
import { runArm } from '../../measure/arm-run.ts';
import type { EngineRuntime } from '../../measure/engine.ts';
import { groundTruthProgram } from '../../measure/io/clock-check.ts';
import { sidecarProgram } from '../../measure/io/sidecar-process.ts';
import { findDocker } from '../../node/docker.ts';
import { monotonicClock } from '../../node/monotonic-clock.ts';
import { generatedCorpus } from '../../prompts/corpus.ts';
import { loadTokenizer } from '../../prompts/io/tokenizer-file.ts';
import { drawSuite } from '../../prompts/sampler.ts';
import { poolsOf } from '../../prompts/suites.ts';
import { parseArena } from '../../schema/arena.ts';
import { parseTrace, traceLine } from '../../schema/trace.ts';
import { OWNER_LABEL, type Rig, serverOptions } from '../container-options.ts';
import { judgeProbes, type ProbeResult, type Sightings } from '../escape-probes.ts';
import { SYSCALLS } from '../syscall-program.ts';
import { createAlone, dockerRuntime } from './container-runtime.ts';
import { lockHost, rigOf } from './docker-host.ts';
import { ownerMark, reap } from './engine-host.ts';
import { probesProgram, runProbes } from './probe-runner.ts';
import {
  type ImageFile,
  libraries,
  NODE,
  SLEEPER,
  SYSCALL_PROGRAM,
  toolsImage,
} from './tools-image.ts';

const engine = await findDocker();
const docker = engine!;
if (engine === null) console.warn('skipped: the sandbox (no Docker engine answers here)');

const base = JSON.parse(readFileSync(join(ROOT, 'src/devnet/arena.json'), 'utf8')) as {
  sandbox: object;
};
const arena = parseArena(
  {
    ...base,
    deadlines: { start: 6, connect: 1, firstByte: 2, interChunk: 2, request: 3 },
    warmupPrompts: 1,
    scoredPrompts: 2,
    sandbox: { ...base.sandbox, memoryGb: 0.25 },
  },
  'test',
);
const tokenizer = loadTokenizer(arena.tokenizer, ROOT);
const prompts = drawSuite(generatedCorpus(), tokenizer, {
  seed: new Uint8Array(32).fill(5),
  shard: 0,
  boot: 1,
  warmups: 1,
  scored: 2,
  inputTokens: 64,
  systemMessage: arena.model.systemMessage,
  chatTemplate: 'chatml',
});

/** An honest little server, and what else its first argument makes of it. */
const SERVER = `
import { createServer } from 'node:http';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
const mode = process.argv[2] ?? 'honest';
console.log('started as ' + mode);
process.on('SIGTERM', () => console.log('SIGTERM'));
process.on('SIGCONT', () => console.log('SIGCONT'));
if (mode === 'exit') process.exit(0);
if (mode === 'crash') process.exit(3);
if (mode === 'orphan') { spawn(process.execPath, [process.argv[1], 'slow'], { stdio: 'inherit', detached: true }); setTimeout(() => process.exit(0), 900); }
const flood = Buffer.alloc(1024 * 1024, 'x');
let asked = 0;
const top = [{ token: 'a', logprob: -0.1, bytes: [97] }];
const event = (content, finish = null) => 'data: ' + JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: finish, logprobs: { content: [{ ...top[0], top_logprobs: top }] } }] }) + '\\n\\n';
if (mode !== 'orphan') createServer((request, response) => {
  if (request.url === '/health') { if (existsSync('/tmp/health')) console.log('the health check ran'); return response.end(); }
  asked++;
  if (mode === 'dies' && asked === 2) process.exit(7);
  if (mode === 'memory') { const kept = []; for (;;) kept.push(Buffer.alloc(16 * 1024 * 1024, 1)); }
  if (mode === 'stdout') { for (let i = 0; i < 340; i++) process.stdout.write(flood); }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  setTimeout(() => response.end(event('one') + event(' two', 'stop') + 'data: [DONE]\\n\\n'), mode === 'slow' ? 700 : 0);
}).listen(8000, '127.0.0.1');
`;

let registry: Registry;
let store: ImageStore;
let runtime: EngineRuntime;
let rig: Rig;
let tools: Awaited<ReturnType<typeof toolsImage>>;
let node: ImageLayer;
const images = new Map<string, Image>();
const owner = ownerMark();

const text = (content: string): ImageFile => ({ bytes: Buffer.from(content), mode: 0o644 });
const ours = async (): Promise<string[]> =>
  (await docker.listContainers({ all: true, filters: { label: [OWNER_LABEL] } })).map(({ Names }) =>
    Names.join(),
  );

describe.skipIf(engine === null)('the sandbox', () => {
  beforeAll(async () => {
    await reap(docker);
    tools = await toolsImage(docker, {
      meter: sidecarProgram(),
      truth: groundTruthProgram(),
      probes: probesProgram(),
    });
    rig = { ...(await rigOf(docker, arena, null)), models: null };
    node = await layerOf(
      new Map([
        ...libraries(process.execPath),
        [NODE, { bytes: readFileSync(process.execPath), mode: 0o755 }],
      ]),
      false,
    );
    const server = await layerOf(new Map([['/server.mjs', text(SERVER)]]), true);
    const of = (mode: string, more: object = {}): Image =>
      buildImage([node, server], { Entrypoint: [NODE, '/server.mjs', mode], ...more });
    for (const mode of ['honest', 'exit', 'crash', 'orphan', 'dies', 'memory', 'stdout'])
      images.set(mode, of(mode));
    images.set('stopsignal', of('honest', { StopSignal: 'SIGCONT' }));
    images.set(
      'healthcheck',
      of('honest', {
        Healthcheck: {
          Test: ['CMD', NODE, '-e', "require('fs').writeFileSync('/tmp/health','')"],
          Interval: 1e8,
        },
      }),
    );
    images.set('missing', buildImage([node, server], { Entrypoint: ['/no/such/program'] }));
    const inTheWay = await layerOf(new Map([['/tmp', text('a file')]]), true);
    images.set(
      'tmp',
      buildImage([node, server, inTheWay], { Entrypoint: [NODE, '/server.mjs', 'honest'] }),
    );
    const users = await layerOf(new Map([['/etc/passwd/x', text('a folder of users')]]), true);
    images.set(
      'users',
      buildImage([node, server, users], { Entrypoint: [NODE, '/server.mjs', 'honest'] }),
    );
    images.set('folder', of('honest', { WorkingDir: '/server.mjs/x' }));
    registry = await startRegistry(new Map([...images].map(([name, image]) => [name, [image]])));
    store = dockerImages(docker, {
      loopback: true,
      cacheFolder: mkdtempSync(join(tmpdir(), 'layers-')),
    });
    runtime = dockerRuntime({
      docker,
      rules: arena,
      rig,
      owner,
      meter: {
        image: tools.name,
        command: [NODE, '--disable-warning=ExperimentalWarning', tools.paths['meter']!],
      },
      fetch: async (ref) => {
        const pulled = await store.pull(
          ref,
          { packedBytes: 1e9, unpackedBytes: 1e9 },
          () => undefined,
        );
        if (pulled.state !== 'found') throw new Error(pulled.detail);
        return pulled.value.id;
      },
    });
  }, 120_000);
  afterAll(async () => {
    await registry.close();
    await store.tidy(new Set());
  });

  async function measured(
    mode: string,
  ): Promise<{ verdict: string; log: string; seconds: number; events: string[] }> {
    const target = {
      kind: 'image',
      image: `${registry.host}/${mode}`,
      digest: images.get(mode)!.manifest.digest,
    } as const;
    const header = {
      role: 'challenger',
      key: null,
      seed: '0x',
      shard: 0,
      boot: 1,
      run: 1,
      startedAt: '',
    } as const;
    const began = monotonicClock.nowNs();
    const { lines, log } = await runArm(
      { clock: monotonicClock, runtime },
      { arena, target, header, prompts, allowance: null, beganNs: 0 },
    );
    const trace = parseTrace(lines.map(traceLine).join(''), mode);
    const { fault } = readArm(trace, { arena, tokenizer, prompts: poolsOf(prompts) });
    expect(await ours()).toEqual([]);
    return {
      verdict: fault ? `${fault.verdict} ${fault.reason}` : 'no fault',
      log: fromUtf8Lossy(log ?? new Uint8Array()),
      seconds: (monotonicClock.nowNs() - began) / 1e9,
      events: trace.events.map(({ name }) => name),
    };
  }

  it('an honest image answers in it, and leaves nothing behind', async () => {
    const result = await measured('honest');
    expect(result).toMatchObject({ verdict: 'no fault', events: ['start', 'healthy'] });
    expect(result.log).toBe('started as honest\n');
  });
  it('H03 exits with 0: noticed at once, not at the start deadline', async () => {
    const result = await measured('exit');
    expect(result.verdict).toMatch(/^E_EXIT/);
    expect(result.seconds).toBeLessThan(arena.deadlines.start - 1);
  });
  it('H04 crashes, and is not started again', async () => {
    const result = await measured('crash');
    expect(result.verdict).toMatch(/^E_EXIT/);
    expect(result.log.match(/started/g)).toHaveLength(1);
  });
  it('H05 H06 ignores SIGTERM, names another stop signal: dead within a second, by SIGKILL', async () => {
    for (const mode of ['honest', 'stopsignal']) {
      const engine = await runtime.start({
        kind: 'image',
        image: `${registry.host}/${mode}`,
        digest: images.get(mode)!.manifest.digest,
      });
      await monotonicClock.sleep(500);
      const began = monotonicClock.nowNs();
      await engine.stop();
      expect(monotonicClock.nowNs() - began).toBeLessThan(1e9);
      expect(fromUtf8Lossy(engine.log()!)).not.toMatch(/SIG/);
      expect(engine.exited()).toBeNull();
    }
    expect((await measured('stopsignal')).verdict).toBe('no fault');
  });
  it('H07 its HEALTHCHECK is never executed', async () => {
    const result = await measured('healthcheck');
    expect(result).toMatchObject({ verdict: 'no fault' });
    expect(result.log).not.toContain('health check ran');
  });
  it('H08 dies at a request', async () =>
    expect((await measured('dies')).verdict).toMatch(/^E_EXIT/));
  it('H09 its first process exits while a child serves', async () =>
    expect((await measured('orphan')).verdict).toMatch(/^E_EXIT/));
  it('runs out of memory: told apart from an exit', async () =>
    expect((await measured('memory')).verdict).toMatch(/^E_OOM/));
  it('names a program that is not there: its own fault', async () => {
    const result = await measured('missing');
    expect(result.verdict).toMatch(/^E_EXIT/);
    expect(result.log).toContain('/no/such/program');
  });
  it('has a file where /tmp is mounted: its own fault', async () =>
    expect((await measured('tmp')).verdict).toMatch(/^E_EXIT/));

  it('H41 prints a gigabyte: no disk, and a log with a gap', async () => {
    const used = (): number => Number(execFileSync('du', ['-sk', root]).toString().split('\t')[0]);
    const { DockerRootDir: root } = (await docker.info()) as { DockerRootDir: string };
    await measured('honest');
    const before = used();
    const result = await measured('stdout');
    expect(result.verdict).toBe('no fault');
    expect(result.log.length).toBeLessThan(300 * 1024);
    expect(result.log).toContain('bytes left out');
    expect(used() - before).toBeLessThan(1024);
  });

  describe('escape probes', () => {
    let results: ProbeResult[] = [];
    beforeAll(async () => {
      results = await runProbes({ docker, tools, rig, owner }, refusesVolumes());
    }, 60_000);
    const ids = Array.from({ length: 20 }, (_, i) => `C${String(i + 1).padStart(2, '0')}`);
    it.each(ids.filter((id) => id !== 'C16'))('%s holds', (id) =>
      expect(results.find((probe) => probe.id === id)).toMatchObject({ result: 'pass' }),
    );
    it('C16 is listed as not run where there is no GPU', () =>
      expect(results.find(({ id }) => id === 'C16')).toMatchObject({ result: 'not-run' }));
    it('a container with the engine’s defaults and no filter fails them', async () => {
      const strict = serverOptions({ image: tools.name }, arena.sandbox, rig, owner);
      const argument = JSON.stringify({
        gateways: ['172.17.0.1'],
        hosts: ['172.17.0.1'],
        peers: ['172.17.0.2'],
        port: 1,
        calls: SYSCALLS.map(({ name }) => name),
        program: SYSCALL_PROGRAM,
        sleeper: SLEEPER,
      });
      const soft = await docker.createContainer({
        Image: tools.name,
        Cmd: [NODE, tools.paths['probes']!, argument],
        Labels: strict['Labels'] as Record<string, string>,
        // Its bombs are kept in all the same. Without a filter: newer engines' own one refuses more
        // than older ones'.
        HostConfig: {
          SecurityOpt: ['seccomp=unconfined'],
          PidsLimit: 128,
          Memory: 256 * 1024 * 1024,
          Tmpfs: { '/tmp': 'size=16m', '/cache': 'size=16m,nr_inodes=4096' },
          Ulimits: [{ Name: 'nofile', Soft: 512, Hard: 512 }],
        },
      });
      try {
        await soft.start();
        await soft.wait();
        const output = (await soft.logs({ stdout: true })).toString('utf8');
        const seen = JSON.parse(
          output.slice(output.indexOf('{'), output.lastIndexOf('}') + 1),
        ) as Sightings;
        const host = {
          canaryHits: 0,
          volumePolicy: true,
          oomKilled: true,
          writableMounts: [],
          residue: [],
        };
        const failed = judgeProbes(seen, host, false)
          .filter(({ result }) => result === 'fail')
          .map(({ id }) => id);
        for (const id of ['C01', 'C02', 'C03', 'C10', 'C11', 'C12', 'C13', 'C17'])
          expect(failed).toContain(id);
      } finally {
        await soft.remove({ force: true, v: true });
      }
    }, 60_000);
  });

  describe('who may run', () => {
    it('a second evaluation on the machine is told to wait, and touches nothing', async () => {
      const other = spawn('sleep', ['60']);
      const theirs = await createAlone(
        docker,
        serverOptions(
          { image: tools.name, args: [SLEEPER] },
          arena.sandbox,
          rig,
          ownerMark(other.pid),
        ),
        owner,
      );
      try {
        await expect(
          createAlone(
            docker,
            serverOptions({ image: tools.name, args: [SLEEPER] }, arena.sandbox, rig, owner),
            owner,
          ),
        ).rejects.toMatchObject({ code: 'HOST_BUSY' });
        expect(await ours()).toEqual(['/cacheon-server']);
        // Once the process of a container is dead, the next start removes its leftovers.
        const gone = new Promise((done) => other.once('exit', done));
        other.kill('SIGKILL');
        await gone;
        expect(await reap(docker)).toBe(1);
        expect(await ours()).toEqual([]);
      } finally {
        await theirs.remove({ force: true }).catch(() => undefined);
        other.kill('SIGKILL');
      }
    });

    it('a harness in another process namespace lives while it holds its lock, and a lock does not outlive its harness', async () => {
      // As a runner in a container of its own would sign: a pid that says nothing here.
      const foreign = ownerMark().replace(/\[\d+\]$/, '[1]');
      const child = spawn(
        process.execPath,
        [
          '--input-type=module',
          '-e',
          `import Docker from 'dockerode';
           const { lockHost } = await import(${JSON.stringify(join(import.meta.dirname, 'docker-host.ts'))});
           await lockHost(new Docker(), ${JSON.stringify(tools.name)}, ${JSON.stringify(foreign)});
           console.log('locked');
           setInterval(() => undefined, 1000);`,
        ],
        { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] },
      );
      try {
        await new Promise((done) => child.stdout.once('data', done));
        const old = Math.floor(new Date().getTime() / 1000) + 3600;
        expect(await reap(docker, old)).toBe(0);
        await expect(lockHost(docker, tools.name, owner)).rejects.toMatchObject({
          code: 'HOST_BUSY',
        });
        const gone = new Promise((done) => child.once('exit', done));
        child.kill('SIGKILL');
        await gone;
        // The engine notices that no process is connected any more; then only the container's age
        // keeps it, and not for long.
        const began = monotonicClock.nowNs();
        while ((await reap(docker, old)) === 0 && monotonicClock.nowNs() - began < 10e9)
          await monotonicClock.sleep(50);
        expect(await ours()).toEqual([]);
        await (await lockHost(docker, tools.name, owner)).release();
        expect(await ours()).toEqual([]);
      } finally {
        child.kill('SIGKILL');
        await reap(docker, Infinity);
      }
    }, 30_000);

    it('F01 F02 F03 I8 kill -9 at any point: the next start leaves no orphan, and the evaluation runs again', async () => {
      const engines = await serveEngineImages(ROOT);
      const folder = mkdtempSync(join(tmpdir(), 'kill-'));
      const plain = engines.of('plain');
      const arenaFile = join(folder, 'arena.json');
      writeFileSync(
        arenaFile,
        JSON.stringify({
          ...base,
          scoredPrompts: 1,
          maxTokens: 8,
          clock: { ...arena.clock, waitMs: 5000, p99Ms: 1000, ttftBiasMs: 100 },
        }),
      );
      const evaluate = (out: string) =>
        spawn(
          join(ROOT, 'scripts/cacheon'),
          [
            'eval',
            '--baseline',
            `${plain.image}@${plain.digest}`,
            '--challenger',
            `${plain.image}@${plain.digest}`,
            '--block-hash',
            `0x${'7'.repeat(64)}`,
            '--out',
            join(folder, out),
            '--arena',
            arenaFile,
            '--json',
          ],
          { stdio: ['ignore', 'pipe', 'ignore'] },
        );
      try {
        for (const [i, delayMs] of [1500, 4500, 8500, 10_500, 12_500].entries()) {
          const child = evaluate(`killed-${i}`);
          const gone = new Promise((done) => child.once('exit', done));
          await Promise.race([monotonicClock.sleep(delayMs), gone]);
          child.kill('SIGKILL');
          await gone;
        }
        const last = evaluate('whole');
        let report = '';
        last.stdout.on('data', (data: Buffer) => (report += data.toString()));
        const began = monotonicClock.nowNs();
        let orphans = true;
        const code = await new Promise((done) => {
          last.once('exit', done);
          // The next start removes a dead process's leftovers within 30 s; the containers that run
          // then are the new evaluation's own.
          const mine = ownerMark(last.pid);
          const look = setInterval(() => {
            void docker
              .listContainers({ all: true, filters: { label: [OWNER_LABEL] } })
              .then((list) => {
                if (!orphans) return;
                orphans = list.some(({ Labels }) => Labels[OWNER_LABEL] !== mine);
                if (!orphans) expect(monotonicClock.nowNs() - began).toBeLessThan(30e9);
              });
          }, 200);
          last.once('exit', () => clearInterval(look));
        });
        expect(code).toBe(0);
        expect(JSON.parse(report)).toMatchObject({ verdict: 'VALID' });
        expect(orphans).toBe(false);
        expect(await ours()).toEqual([]);
      } finally {
        await engines.close();
        rmSync(folder, { recursive: true, force: true });
      }
    }, 180_000);
  });
});
