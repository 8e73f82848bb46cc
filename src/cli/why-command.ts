// Command that tells on one screen everything that decided a verdict.
import { UsageError } from '../compose/errors.ts';
import { type Ledger, readLedger, recordsOf } from '../ledger/read.ts';
import { why } from '../pipeline/why.ts';
import type { Invocation, RunCommand } from './command.ts';
import { ledgersAtHand } from './ledgers-at-hand.ts';
import { optional, wholeNumber } from './options.ts';
import { whyLines } from './why-text.ts';
import { give } from './output.ts';
import { wrapped } from './screen.ts';

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
      'the hotkey as it committed, or its first 6 characters',
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
      'fetch the branch `ledger`, or name a results folder: cacheon why KEY DIR',
    );
  for (const { validator, faults } of read)
    if (faults[0])
      invocation.log.warn(
        `the ledger of ${validator} has faults: run cacheon audit before you believe it`,
      );
  return read;
}

/** `cacheon why KEY|HOTKEY [DIR]`: what decided its last verdict, with every validator at hand. */
export const whyCommand: RunCommand = async (invocation) => {
  const { positionals } = invocation;
  const [what, folder] = positionals;
  const results = optional(invocation, 'results');
  if (what === undefined || positionals.length > 2)
    throw new UsageError('why wants one key or hotkey', 'cacheon why HOTKEY or HOTKEY:BLOCK');
  if (folder !== undefined && results !== undefined)
    throw new UsageError('DIR and --results are two names of one thing', 'give one of them');
  const block = wholeNumber(invocation, 'round', 0, Number.MAX_SAFE_INTEGER);
  const ledgers = await readLedgers(invocation, folder ?? results);
  const key = meant(ledgers, what);
  const reports = ledgers.flatMap((ledger) => why(ledger, key, block) ?? []);
  if (reports.length === 0)
    throw new UsageError(
      block === undefined ? `no ledger speaks of ${key}` : `no plan of block ${block} lists ${key}`,
      `without ${block === undefined ? 'a block after the hotkey' : '--round'} it tells of the last one`,
    );
  const lines = reports.flatMap((report) => [...whyLines(report)]);
  give(invocation, reports, lines.flatMap(wrapped));
  return 0;
};
