// What an audit of a thousand evaluations costs: seconds, memory, traces a second, signatures beside it.
import { gunzipSync } from 'node:zlib';
import { readLedger } from '../../src/ledger/read.ts';
import { audit } from '../../src/pipeline/audit/audit.ts';
import { noPorts } from '../../src/testing/check-bench.ts';
import { longField } from '../../src/testing/contestants.ts';
import { ledgerFixture } from '../../src/testing/ledger-fixture.ts';

const ROUNDS = 100;
const EACH_ROUND = 9;

/** Seconds of some work, and what it gave. */
async function timed<T>(work: () => T | Promise<T>): Promise<{ seconds: number; value: T }> {
  const began = performance.now();
  const value = await work();
  return { seconds: (performance.now() - began) / 1000, value };
}

/** Prints the table. */
export async function auditTimes(): Promise<void> {
  console.log(`making a ledger of ${ROUNDS} rounds (a minute or two)`);
  const made = await timed(() => ledgerFixture({}, longField(ROUNDS, EACH_ROUND)));
  const { validator, files, tokenizer, corpus } = made.value;
  console.log(`made in ${made.seconds.toFixed(0)} s`);
  const ports = { ...noPorts, tokenizerOf: () => tokenizer, corpusOf: () => corpus };
  const traces = [...files].filter(([path]) => path.includes('/traces/'));
  const bytes = traces.reduce((sum, [, gz]) => sum + gunzipSync(gz).length, 0);
  global.gc?.();
  const before = process.memoryUsage().rss;
  const whole = await timed(() => audit(new Map([[validator, files]]), ports));
  const after = process.memoryUsage().rss;
  const records = await timed(() => readLedger(validator, files));
  const { evaluations, ok, records: count } = whole.value;
  const rows = [
    ['records', String(count)],
    ['evaluations', String(evaluations)],
    ['passed', String(ok)],
    ['files', String(files.size)],
    ['traces, unpacked', `${(bytes / 1e6).toFixed(1)} MB in ${traces.length} files`],
    ['audit', `${whole.seconds.toFixed(1)} s`],
    ['of it records, links and signatures', `${records.seconds.toFixed(1)} s`],
    ['traces a second', `${(bytes / 1e6 / whole.seconds).toFixed(2)} MB`],
    ['an evaluation', `${((1000 * whole.seconds) / evaluations).toFixed(1)} ms`],
    ['memory above what was there', `${((after - before) / 2 ** 20).toFixed(0)} MiB`],
  ];
  const width = Math.max(...rows.map(([what]) => what!.length));
  for (const [what, value] of rows) console.log(`  ${what!.padEnd(width)}  ${value}`);
}
