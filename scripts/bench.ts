// Benchmarks of the tiny engines, the action bundles, and the measuring client.
// Benchmarks, side by side in one run: npm run bench -- engines | bundles | audit | clock | throughput | decisions
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { median } from '../src/core/median.ts';
import { Model } from '../src/devnet/engine/model.ts';
import { generate } from '../src/devnet/engine/generate.ts';
import { VARIANTS } from '../src/devnet/engine/variants/index.ts';
import { auditTimes } from './bench/audit.ts';
import { clock, throughput } from './bench/clock.ts';
import { decisions } from './bench/decisions.ts';
import { loadWeights } from '../src/devnet/engine/model-weights.ts';

const root = new URL('..', import.meta.url).pathname;
const ROUNDS = 9;
const PROMPT = Array.from({ length: 64 }, (_, i) => i + 10);
const TOKENS = 32;
const msSince = (began: bigint): number => Number(process.hrtime.bigint() - began) / 1e6;

/** Speed of the honest engines, interleaved so that a noisy machine hits all alike. */
function engines(): void {
  const names = ['plain', 'fast', 'speculative'];
  const model = new Model(loadWeights(new URL('../src/devnet/model/', import.meta.url)));
  const times = new Map(
    names.map((name) => [
      name,
      { ttft: [] as number[], rate: [] as number[], whole: [] as number[] },
    ]),
  );
  for (let round = 0; round < ROUNDS + 2; round++) {
    for (const name of names) {
      const began = process.hrtime.bigint();
      let first = 0;
      let count = 0;
      for (const { tokens } of generate(model, VARIANTS.get(name)!, PROMPT, {
        maxTokens: TOKENS,
        top: -1,
      })) {
        if (first === 0) first = msSince(began);
        count += tokens.length;
      }
      const whole = msSince(began);
      if (round < 2) continue; // cold code
      const entry = times.get(name)!;
      entry.ttft.push(first);
      entry.rate.push(((count - 1) / (whole - first)) * 1000);
      entry.whole.push((count / whole) * 1000);
    }
  }
  console.log(
    `| engine | prefill of ${PROMPT.length} tokens, ms | decode, tokens/s | end to end, tokens/s |\n|---|---|---|---|`,
  );
  for (const [name, { ttft, rate, whole }] of times)
    console.log(
      `| ${name} | ${median(ttft).toFixed(0)} | ${median(rate).toFixed(0)} | ${median(whole).toFixed(0)} |`,
    );
}

/** Size and start-up time of every action's bundle: from spawn to the first check of its inputs. */
function bundles(): void {
  console.log('| bundle | MB | start-up, s |\n|---|---|---|');
  for (const verb of readdirSync(join(root, 'actions')).sort()) {
    const file = join(root, 'actions', verb, 'dist/index.cjs');
    const seconds = Array.from({ length: 5 }, () => {
      const began = process.hrtime.bigint();
      spawnSync(process.execPath, [file], { cwd: '/tmp', stdio: 'ignore', env: {} });
      return msSince(began) / 1000;
    });
    console.log(
      `| ${verb} | ${(statSync(file).size / 1e6).toFixed(1)} | ${median(seconds).toFixed(2)} |`,
    );
  }
}

const benchmarks: Record<string, () => void | Promise<void>> = {
  engines,
  bundles,
  audit: auditTimes,
  clock,
  throughput,
  decisions,
};
const run = benchmarks[process.argv[2] ?? ''];
if (!run) throw new Error(`usage: npm run bench -- ${Object.keys(benchmarks).join(' | ')}`);
await run();
