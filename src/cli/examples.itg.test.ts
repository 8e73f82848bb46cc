// The examples for miners: run as their pages say, with real processes, and measured.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readArena, ROOT } from '../compose/repository.ts';
import { silentLog } from '../core/log.ts';
import { startEngine } from '../devnet/engine/engine-server.ts';
import type { Report } from '../schema/report.ts';
import { runTree } from './command-line.ts';

const examples = join(ROOT, '.github/examples');
const folder = mkdtempSync(join(tmpdir(), 'examples-'));
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const PYTHON = spawnSync('python3', ['--version']).status === 0;
if (!PYTHON) console.warn('skipped: the example server (no python3 here)');

/** A port that nobody has. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function json(...argv: string[]): Promise<{ code: number; document: unknown }> {
  let text = '';
  const write = (part: string): void => void (text += part);
  const options = { json: true, log: silentLog, version: '', write };
  const code = await runTree([...argv, '--arena', 'src/devnet/arena.json', '--json'], options);
  return { code, document: JSON.parse(text) as unknown };
}

describe('stock vLLM', () => {
  const arena = readArena(join(ROOT, '.github/arena.json'));
  it('is started with the arguments of the arena, from the environment of the sandbox', () => {
    const fake = join(folder, 'vllm');
    writeFileSync(fake, '#!/bin/sh\nprintf "%s\\n" "$@"\n');
    chmodSync(fake, 0o755);
    const text = execFileSync('/bin/sh', [join(examples, 'vllm/start.sh')], {
      env: { PATH: `${folder}:/usr/bin:/bin`, MODEL_PATH: '/models', PORT: '8000' },
      encoding: 'utf8',
    });
    const given = text.trim().split('\n');
    expect(given.slice(0, 2)).toEqual(['serve', '/models']);
    const value = (name: string): string | undefined => given[given.indexOf(name) + 1];
    const wanted = arena.images.arguments;
    for (const name of ['--served-model-name', '--tensor-parallel-size', '--dtype', '--port'])
      expect(value(name), name).toBe(wanted[wanted.indexOf(name) + 1]);
    expect(value('--generation-config')).toBe('vllm');
  });
  it('is built on the baseline, with an entrypoint that needs no arguments', () => {
    const text = readFileSync(join(examples, 'vllm/Dockerfile'), 'utf8');
    expect(text).toContain(`ARG BASE=${arena.images.baseline.split('@')[0]!}\n`);
    expect(text).toMatch(/^ENTRYPOINT \["\/start.sh"\]\nCMD \[\]$/m);
    expect(text).not.toMatch(/^(?:VOLUME|ONBUILD|ENV)/m);
  });
});

describe.skipIf(!PYTHON)('the server of sixty lines', () => {
  it('has nothing against it, and is VALID before a real engine', async () => {
    const engine = await startEngine({ variant: 'fast' });
    const baseline = await startEngine({ variant: 'plain' });
    const port = await freePort();
    children.push(
      spawn('python3', [join(examples, 'relay/server.py')], {
        env: { ...process.env, PORT: String(port), UPSTREAM: engine.url },
        stdio: 'inherit',
      }),
    );
    try {
      const url = `http://127.0.0.1:${port}`;
      const checked = await json('check', url);
      expect(checked).toMatchObject({ code: 0, document: { failed: 0 } });
      const pair = ['--baseline', baseline.url, '--challenger', url];
      const where = ['--seed', `0x${'5e'.repeat(32)}`, '--out', join(folder, 'out')];
      const { code, document } = await json('eval', ...pair, ...where);
      const { verdict, reason } = document as Report;
      expect([code, verdict], reason).toEqual([0, 'VALID']);
    } finally {
      await engine.close();
      await baseline.close();
    }
  });
  it('is no longer than its page says', () => {
    const lines = readFileSync(join(examples, 'relay/server.py'), 'utf8').trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(65);
  });
});
