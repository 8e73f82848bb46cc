// The command calibrate: real engines measured again and again, and runs looked at a second time.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../compose/repository.ts';
import { sha256Hex } from '../core/hash.ts';
import { checkSignature } from '../ledger/verify.ts';
import type { Calibration, CalibrationRuns } from '../schema/calibration.ts';

const folder = mkdtempSync(join(tmpdir(), 'calibrate-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const cacheonPath = join(ROOT, 'scripts/cacheon');
const arena = ['--arena', join(ROOT, 'src/devnet/arena.json')];
const seed = ['--seed', `0x${'5c'.repeat(32)}`];

function calibrate(...args: string[]): { code: number; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(cacheonPath, ['calibrate', ...arena, ...args], {
    encoding: 'utf8',
    timeout: 230_000,
  });
  return { code: status ?? -1, stdout, stderr };
}
const read = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8'));
const calibrationIn = (name: string): Calibration => read(name) as Calibration;
const runsIn = (name: string): CalibrationRuns => read(name) as CalibrationRuns;

describe('a calibration of tiny engines', () => {
  let found: ReturnType<typeof calibrate>;
  beforeAll(() => {
    const classes = ['--classes', 'fast,float32,int4', '--runs', '3'];
    found = calibrate(
      ...[...classes, ...seed, '--tier', 'test', '--out', folder],
      ...['--engine-command', cacheonPath],
    );
  }, 240_000);

  it('finds honest kernels without a margin, and catches int4 in every two boots', () => {
    expect(found.code, found.stderr).toBe(0);
    const { margins, detection, tier } = calibrationIn('test.json');
    expect({ tier, margins }).toMatchObject({ tier: 'test', margins: { runs: 3, tokens: 80 } });
    expect(margins.p999Nats).toBeLessThan(1e-6);
    expect(detection).toMatchObject([{ control: 'int4', must: true, twoBoots: 1 }]);
    expect(found.stdout).toMatch(/float32 +honest +3 /);
  });

  it('keeps every run, with the first class twice in each boot, under the hash that it names', () => {
    const { runsSha256 } = calibrationIn('test.json');
    expect(sha256Hex(readFileSync(join(folder, 'test.runs.json')))).toBe(runsSha256);
    const { classes, repeated } = runsIn('test.runs.json');
    expect(classes.map(({ name, runs }) => [name, runs.length])).toEqual([
      ['fast', 3],
      ['float32', 3],
      ['int4', 3],
    ]);
    expect(repeated.map(({ boot }) => boot)).toEqual([1, 2, 3]);
    expect(repeated[0]!.ttftNs).not.toBe(classes[0]!.runs[0]!.ttftNs);
  });

  it('comes to the same again from its runs', () => {
    const again = join(folder, 'again');
    const { code } = calibrate('--from', join(folder, 'test.runs.json'), '--out', again);
    expect(code).toBe(0);
    expect(readFileSync(join(again, 'test.json'), 'utf8')).toBe(
      readFileSync(join(folder, 'test.json'), 'utf8'),
    );
  });

  it('is signed where that is asked for', () => {
    const { status } = spawnSync(
      cacheonPath,
      ['calibrate', ...arena, '--from', join(folder, 'test.runs.json'), '--out', folder, '--sign'],
      { env: { ...process.env, CACHEON_HOTKEY: '//Maintainer' } },
    );
    expect(status).toBe(0);
    const text = readFileSync(join(folder, 'test.json.sig'), 'utf8');
    const { keyid } = read('test.json.sig') as { keyid: string };
    expect(checkSignature(readFileSync(join(folder, 'test.json')), text, keyid)).toBeNull();
  });

  it('writes nothing where a control that must be caught is not, and says so', () => {
    const runs = runsIn('test.runs.json');
    const [honest] = runs.classes;
    const blind = { ...runs, tier: 'blind' };
    const file = join(folder, 'blind.in.json');
    const passing = { ...honest!, name: 'int4', kind: 'control' };
    writeFileSync(file, JSON.stringify({ ...blind, classes: [honest, passing] }));
    const { code, stderr, stdout } = calibrate('--from', file, '--out', folder);
    expect(code).toBe(1);
    expect(stderr).toMatch(/the control int4 is caught in 0.0 % of two boots, 97 % are needed/);
    expect(stdout).toMatch(/int4 .*must be caught/);
    expect(existsSync(join(folder, 'blind.json'))).toBe(false);
  });
});

describe('classes that commands start', () => {
  /** A script that leaves its server behind and prints its URL, as a wrapper around vLLM would. */
  const leaving = (): string => {
    const path = join(folder, 'leaving.sh');
    const serve = `CACHEON_LEASH= setsid "${cacheonPath}" devnet engine --variant int4`;
    const lines = [
      ...['#!/bin/sh', `cd "${folder}"`, 'rm -f line'],
      `${serve} > line 2> /dev/null < /dev/null &`,
      ...['echo $! > pid', 'until grep -q url line; do sleep 0.1; done'],
      `sed -E 's/.*"url":"([^"]*)".*/\\1/' line`,
    ];
    writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o755 });
    return path;
  };

  it('are measured and forced like images; what a command left is ended by its stop', () => {
    const engine = (name: string): string[] => [cacheonPath, 'devnet', 'engine', '--variant', name];
    const file = join(folder, 'commands.json');
    const devnet = JSON.parse(readFileSync(join(ROOT, 'src/devnet/arena.json'), 'utf8')) as object;
    const stop = [
      '/bin/sh',
      '-c',
      `kill $(cat "${join(folder, 'pid')}"); echo ended >> "${join(folder, 'ended')}"`,
    ];
    const calibrationClasses = [
      { name: 'fast', kind: 'honest', command: engine('fast') },
      { name: 'int4', kind: 'control', command: [leaving()], stop },
      { name: 'forced-by', kind: 'reference', command: engine('plain') },
    ];
    writeFileSync(file, JSON.stringify({ ...devnet, calibrationClasses }));
    const { status, stderr } = spawnSync(
      cacheonPath,
      ['calibrate', '--arena', file, ...seed, '--tier', 'cmd', '--out', folder, '--runs', '3'],
      { encoding: 'utf8' },
    );
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(/teacher-forcing every answer through forced-by/);
    expect(calibrationIn('cmd.json')).toMatchObject({
      margins: { noisiest: 'fast', p999Nats: 0 },
      detection: [{ control: 'int4', twoBoots: 1 }],
    });
    expect(readFileSync(join(folder, 'ended'), 'utf8')).toBe('ended\n'.repeat(3));
  }, 240_000);
});

describe('calibrate', () => {
  const tier = ['--tier', 't', '--out', join(folder, 'bad')];
  it.each([
    ['no file of runs', ['--from', join(folder, 'none'), ...tier], /there is no such file/],
    ['a file that is none', ['--from', join(ROOT, 'package.json'), ...tier], /package.json: /],
    ['an unknown class', ['--classes', 'warp', ...seed, ...tier], /no class warp/],
    ['controls alone', ['--classes', 'int4', ...seed, ...tier], /no honest class/],
    ['no tier', [...seed, '--out', folder], /--tier/],
    ['no seed', tier, /seed/],
  ])('refuses %s as a usage error', (_, args, message) => {
    const { code, stderr } = calibrate(...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});
