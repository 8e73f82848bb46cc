// A new git repository for the demo's ledger: a bare origin, a clone of it, and its results as files.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { LEDGER_BRANCH } from '../../ledger/io/git-store.ts';

const git = (...args: string[]): void =>
  void execFileSync('git', args, { stdio: ['ignore', 'ignore', 'pipe'] });

/** Makes a bare origin and a clone of it in a folder, and gives the clone's path. */
export function newLedger(folder: string): string {
  const origin = join(folder, 'ledger.git');
  const clone = join(folder, 'validator');
  git('init', '--quiet', '--bare', '-b', 'main', origin);
  git('init', '--quiet', '-b', 'main', clone);
  git('-C', clone, 'remote', 'add', 'origin', origin);
  return clone;
}

/** Checks the ledger out as files, as anyone may who audits it; gives the folder of its results. */
export function checkOutResults(folder: string): string {
  const checkout = join(folder, 'ledger');
  git('clone', '--quiet', '--branch', LEDGER_BRANCH, join(folder, 'ledger.git'), checkout);
  return join(checkout, 'results');
}
