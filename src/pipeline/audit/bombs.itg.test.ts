// Small evidence that would cost an auditor much: each is a fault of its record, soon and in little memory.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../../compose/repository.ts';
import { keyOf } from '../../testing/contestants.ts';
import { forge } from '../../testing/forger.ts';
import { ledgerFixture, type LedgerFixture } from '../../testing/ledger-fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'bombs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let honest: LedgerFixture;
/** What an audit of the ledger as it is costs this machine. */
let usual = { seconds: 0, peak: 0 };
beforeAll(async () => {
  honest = await ledgerFixture();
});

/** Peak memory of a process so far, in MiB; 0 once it is gone. */
function peakMiB(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** Audits a results folder in a process of its own. */
async function auditApart(results: string) {
  const began = performance.now();
  const args = ['--disable-warning=ExperimentalWarning', join(ROOT, 'src/cli/main.ts')];
  const child = spawn(process.execPath, [...args, 'audit', results, '--json'], { stdio: 'pipe' });
  let [out, peak] = ['', 0];
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  const timer = setInterval(() => (peak = Math.max(peak, peakMiB(child.pid!))), 10);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearInterval(timer);
  const { faults } = JSON.parse(out) as {
    faults: { code: string; path: string; message: string }[];
  };
  return { code, faults, peak, seconds: (performance.now() - began) / 1000 };
}

/** Puts bytes in the place of a trace of the first round, signed, and audits that. */
async function withTrace(name: string, bytes: Uint8Array) {
  const results = mkdtempSync(join(folder, 'results-'));
  const path = `rounds/100/traces/0/1/${name.replace(':', '-')}.ndjson.gz`;
  const files = forge(honest, ({ evidence }) => void evidence.set(path, bytes));
  for (const [file, content] of files) {
    const place = join(results, honest.validator, file);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, content);
  }
  const report = await auditApart(results);
  rmSync(results, { recursive: true });
  const own = report.faults.filter((fault) => fault.path.endsWith(path));
  return { ...report, own: own.map(({ code, message }) => `${code} ${message}`) };
}

const header = (): string =>
  `${JSON.stringify({ type: 'header', schema: 1, role: 'challenger', key: keyOf('slow'), image: 'x', seed: '0x', shard: 0, boot: 1, run: 1, originNs: 0, startedAt: '' })}\n`;
const lines = (count: number, line: (i: number) => object): Uint8Array =>
  gzipSync(
    header() + Array.from({ length: count }, (_, i) => `${JSON.stringify(line(i))}\n`).join(''),
  );

describe('A12 a bomb in the evidence', () => {
  it('costs what an audit without it costs, at first', async () => {
    const trace = honest.files.get(
      `rounds/100/traces/0/1/${keyOf('slow').replace(':', '-')}.ndjson.gz`,
    )!;
    const { code, seconds, peak } = await withTrace(keyOf('slow'), trace);
    expect(code).toBe(0);
    usual = { seconds, peak };
    console.log(`without: ${seconds.toFixed(1)} s, ${peak.toFixed(0)} MiB`);
  });
  it.each<[string, () => Uint8Array, RegExp]>([
    ['a gigabyte of zeros', () => gzipSync(Buffer.alloc(2 ** 30)), /does not unpack/],
    [
      'eighty thousand requests',
      () =>
        lines(80_000, (i) => ({
          ...{ type: 'request', prompt: i, warmup: true, tNs: i },
          bodySha256: '0'.repeat(64),
        })),
      /more than 1024 requests/,
    ],
    [
      'more lines than any answer has',
      () => lines(1_100_000, () => ({ type: 'event', tNs: 1, name: 'x' })),
      /more than 300000 lines/,
    ],
    [
      'sixty megabytes in one line',
      () => gzipSync(`${header()}{"type":"event","tNs":1,"name":"${'x'.repeat(60e6)}"}\n`),
      /event|name/,
    ],
    [
      'one answer of half a million chunks',
      () => {
        const asked = `${JSON.stringify({ type: 'request', prompt: 0, warmup: true, tNs: 0, bodySha256: '0'.repeat(64) })}\n`;
        const chunk = `${JSON.stringify({ type: 'chunk', prompt: 0, tNs: 5, text: ': x\n' })}\n`;
        return gzipSync(header() + asked + chunk.repeat(500_000));
      },
      /more than 300000 lines/,
    ],
  ])('is named within two seconds and half a gigabyte: %s', async (what, bomb, fault) => {
    const bytes = bomb();
    const { code, own, seconds, peak } = await withTrace(keyOf('slow'), bytes);
    console.log(`${what}: ${bytes.length} bytes, ${seconds.toFixed(1)} s, ${peak.toFixed(0)} MiB`);
    expect(code).toBe(1);
    expect(own.join('\n')).toMatch(fault);
    // On top of what the process takes to start, to load the tokenizer and to audit the rest.
    expect(peak - usual.peak).toBeLessThan(512);
    expect(seconds - usual.seconds).toBeLessThan(2 + usual.seconds);
  });
});
