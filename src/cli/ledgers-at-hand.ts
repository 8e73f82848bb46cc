// The ledgers that a reading command is given: a results folder, or the branch `ledger` of a clone.
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { UsageError } from '../compose/errors.ts';
import {
  readFolder,
  strayEntries,
  VALIDATOR_FOLDER,
  validatorFolders,
} from '../ledger/io/results-folder.ts';
import { messageOf } from '../core/errors.ts';
import { openLedger } from '../ledger/open.ts';
import type { Ledger, LedgerFiles } from '../ledger/read.ts';
import type { ResultStore } from '../ledger/store.ts';
import type { Invocation } from './command.ts';
import { optional } from './options.ts';
import { storeOf } from './workplace.ts';

/** Ledgers by validator, and what lies beside them. */
export type LedgersAtHand = {
  readonly ledgers: Map<string, LedgerFiles>;
  readonly strays: readonly string[];
};

/** The ledgers of a store. */
export async function ledgersInStore(store: ResultStore): Promise<LedgersAtHand> {
  const ledgers = new Map<string, LedgerFiles>();
  for (const validator of await store.validators())
    ledgers.set(validator, await store.read(validator));
  return { ledgers, strays: await store.strays() };
}

/** The ledgers of a results folder. */
export function ledgersInFolder(results: string): LedgersAtHand {
  const read = (validator: string) => readFolder(join(results, validator));
  const ledgers = new Map(validatorFolders(results).map((name) => [name, read(name)] as const));
  return { ledgers, strays: strayEntries(results) };
}

/** What to do where no ledger is at hand. */
export const FETCH_LEDGER =
  'git fetch origin ledger:ledger brings the branch into a clone; else name a results folder, as demo leaves one';
const A_RESULTS_FOLDER = 'name one that holds a folder for each validator';

/** A folder that somebody named. Throws `USAGE` where there is none of this name, with a hint. */
export function asFolder(given: string, hint: string): string {
  const folder = resolve(given);
  if (!existsSync(folder)) throw new UsageError(`there is no folder ${folder}`, hint);
  if (!statSync(folder).isDirectory())
    throw new UsageError(`${folder} is a file, and no folder`, hint);
  return folder;
}

/** Where ledgers lie in a checkout of the branch, and in what a demo leaves. */
const INSIDE = ['results', 'ledger/results'];

/** The results folder in a checkout of a ledger; the folder itself where it has none. */
export function resultsIn(folder: string): string {
  const [inside] = INSIDE.map((name) => join(folder, name)).filter((path) => existsSync(path));
  return validatorFolders(folder).length === 0 && inside !== undefined ? inside : folder;
}

/**
 * The ledgers of a results folder that is named, or of the checkout around one; else those of the
 * clone in `--repo`. Throws `USAGE` for what is no such folder.
 */
export async function ledgersAtHand(
  invocation: Invocation,
  given: string | undefined,
): Promise<LedgersAtHand> {
  if (given === undefined) {
    const repo = optional(invocation, 'repo');
    if (repo !== undefined) asFolder(repo, 'name another one with --repo');
    return ledgersInStore(storeOf(invocation));
  }
  const folder = asFolder(given, A_RESULTS_FOLDER);
  if (VALIDATOR_FOLDER.test(basename(folder)))
    throw new UsageError(
      `${folder} is the folder of one validator`,
      `name the folder that holds it: ${dirname(folder)}`,
    );
  return ledgersInFolder(resultsIn(folder));
}

/** Public ledgers for the search for copies: what is broken is said, and left out. */
export async function publicLedgers(invocation: Invocation): Promise<Ledger[]> {
  try {
    const { ledgers } = await ledgersAtHand(invocation, optional(invocation, 'results'));
    return [...ledgers].flatMap(([validator, files]) => {
      try {
        return [openLedger(validator, files)];
      } catch (error) {
        invocation.log.warn(messageOf(error));
        return [];
      }
    });
  } catch (error) {
    // Without a repository there is no ledger at hand: the finding about copies says so.
    if (optional(invocation, 'results') !== undefined) throw error;
    return [];
  }
}
