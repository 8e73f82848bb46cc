// Command that runs the whole competition as a demo on this machine.
import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { UsageError } from '../compose/errors.ts';
import { arenaPath, readArena, ROOT } from '../compose/repository.ts';
import { readAccounts } from '../devnet/demo/accounts.ts';
import { demo } from '../devnet/demo/demo.ts';
import type { RunCommand } from './command.ts';
import { seedOption } from './devnet-chain-command.ts';
import { newFolder, optional } from './options.ts';
import { demoLines } from './demo-text.ts';
import { give } from './output.ts';

/** `cacheon demo`: the whole pipeline on this machine. */
export const demoCommand: RunCommand = async (invocation) => {
  const endpoint = optional(invocation, 'endpoint') ?? null;
  const accountsFile = optional(invocation, 'accounts');
  if ((endpoint === null) !== (accountsFile === undefined))
    throw new UsageError(
      '--endpoint and --accounts go together',
      'the accounts file is the JSON line that subtensor/run.sh prints',
    );
  if (accountsFile !== undefined && !existsSync(accountsFile))
    throw new UsageError(
      `there is no file ${accountsFile}`,
      'save the JSON line that subtensor/run.sh prints',
    );
  const path = arenaPath(optional(invocation, 'arena'), 'src/devnet/arena.json');
  readArena(path);
  const out = optional(invocation, 'out');
  const report = await demo({
    arena: JSON.parse(readFileSync(path, 'utf8')),
    arenaFolder: dirname(path),
    root: ROOT,
    seed: seedOption(optional(invocation, 'seed')),
    endpoint,
    accounts: accountsFile === undefined ? null : readAccounts(accountsFile),
    out: out === undefined ? null : newFolder(out),
    processes: invocation.values['processes'] === true,
    log: invocation.log,
  });
  give(invocation, report, demoLines(report));
  return report.ok ? 0 : 1;
};
