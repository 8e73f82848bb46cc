// The ledgers that a reading command is given: a results folder, or the branch `ledger` of a clone.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { UsageError } from '../compose/errors.ts';
import { readFolder, strayEntries, validatorFolders } from '../ledger/io/results-folder.ts';
import type { LedgerFiles } from '../ledger/read.ts';
import type { ResultStore } from '../ledger/store.ts';
import type { Invocation } from './command.ts';
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

/** The ledgers of a results folder that is named; else those of the clone in `--repo`. */
export async function ledgersAtHand(
  invocation: Invocation,
  folder: string | undefined,
): Promise<LedgersAtHand> {
  if (folder === undefined) return ledgersInStore(storeOf(invocation));
  const results = resolve(folder);
  if (existsSync(results)) return ledgersInFolder(results);
  throw new UsageError(`there is no folder ${results}`, 'name a results folder with --results');
}
