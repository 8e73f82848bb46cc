// Command that brings a lost ledger back from a clone of it.
import { counted } from '../core/counted.ts';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { gitStore } from '../ledger/io/git-store.ts';
import { readFolder } from '../ledger/io/results-folder.ts';
import type { LedgerFiles } from '../ledger/read.ts';
import { recover } from '../pipeline/recover.ts';
import type { Invocation, RunCommand } from './command.ts';
import { optional, required } from './options.ts';
import { openChain, storeOf, workplace } from './workplace.ts';
import { give } from './output.ts';

/** A validator's files in a results folder, or on the branch `ledger` of another repository. */
async function copyOf(invocation: Invocation, validator: string): Promise<LedgerFiles> {
  const from = required(invocation, 'from');
  for (const folder of [from, join(from, 'results')])
    if (existsSync(join(folder, validator))) return readFolder(join(folder, validator));
  const folder = optional(invocation, 'repo') ?? '.';
  // A clone has its origin's branch under another name.
  for (const ref of ['refs/heads/ledger', 'refs/remotes/origin/ledger']) {
    const files = await gitStore({ folder, remote: from, ref, rewritten: 'accept' }).read(
      validator,
    );
    if (files.size > 0) return files;
  }
  return new Map();
}

/**
 * `cacheon recover`: takes a ledger from any clone or results folder, proves it by signatures and
 * by the anchor on chain, and commits what the own branch lacks. Signs nothing.
 */
export const recoverCommand: RunCommand = async (invocation) => {
  const { log } = invocation;
  const { arena } = workplace(invocation);
  const validator = required(invocation, 'validator');
  const copy = await copyOf(invocation, validator);
  const store = storeOf(invocation, { rewritten: 'accept' });
  const chain = await openChain(invocation, arena, 'if-any');
  const dryRun = invocation.values['dry-run'] === true;
  const report = await recover({ chain, store, log }, { validator, ...arena }, copy, dryRun);
  await chain.disconnect();
  const done = dryRun ? 'would be' : 'were';
  give(invocation, report, [
    `${counted(report.records, 'record')} proven, ${counted(report.files, 'file')} ${done} brought back`,
  ]);
  return 0;
};
