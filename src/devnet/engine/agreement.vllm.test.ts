// Tests of the tiny engine against a real vLLM: tokens, logprobs, and verdicts on every variant.
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../../compose/repository.ts';
import { urlRuntime } from '../../measure/io/url-runtime.ts';
import { openReference, type Reference } from '../../measure/reference.ts';
import { generatedCorpus } from '../../prompts/corpus.ts';
import { tokenizerFromJson } from '../../prompts/io/tokenizer-file.ts';
import { drawSuite } from '../../prompts/sampler.ts';
import { parseArena } from '../../schema/arena.ts';
import { startEngine, type TinyEngine } from './engine-server.ts';
import { VARIANTS } from './variants/index.ts';

const runner = process.env['VLLM_RUN'];
if (runner === undefined)
  console.warn(
    'skipped: comparison with a real vLLM (set VLLM_RUN to the path of models/run-vllm.sh)',
  );

const PROMPTS = 20;
const TOKENS = 48;
/** Trials saw 4e-5 nat: float32 rounding of two kernels. */
const LOGPROB_BOUND = 0.001;

describe.skipIf(runner === undefined)('a real vLLM on the same weights', () => {
  let vllm: string;
  let plain: TinyEngine;
  const folder = mkdtempSync(join(tmpdir(), 'vllm-'));
  const arena = join(folder, 'arena.json');
  beforeAll(async () => {
    vllm = execFileSync('bash', [runner!, '--dtype', 'float32'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
      .toString()
      .trim()
      .split('\n')
      .at(-1)!;
    plain = await startEngine({ variant: 'plain' });
    const base = JSON.parse(readFileSync(join(ROOT, 'src/devnet/arena.json'), 'utf8')) as object;
    // Plain loops are many times slower than vLLM: what counts here is what the gate says of them.
    writeFileSync(arena, JSON.stringify({ ...base, driftLimit: 1, tooSlowFactor: 1000 }));
  });
  afterAll(async () => {
    await plain.close();
    rmSync(folder, { recursive: true, force: true });
    if (runner !== undefined) execFileSync('bash', [runner, 'stop']);
  });

  it('gives the same greedy tokens, and logprobs within a thousandth of a nat', async () => {
    const tokenizer = tokenizerFromJson(
      readFileSync(join(ROOT, 'src/devnet/model/tokenizer.json'), 'utf8'),
    );
    const prompts = drawSuite(generatedCorpus(), tokenizer, {
      seed: new Uint8Array(32).fill(7),
      shard: 0,
      boot: 1,
      warmups: 0,
      scored: PROMPTS,
      inputTokens: 120,
      systemMessage: 'You are a helpful assistant.',
      chatTemplate: 'chatml',
    });
    const rules = parseArena(JSON.parse(readFileSync(arena, 'utf8')), arena);
    const clients = await Promise.all(
      [vllm, plain.url].map(
        async (url) => await (await urlRuntime(rules).start({ kind: 'url', url })).connect(),
      ),
    );
    let same = 0;
    let tokens = 0;
    let widest = 0;
    for (const { messages } of prompts) {
      const body = JSON.stringify({
        model: 'tiny-qwen2',
        messages,
        max_tokens: TOKENS,
        temperature: 0,
        return_token_ids: true,
        logprobs: true,
        top_logprobs: 5,
      });
      const ask = async (url: string) => {
        const response = await fetch(`${url}/v1/chat/completions`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body,
        });
        return (
          (await response.json()) as {
            choices: [{ token_ids: number[]; logprobs: { content: { logprob: number }[] } }];
          }
        ).choices[0];
      };
      const [theirs, ours] = [await ask(vllm), await ask(plain.url)];
      tokens += theirs.token_ids.length;
      same += theirs.token_ids.filter((id, i) => id === ours.token_ids[i]).length;
      theirs.logprobs.content.forEach(
        ({ logprob }, i) =>
          (widest = Math.max(
            widest,
            Math.abs(logprob - (ours.logprobs.content[i]?.logprob ?? Infinity)),
          )),
      );
      const [one, other] = clients.map((client) => openReference(client, 'tiny-qwen2')) as [
        Reference,
        Reference,
      ];
      expect(await other.promptIds(messages)).toEqual(await one.promptIds(messages));
    }
    console.log(
      `${same} of ${tokens} tokens equal, logprobs at most ${widest.toExponential(2)} nat apart`,
    );
    for (const client of clients) await client.close();
    expect(same).toBe(tokens);
    expect(widest).toBeLessThan(LOGPROB_BOUND);
  });

  it('as reference and baseline passes honest engines and fails the cheats that change tokens', async () => {
    const rows: string[] = [];
    for (const variant of VARIANTS.values()) {
      if (variant.altersTokens === 'seldom') continue;
      const engine = await startEngine({ variant: variant.name });
      const out = join(folder, variant.name);
      const { stdout } = await promisify(execFile)(join(ROOT, 'scripts/cacheon'), [
        'eval',
        '--arena',
        arena,
        '--baseline',
        vllm,
        '--challenger',
        engine.url,
        '--block-hash',
        `0x${'5a'.repeat(32)}`,
        '--out',
        out,
        '--json',
      ]).catch((error: unknown) => error as { stdout: string });
      await engine.close();
      const report = JSON.parse(stdout) as {
        verdict: string;
        reason: string;
        gate: { meanMarginNats: number } | null;
      };
      rows.push(
        `${variant.name}: ${report.verdict} (${report.reason}), mean margin ${report.gate?.meanMarginNats.toExponential(2) ?? '-'}`,
      );
      const honest = variant.altersTokens !== true;
      expect(report.verdict, rows.at(-1)).toBe(honest ? 'VALID' : 'E_GATE');
    }
    console.log(rows.join('\n'));
  });
});
