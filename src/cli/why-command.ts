// Command that tells on one screen everything that decided a verdict.
import { existsSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { UsageError } from '../compose/errors.ts';
import { type Ledger, readLedger, recordsOf } from '../ledger/read.ts';
import { allVerdicts, why } from '../pipeline/why.ts';
import { shortKey, withShortKeys } from '../schema/short-names.ts';
import type { Invocation, RunCommand } from './command.ts';
import { FETCH_LEDGER, ledgersAtHand, resultsIn } from './ledgers-at-hand.ts';
import { optional, wholeNumber } from './options.ts';
import { whyLines, wordLines } from './why-text.ts';
import { give } from './output.ts';
import { paint, table, wrapped } from './screen.ts';

/** Hotkeys of a ledger's submissions that begin with a text, or are the one of a key. */
function hotkeysIn(ledger: Ledger, what: string): string[] {
  const [begin = ''] = what.split(':');
  return recordsOf(ledger, 'plan')
    .flatMap(({ predicate }) => predicate.submissions.map(({ hotkey }) => hotkey))
    .filter((hotkey) => hotkey.startsWith(begin));
}

/** Shortest beginning of a hotkey that stands for it. */
const LEAST_PREFIX = 6;

/** The key or hotkey that is meant. Throws `USAGE` for one that nobody has, or that is not one alone. */
function meant(ledgers: readonly Ledger[], what: string): string {
  const own = [...new Set(ledgers.flatMap((ledger) => hotkeysIn(ledger, what)))];
  const [begin = '', ...block] = what.split(':');
  const read = `${ledgers.length} ledger${ledgers.length === 1 ? '' : 's'} read`;
  if (own.length === 0)
    throw new UsageError(
      `${read}, and no submission by ${begin} in ${ledgers.length === 1 ? 'it' : 'them'}`,
      'cacheon why, without a key, lists every submission; a key is a hotkey, or its first 6 characters',
    );
  if (own.length > 1 && !own.includes(begin))
    throw new UsageError(
      `${begin} begins ${own.length} hotkeys: ${own.slice(0, 5).join(', ')}`,
      'give more of it',
    );
  if (begin.length < LEAST_PREFIX)
    throw new UsageError(`${begin} is too short`, `give at least ${LEAST_PREFIX} characters`);
  return [own.includes(begin) ? begin : own[0]!, ...block].join(':');
}

/** The ledgers at hand, of one validator where one is named. Warns of those with faults. */
async function readLedgers(invocation: Invocation, folder: string | undefined): Promise<Ledger[]> {
  const { ledgers } = await ledgersAtHand(invocation, folder);
  const only = optional(invocation, 'validator');
  const read = [...ledgers]
    .filter(([validator]) => only === undefined || validator === only)
    .map(([validator, files]) => readLedger(validator, files));
  if (read.length === 0)
    throw new UsageError(
      only === undefined ? 'there is no ledger here' : `there is no ledger of ${only} here`,
      FETCH_LEDGER,
    );
  return read;
}

/** Of each ledger with faults a line: what stands on it may not be true. */
function* faultLines(ledgers: readonly Ledger[]): Generator<string> {
  for (const { validator, faults } of ledgers)
    if (faults[0])
      yield paint(
        'red',
        `the ledger of ${validator} has faults (${faults[0].code} ${faults[0].path}: ${faults[0].message}): run cacheon audit before you believe what follows`,
      );
}

/** Every submission that the ledgers speak of, with its last verdict. */
function listed(invocation: Invocation, ledgers: readonly Ledger[]): void {
  const rows = ledgers.flatMap((ledger) => allVerdicts(ledger));
  const several = ledgers.length > 1;
  const cells = rows.map(({ key, validator, round, verdict, score, place, reason }) => [
    ...[shortKey(key), verdict ?? 'none yet', score === null ? '' : score.toFixed(4)],
    ...[place ?? '', String(round), ...(several ? [shortKey(validator)] : [])],
    withShortKeys(reason),
  ]);
  const seen = several ? ['validator'] : [];
  const head = ['submission', 'verdict', 'score', 'place', 'round', ...seen, 'why'];
  give(invocation, rows, [
    ...[...faultLines(ledgers)].flatMap(wrapped),
    ...table([head, ...cells], ['left', 'left', 'right', 'left', 'right']),
    'cacheon why SUBMISSION tells what decided it',
  ]);
}

/** A key and a folder, in whatever places they stand: a folder alone has no key before it. */
function askedFor(invocation: Invocation): { what: string | null; folder: string | undefined } {
  const { positionals } = invocation;
  const results = optional(invocation, 'results');
  const [first, second] = positionals;
  const alone = first !== undefined && second === undefined && existsSync(first);
  const [what, dir] = alone ? [null, first] : [first ?? null, second];
  if (dir !== undefined && results !== undefined)
    throw new UsageError('DIR and --results are two names of one thing', 'give one of them');
  return { what, folder: dir ?? results };
}

/**
 * `cacheon why [KEY|HOTKEY] [DIR]`: what decided its last verdict, with every validator at hand;
 * without a key every submission. Exit code 1 where a ledger that it read has faults.
 */
export const whyCommand: RunCommand = async (invocation) => {
  const { what, folder } = askedFor(invocation);
  const block = wholeNumber(invocation, 'round', 0, Number.MAX_SAFE_INTEGER);
  const ledgers = await readLedgers(invocation, folder);
  const code = ledgers.some(({ faults }) => faults.length > 0) ? 1 : 0;
  if (what === null) {
    listed(invocation, ledgers);
    return code;
  }
  const key = meant(ledgers, what);
  const reports = ledgers.flatMap((ledger) => why(ledger, key, block) ?? []);
  if (reports.length === 0)
    throw new UsageError(
      block === undefined ? `no ledger speaks of ${key}` : `no plan of block ${block} lists ${key}`,
      `without ${block === undefined ? 'a block after the hotkey' : '--round'} it tells of the last one`,
    );
  const where = folder === undefined ? 'results' : relative('.', resultsIn(resolve(folder)));
  const lines = reports.flatMap((report) => [
    ...whyLines(report, {
      where,
      faulty: ledgers.some(({ validator, faults }) => validator === report.validator && faults[0]),
    }),
  ]);
  const words = wordLines(lines, invocation.values['explain'] === true);
  const all = [...faultLines(ledgers), ...lines, ...words];
  give(invocation, reports, all.flatMap(wrapped));
  return code;
};
