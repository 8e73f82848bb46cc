// A program that shares no code with us recomputes a ledger's numbers from its traces.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ROOT } from '../../compose/repository.ts';
import { ledgerFixture } from '../../testing/ledger-fixture.ts';

const python = process.env['READER_PYTHON'];
if (python === undefined)
  console.warn('skipped: the independent reader (set READER_PYTHON to a Python with tokenizers)');
const folder = mkdtempSync(join(tmpdir(), 'reader-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the reader says of a results folder, and how it ends. */
function read(results: string): { readonly status: number | null; readonly text: string } {
  const { status, stdout, stderr } = spawnSync(
    python!,
    [join(ROOT, 'scripts/read_ledger.py'), results, ROOT],
    { encoding: 'utf8' },
  );
  return { status, text: `${stdout}${stderr}` };
}

type Round = {
  readonly predicate: {
    readonly entries: {
      score: number;
      readonly boots: { readonly report: { readonly ttft: { challengerNs: number } } }[];
    }[];
    readonly decisions: { readonly boots: { z: number }[] }[];
    readonly standing: { winner: { key: string } };
  };
};

/** Writes a ledger's files, with its rounds changed, and reads them. */
async function readFixture(change: (round: Round['predicate']) => void) {
  const { files, validator } = await ledgerFixture();
  const results = mkdtempSync(join(folder, 'results-'));
  for (const [path, bytes] of files) {
    const place = join(results, validator, path);
    mkdirSync(dirname(place), { recursive: true });
    if (!path.endsWith('round.json')) {
      writeFileSync(place, bytes);
      continue;
    }
    const round = JSON.parse(Buffer.from(bytes).toString()) as Round;
    change(round.predicate);
    writeFileSync(place, JSON.stringify(round));
  }
  return read(results);
}

const crowned = ({ decisions }: Round['predicate']) =>
  decisions.find(({ boots }) => boots.length > 1)!;
const measured = ({ entries }: Round['predicate']) =>
  entries.find(({ boots }) => boots.length > 0)!;

describe.skipIf(python === undefined)('the independent reader', () => {
  it('finds every T, P, S, D, Z and standing of a ledger as it is', async () => {
    const { status, text } = await readFixture(() => undefined);
    expect(text).toMatch(
      /round 100: 2 tries.*\nround 300: 1 tries.*\nlargest difference \d\.\de[-+]\d/,
    );
    expect(status).toBe(0);
  });
  it.each([
    ['a score', (round: Round['predicate']) => void (measured(round).score = 0.123), /S of /],
    [
      'a Z',
      (round: Round['predicate']) => void (crowned(round).boots[1]!.z = 4.5),
      /z of .* boot 2/,
    ],
    [
      'a median',
      (round: Round['predicate']) => void (measured(round).boots[0]!.report.ttft.challengerNs = 5),
      /T: \d+ is \d+ there/,
    ],
    [
      'a winner',
      (round: Round['predicate']) => void (round.standing.winner.key = 'someone:1'),
      /standing .* the record says \['someone:1'/,
    ],
  ])('sees that %s was changed', async (_what, change, said) => {
    const { status, text } = await readFixture(change);
    expect(text).toMatch(said);
    expect(status).toBe(1);
  });
});
