// How long an audit of a ledger of two rounds takes, beside the verification of its records alone.
import { median } from '../../src/core/median.ts';
import { silentLog } from '../../src/core/log.ts';
import { readEvidence, unpackText } from '../../src/ledger/io/evidence-files.ts';
import { readLedger } from '../../src/ledger/read.ts';
import { audit } from '../../src/pipeline/audit/audit.ts';
import { ledgerFixture } from '../../src/testing/ledger-fixture.ts';

const RUNS = 20;

/** Milliseconds of one run, as the median of several. */
async function medianMs(work: () => unknown): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    const began = performance.now();
    await work();
    times.push(performance.now() - began);
  }
  return median(times);
}

/** Prints both times. */
export async function auditTimes(): Promise<void> {
  const { validator, files, tokenizer, corpus } = await ledgerFixture();
  const ports = {
    tokenizerOf: () => tokenizer,
    corpusOf: () => corpus,
    readEvidence,
    unpackText,
    chain: null,
    arenas: [],
    localArena: null,
    log: silentLog,
  };
  const whole = await medianMs(() => audit(new Map([[validator, files]]), ports));
  const records = await medianMs(() => readLedger(validator, files));
  console.log(
    `audit of two rounds: ${whole.toFixed(1)} ms, of it records: ${records.toFixed(1)} ms`,
  );
}
