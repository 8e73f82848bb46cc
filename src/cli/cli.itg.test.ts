// Tests of the command line: evaluations, verdicts, exit codes and bad input.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../compose/repository.ts';
import { startEngine, type TinyEngine } from '../devnet/engine/engine-server.ts';

const HASH = `0x${'3c'.repeat(32)}`;
const folder = mkdtempSync(join(tmpdir(), 'cli-'));
const arena = join(folder, 'arena.json');
const engines = new Map<string, TinyEngine>();
let evaluations = 0;

type Result = { code: number; stdout: string; stderr: string };
function cacheon(...args: string[]): Promise<Result> {
  return new Promise((done) => {
    const child = spawn(join(ROOT, 'scripts/cacheon'), args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, CACHEON_HOTKEY: '' },
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
    child.once('close', (code) => done({ code: code ?? -1, stdout, stderr }));
  });
}
const url = (variant: string): string => engines.get(variant)!.url;
async function evaluate(change: Record<string, string> = {}): Promise<Result & { out: string }> {
  const out = join(folder, `eval-${++evaluations}`);
  const options = {
    baseline: url('plain'),
    challenger: url('fast'),
    'block-hash': HASH,
    arena,
    out,
    ...change,
  };
  return {
    ...(await cacheon(
      'eval',
      '--json',
      ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
    )),
    out,
  };
}
const errorOf = ({ stdout }: Result): { code: string; message: string; hint: string } =>
  (JSON.parse(stdout) as { error: never }).error;

beforeAll(async () => {
  const base = JSON.parse(readFileSync(join(ROOT, 'src/devnet/arena.json'), 'utf8')) as Record<
    string,
    object
  >;
  writeFileSync(
    arena,
    JSON.stringify({
      ...base,
      scoredPrompts: 2,
      driftLimit: 5,
      deadlines: { ...base['deadlines'], start: 2 },
    }),
  );
  for (const variant of ['plain', 'fast', 'speculative', 'early-eos'])
    engines.set(variant, await startEngine({ variant }));
});
afterAll(async () => {
  for (const engine of engines.values()) await engine.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('cacheon eval and judge', () => {
  it('finds honest servers VALID, and judge gives the same bytes again', async () => {
    for (const challenger of ['fast', 'speculative']) {
      const { code, stdout, out } = await evaluate({
        challenger: url(challenger),
        incumbent: url('plain'),
      });
      const report = JSON.parse(stdout) as {
        verdict: string;
        score: number;
        takeover: { takesOver: boolean };
        gate: { kind: string };
      };
      expect([code, report.verdict, report.gate.kind]).toEqual([0, 'VALID', 'margin']);
      expect(report.score).toBeGreaterThan(0);
      expect(typeof report.takeover.takesOver).toBe('boolean');
      expect(readFileSync(join(out, 'verdict.json'), 'utf8')).toBe(stdout);
      const again = await cacheon('judge', out, '--json');
      expect([again.code, again.stdout]).toEqual([0, stdout]);
    }
  });
  it('gives a cheat its reason and exit code 1', async () => {
    const { code, stdout } = await evaluate({ challenger: url('early-eos') });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      verdict: 'E_GATE',
      score: 0,
      gate: { pass: false },
    });
  });
  it('calls a challenger that is never healthy E_START_TIMEOUT, a baseline INFRA_ENGINE, and writes both', async () => {
    const server = createServer((_, response) => response.writeHead(503).end()).listen(
      0,
      '127.0.0.1',
    );
    await new Promise((done) => server.once('listening', done));
    const sick = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const challenger = await evaluate({ challenger: sick });
    expect([
      challenger.code,
      (JSON.parse(challenger.stdout) as { verdict: string }).verdict,
    ]).toEqual([1, 'E_START_TIMEOUT']);
    const baseline = await evaluate({ baseline: 'http://127.0.0.1:1' });
    expect([
      baseline.code,
      (JSON.parse(readFileSync(join(baseline.out, 'verdict.json'), 'utf8')) as { verdict: string })
        .verdict,
    ]).toEqual([3, 'INFRA_ENGINE']);
    const reference = await evaluate({ reference: 'http://127.0.0.1:1' });
    expect([reference.code, (JSON.parse(reference.stdout) as { verdict: string }).verdict]).toEqual(
      [3, 'INFRA_ENGINE'],
    );
    server.close();
  });
  it('ends with 2 on a trace that is cut anywhere, and writes nothing', async () => {
    const { out } = await evaluate();
    const verdict = readFileSync(join(out, 'verdict.json'), 'utf8');
    const file = join(out, 'traces/0/1/challenger.ndjson.gz');
    const whole = readFileSync(file);
    const text = gunzipSync(whole).toString();
    const lines = text.split('\n');
    const cuts = [
      whole.subarray(0, whole.length / 2),
      gzipSync(text.slice(0, text.length / 2)),
      gzipSync(`${lines.slice(0, lines.length / 2).join('\n')}\n`),
      gzipSync(`${lines.slice(0, -2).join('\n')}\n`),
    ];
    for (const cut of cuts) {
      writeFileSync(file, cut);
      const result = await cacheon('judge', out, '--json');
      expect([result.code, errorOf(result).code]).toEqual([2, 'BAD_TRACE']);
      expect(readFileSync(join(out, 'verdict.json'), 'utf8')).toBe(verdict);
    }
    writeFileSync(file, whole);
    rmSync(join(out, 'traces/0/1/baseline.2.ndjson.gz'));
    expect((await cacheon('judge', out)).code).toBe(2);
  });
});

describe('bad input', () => {
  it.each([
    ['an unknown command', ['frobnicate'], 'USAGE'],
    ['an unknown option', ['prompts', '--colour', 'red'], 'USAGE'],
    ['no block hash', ['prompts', '--arena', arena], 'USAGE'],
    ['a short block hash', ['prompts', '--arena', arena, '--block-hash', '0x12'], 'BAD_PLAN'],
    ['a missing arena', ['prompts', '--arena', '/nowhere.json', '--block-hash', HASH], 'USAGE'],
    ['a corpus that is not there', ['prompts', '--block-hash', HASH], 'CORPUS_NEEDED'],
    ['a folder that is no evaluation', ['judge', folder], 'USAGE'],
    ['a folder that is not there', ['judge', join(folder, 'nothing')], 'USAGE'],
    ['no results', ['audit', '--results', join(folder, 'nothing')], 'USAGE'],
    ['an unknown variant', ['devnet', 'engine', '--variant', 'warp'], 'UNKNOWN_VARIANT'],
    ['a port that is no port', ['devnet', 'chain', '--port', '99999'], 'USAGE'],
    ['no key', ['settle', '--arena', arena, '--endpoint', 'ws://127.0.0.1:1'], 'NO_KEY'],
    ['a round without traces', ['publish', '--round', '5', '--traces', '/nowhere'], 'USAGE'],
    ['a draw of no plan', ['draw', '--arena', arena], 'USAGE'],
    ['an address that is none', ['scan', '--arena', arena, '--validator', '5abc'], 'USAGE'],
  ])('%s: one line, what to do, exit code 2', async (_, args, code) => {
    const result = await cacheon(...args, '--json');
    expect([result.code, errorOf(result).code]).toEqual([2, code]);
    expect(errorOf(result).hint.length).toBeGreaterThan(5);
    expect(result.stderr.trim().split('\n')).toHaveLength(1);
    expect(result.stderr).not.toMatch(/\n\s+at /);
  });
  it('a port in use, a wrong digest, an unknown arena field, an empty ledger, a used folder', async () => {
    const port = new URL(url('plain')).port;
    expect(
      errorOf(await cacheon('devnet', 'engine', '--variant', 'plain', '--port', port, '--json'))
        .code,
    ).toBe('PORT_IN_USE');
    expect((await evaluate({ challenger: 'ghcr.io/a/b@sha256:123' })).code).toBe(2);
    const typo = join(folder, 'typo.json');
    writeFileSync(
      typo,
      JSON.stringify({ ...(JSON.parse(readFileSync(arena, 'utf8')) as object), prise: 1 }),
    );
    const refused = await evaluate({ arena: typo });
    expect([refused.code, errorOf(refused).message]).toEqual([2, expect.stringContaining('prise')]);
    expect(existsSync(refused.out)).toBe(false);
    mkdirSync(join(folder, 'empty'));
    expect((await cacheon('audit', '--results', join(folder, 'empty'))).code).toBe(2);
    expect((await evaluate({ out: folder })).code).toBe(2);
  });
  it('an unreachable chain: exit code 3 and the way out', async () => {
    const result = await cacheon(
      'scan',
      '--arena',
      arena,
      '--validator',
      '5G7HzgVwt1mDYfAfULdukJiCRcGmbGLWWLYWkubXcqcfEgGs',
      '--endpoint',
      'ws://127.0.0.1:1',
      '--json',
    );
    expect([result.code, errorOf(result).code]).toEqual([3, 'INFRA_CHAIN']);
    expect(result.stderr.trim().split('\n')).toHaveLength(1);
  });
});

it('prints the same prompts twice, as many as asked for', async () => {
  const ask = () => cacheon('prompts', '--arena', arena, '--block-hash', HASH, '--count', '4');
  const [one, two] = [await ask(), await ask()];
  expect(one.stdout).toBe(two.stdout);
  expect(
    one.stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { index: number }).index),
  ).toEqual([0, 1, 2, 3]);
});
