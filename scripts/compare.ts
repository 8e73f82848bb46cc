// Whether two checkouts of this repository behave alike: node scripts/compare.ts OTHER_CHECKOUT
// Both draw prompts, judge the same stored traces, play the demo with one seed and audit each
// other's ledgers. A move of code must change nothing here; a change of rules shows what it changes.
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const here = new URL('..', import.meta.url).pathname;
const ARENA = ['--arena', 'src/devnet/arena.json'];
const HASHES = ['00', '2a', 'ff'].map((byte) => `0x${byte.repeat(32)}`);
const SEED = '2a';
const NUMBER = /-?\d+(?:\.\d+)?/g;

type Result = { readonly code: number | null; readonly stdout: string; readonly stderr: string };
type Entry = { miner: string; verdict: string; reason: string; score: number };
type Demo = {
  rounds: {
    winner: string | null;
    runnerUp: string | null;
    entries: (Entry & { key: string })[];
  }[];
  weights: Record<string, number>;
  audit: { ok: boolean };
  results: string;
};

/** Runs the command line of a checkout there. */
async function cacheon(checkout: string, ...args: string[]): Promise<Result> {
  const child = spawn(join(checkout, 'scripts/cacheon'), args, { cwd: checkout });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data: Buffer) => {
    stdout += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => {
    stderr += data.toString();
  });
  const code = await new Promise<number | null>((done) => child.once('exit', done));
  return { code, stdout, stderr };
}

let differences = 0;
function compare(what: string, before: unknown, after: unknown): void {
  const [a, b] = [JSON.stringify(before), JSON.stringify(after)];
  const same = a === b;
  if (!same) differences++;
  console.log(`${same ? 'same' : 'DIFFERENT'}: ${what}`);
  if (!same) console.log(`  before ${a.slice(0, 2000)}\n  after  ${b.slice(0, 2000)}`);
}

async function comparePrompts(other: string): Promise<void> {
  for (const hash of HASHES) {
    const args = ['prompts', ...ARENA, '--block-hash', hash, '--count', '20'];
    const [before, after] = await Promise.all([cacheon(other, ...args), cacheon(here, ...args)]);
    compare(`20 prompts of ${hash.slice(0, 6)}…`, before.stdout, after.stdout);
  }
}

/** The demo with one seed, in processes: prompts and tokens repeat, scores follow the machine. */
async function demo(checkout: string): Promise<Demo> {
  const { stdout, stderr, code } = await cacheon(
    checkout,
    ...['demo', '--seed', SEED, '--processes', '--json'],
  );
  if (code !== 0) throw new Error(`the demo of ${checkout} ended with ${code ?? '-'}: ${stderr}`);
  return JSON.parse(stdout) as Demo;
}

/** What must repeat: who took part, each verdict with its reason, who won, how the winner is paid. */
const outcome = ({ rounds, weights }: Demo): unknown => ({
  rounds: rounds.map(({ winner, entries }) => ({
    winner,
    verdicts: entries
      .map(({ miner, verdict, reason }) => `${miner}: ${verdict} ${reason.replace(NUMBER, '#')}`)
      .sort(),
  })),
  paid: Object.keys(weights),
});

/** Both checkouts judge and audit a copy of a ledger; every number in it must come out again. */
async function compareAudits(name: string, results: string, other: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'compare-'));
  cpSync(results, join(folder, 'results'), { recursive: true });
  for (const [who, checkout] of [
    ['before', other],
    ['after', here],
  ] as const) {
    const args = ['audit', '--results', join(folder, 'results'), '--json'];
    const { stdout, code } = await cacheon(checkout, ...args);
    const { evaluations, faults } = JSON.parse(stdout) as { evaluations: number; faults: unknown };
    compare(
      `the ledger of ${name}, judged again (${evaluations} evaluations) by ${who}`,
      [0, []],
      [code, faults],
    );
  }
  rmSync(folder, { recursive: true });
}

/** One evaluation measured by the other checkout, judged by both: the same bytes. */
async function compareJudging(folder: string, other: string): Promise<void> {
  const texts: string[] = [];
  for (const checkout of [other, here]) {
    await cacheon(checkout, 'judge', folder);
    texts.push(readFileSync(join(folder, 'verdict.json'), 'utf8'));
  }
  const [a, b] = texts;
  compare(`verdict.json of ${folder}`, a, b);
}

const [given, ...folders] = process.argv.slice(2);
if (given === undefined) {
  console.error('usage: node scripts/compare.ts OTHER_CHECKOUT [FOLDER_OF_EVAL...]');
  process.exit(2);
}
const other = resolve(given);
await comparePrompts(other);
for (const folder of folders) await compareJudging(resolve(folder), other);
console.log('playing the demo twice: about two minutes');
const [before, after] = [await demo(other), await demo(here)];
compare(`the demo with seed ${SEED}`, outcome(before), outcome(after));
for (const [who, { results }] of Object.entries({ before, after }))
  await compareAudits(who, results, other);
console.log(differences === 0 ? 'both behave alike' : `${differences} differences`);
process.exit(differences === 0 ? 0 : 1);
