// The commands with which anybody reads a ledger: audit, why, judge, on a folder on disk.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../compose/repository.ts';
import { shortKey } from '../schema/short-names.ts';
import { keyOf } from '../testing/contestants.ts';
import { ledgerFixture } from '../testing/ledger-fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'reading-'));
const results = join(folder, 'clone', 'results');
let validator = '';

function cacheon(...args: string[]): { code: number; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(join(ROOT, 'scripts/cacheon'), args, {
    encoding: 'utf8',
    timeout: 50_000,
  });
  return { code: status ?? -1, stdout, stderr };
}
/** A copy of the results folder in which one file was changed. */
function changed(path: string, change: (bytes: Buffer) => Buffer): string {
  const copy = mkdtempSync(join(folder, 'changed-'));
  cpSync(results, copy, { recursive: true });
  const file = join(copy, validator, path);
  writeFileSync(file, change(readFileSync(file)));
  return copy;
}

beforeAll(async () => {
  const fixture = await ledgerFixture();
  validator = fixture.validator;
  for (const [path, bytes] of fixture.files) {
    const file = join(results, validator, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('audit', () => {
  it('says whose ledger it read, what the last round came to, and what was not asked', () => {
    const { code, stdout } = cacheon('audit', results);
    expect(code).toBe(0);
    const [first] = stdout.split('\n');
    expect(first).toContain(`${validator}: 10 records, 2 rounds, 0 voids; last round 300 on local`);
    expect(first).toContain(`winner ${keyOf('faster').split(':')[0]!}`);
    expect(stdout).toMatch(/passed offline: .* would need --chain: .*; 1 would need --witness/);
  });

  it('finds the ledger in the folder that a demo leaves', () => {
    const out = mkdtempSync(join(folder, 'demo-'));
    cpSync(results, join(out, 'ledger/results'), { recursive: true });
    expect(cacheon('audit', out).code).toBe(0);
  });

  it('takes the checkout around the results folder too, and another one as its witness', () => {
    const { code, stdout } = cacheon('audit', dirname(results), '--witness', results);
    expect(code).toBe(0);
    expect(stdout).not.toMatch(/--witness/);
  });

  it('says one cause once, however much of a ledger hangs on it', () => {
    const copy = mkdtempSync(join(folder, 'hole-'));
    cpSync(results, copy, { recursive: true });
    rmSync(join(copy, validator, 'rounds/300/round.json'));
    const { code, stdout } = cacheon('audit', copy);
    expect(code).toBe(1);
    expect(stdout.match(/the ledger has holes/g)).toHaveLength(1);
  });

  it.each([
    ['a file', [join(ROOT, 'package.json')], /is a file, and no folder/],
    ['nothing', [join(folder, 'nowhere')], /there is no folder/],
    ['no witness', [results, '--witness', join(folder, 'nowhere')], /there is no folder/],
    ['a witness without a ledger', [results, '--witness', ROOT + '/src'], /holds no ledger/],
    ['no repository', ['--repo', join(folder, 'nowhere')], /there is no folder/],
    ['two folders', [results, '--results', results], /two names of one thing/],
  ])('refuses %s as a usage error that says so', (_, args, message) => {
    const { code, stderr } = cacheon('audit', ...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  it('names the folder around the one of a single validator', () => {
    const { code, stderr } = cacheon('audit', join(results, validator));
    expect(code).toBe(2);
    expect(stderr).toContain(`name the folder that holds it: ${results}`);
  });
});

describe('why', () => {
  const lines = (...args: string[]): string => cacheon('why', ...args).stdout;

  it('tells how a throne was won, and to whom it was lost', () => {
    const won = lines(keyOf('faster'), results);
    expect(won).toMatch(/, winner: .* after \d boots/);
    expect(won).toMatch(/its try for the throne/);
    expect(won).toMatch(/time to first token [\d.]+ ms, baseline [\d.]+ ms \(\+/);
    expect(won).toMatch(/seed 0x[0-9a-f]{64}, drawn from a pulse of the beacon after the anchor/);
    expect(lines(keyOf('fast'), results)).toContain(`it lost the throne to ${keyOf('faster')}:`);
  });

  it('tells the value and the limit of a failed gate, and what its miner can do', () => {
    const hotkey = keyOf('cheat').split(':')[0]!;
    const said = lines(hotkey.slice(0, 12), results);
    expect(said).toMatch(/verdict E_GATE/);
    expect(said).toMatch(/big-margin: /);
    expect(said).toMatch(
      /next: serve the arena’s weights .* \(RULES "Verdict of the gate"\); .* cacheon judge .*results\/.*\/rounds\/100$/m,
    );
  });

  it('lists every submission where no key is given, also of a folder alone', () => {
    const said = lines(results);
    for (const name of ['fast', 'faster', 'cheat'] as const)
      expect(said).toContain(shortKey(keyOf(name)));
    expect(said).toMatch(/^\w{8}:\d+ +VALID +\d\.\d{4} +winner +300 /m);
    const rows = JSON.parse(lines('--results', results, '--json')) as unknown[];
    expect(rows).toContainEqual(
      expect.objectContaining({ key: keyOf('cheat'), verdict: 'E_GATE' }),
    );
  });

  it('explains the words it used, and whose baseline a later boot stands beside', () => {
    expect(lines(keyOf('faster'), results)).toMatch(/^--explain tells .*: score, .*, Z, boot$/m);
    const said = lines(keyOf('faster'), results, '--explain');
    expect(said).toMatch(/boot 2 of shard 0: VALID, score [\d.]+, beside boot 1's baseline/);
    expect(said).toMatch(/^ {2}Z: how sure the lead .* \("Takeover"\)$/m);
    expect(said).not.toMatch(/^ {2}near-tie: /m);
  });

  it('says on top that a ledger has faults, and ends with 1', () => {
    const copy = changed('rounds/300/round.json', (bytes) => Buffer.from(`${bytes.toString()} `));
    const { code, stdout } = cacheon('why', keyOf('fast'), copy);
    expect(code).toBe(1);
    expect(stdout.split('\n')[0]).toMatch(/has faults \(.*: run cacheon audit before/);
  });

  it.each([
    ['a stranger', ['5Nobody', 'R'], /1 ledger read, and no submission by 5Nobody in it/],
    ['a short beginning', ['5', 'R'], /begins \d+ hotkeys|is too short/],
    ['a block without a plan', [keyOf('fast'), 'R', '--round', '7'], /no plan of block 7 lists/],
    ['another commit', [`${keyOf('fast')}9`, 'R'], /no ledger speaks of/],
    ['a folder without ledgers', [keyOf('fast'), ROOT + '/src'], /there is no ledger here/],
    ['another validator', [keyOf('fast'), 'R', '--validator', '5V'], /no ledger of 5V here/],
    ['two folders', [keyOf('fast'), 'R', '--results', 'R'], /two names of one thing/],
    ['three arguments', [keyOf('fast'), 'R', 'R'], /too many arguments/],
  ])('refuses %s, and says what it read', (_, args, message) => {
    const { code, stderr } = cacheon('why', ...args.map((arg) => (arg === 'R' ? results : arg)));
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});

describe('judge of a round on record', () => {
  it.each([
    ['a file', () => join(ROOT, 'package.json'), /is a file, and no folder/],
    ['nothing', () => join(folder, 'nowhere'), /there is no folder .*nowhere/],
    ['a results folder', () => results, /name one round of it: .*\/rounds\/300$/m],
    ['a checkout', () => dirname(results), /name one round of it: .*\/rounds\/300$/m],
    ['a validator', () => join(results, validator), /name one round of it: .*\/rounds\/300$/m],
    ['another folder', () => join(ROOT, 'prompts'), /holds neither an evaluation nor a round/],
  ])('refuses %s, and says what to name', (_, path, message) => {
    const { code, stderr } = cacheon('judge', path());
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  it('says the same, and that the evidence has the hashes of the record', () => {
    const { code, stdout } = cacheon('judge', join(results, validator, 'rounds/300'));
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /the record says the same, and its \d+ files of evidence have its hashes/,
    );
  });

  it('names evidence that was changed, also where its verdict stays the same', () => {
    const path = 'rounds/300/traces/0/1/baseline.ndjson.gz';
    const copy = changed(path, (bytes) =>
      gzipSync(Buffer.concat([gunzipSync(bytes), Buffer.from('')]), { level: 1 }),
    );
    const { code, stdout } = cacheon('judge', join(copy, validator, 'rounds/300'));
    expect(code).toBe(1);
    expect(stdout).toMatch(/traces\/0\/1\/baseline.ndjson.gz is missing or was changed/);
  });
});
