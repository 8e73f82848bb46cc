// Calibrates real vLLM on a CPU with the tiny model: kernels and precisions of one engine, a second
// engine, and copies of the weights that were rounded. Its files show what the gate tells apart.
//   node scripts/vllm-calibration.ts RUNNER OUT [options of cacheon calibrate]
// RUNNER: a run-vllm.sh, see src/devnet/README.md
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Arena } from '../src/schema/arena.ts';

type Class = Arena['calibrationClasses'][number];

const ROOT = resolve(import.meta.dirname, '..');
const [runnerPath, out, ...more] = process.argv.slice(2);
if (runnerPath === undefined || out === undefined)
  throw new Error('usage: node scripts/vllm-calibration.ts RUNNER OUT [options]');
const runner = resolve(runnerPath);
const RUNS = 5;
const PORT = 8131;
const MODEL = join(ROOT, 'src/devnet/model');
const temporary = mkdtempSync(join(tmpdir(), 'cacheon-vllm-'));

/** A vLLM by the runner, in the arena's form of a class. */
function vllm(
  name: string,
  kind: Class['kind'],
  settings: readonly string[],
  env: readonly string[] = [],
): Class {
  const start = ['env', `PORT=${PORT}`, ...env, 'bash', runner, '--no-enable-prefix-caching'];
  return {
    ...{ name, kind, command: [...start, ...settings] },
    stop: ['env', `PORT=${PORT}`, 'bash', runner, 'stop'],
  };
}

/** A copy of the model whose linear layers were rounded. */
function rounded(bits: string): string {
  const to = join(temporary, `int${bits}`);
  execFileSync(process.execPath, [join(ROOT, 'scripts/quantise.ts'), MODEL, to, bits]);
  return `MODEL=${to}`;
}

const COMPILED = '--no-enforce-eager';
const FLOAT32 = ['--dtype', 'float32'];
const devnet = JSON.parse(readFileSync(join(ROOT, 'src/devnet/arena.json'), 'utf8')) as Arena;
const engine = (name: string): Class =>
  devnet.calibrationClasses.find((item) => item.name === name)!;
const classes: Class[] = [
  vllm('reference', 'reference', []),
  vllm('bf16-eager', 'honest', []),
  vllm('bf16-compiled', 'honest', [COMPILED]),
  vllm('float32-eager', 'honest', FLOAT32),
  vllm('float32-compiled', 'honest', [...FLOAT32, COMPILED]),
  engine('fast'),
  engine('speculative'),
  vllm('int8-weights', 'control', [], [rounded('8')]),
  vllm('int4-weights', 'control', [], [rounded('4')]),
  ...['int8', 'int4', 'other-weights', 'lossy-0.1', 'lossy-0.2', 'lossy-0.4'].map(engine),
];

const arena = {
  ...devnet,
  ...{ scoredPrompts: 10, laterPrompts: 10, inputTokens: 200, maxTokens: 64 },
  deadlines: { start: 300, connect: 2, firstByte: 60, interChunk: 20, request: 90 },
  ...{ calibration: {}, calibrationClasses: classes },
  gate: { ...devnet.gate, mustCatch: ['int4-weights'] },
};
const path = join(temporary, 'arena.json');
writeFileSync(path, JSON.stringify(arena));
try {
  const { status } = spawnSync(
    join(ROOT, 'scripts/cacheon'),
    [
      ...['calibrate', '--arena', path, '--tier', 'vllm-cpu', '--runs', String(RUNS)],
      ...['--seed', `0x${'2a'.repeat(32)}`, '--out', resolve(out)],
      ...['--engine-command', join(ROOT, 'scripts/cacheon'), ...more],
    ],
    { stdio: 'inherit' },
  );
  process.exitCode = status ?? 1;
} finally {
  rmSync(temporary, { recursive: true });
}
