// Command that measures a server or container image against a baseline and reports a verdict.
import { arenaPath, readArena } from '../compose/repository.ts';
import type { RunCommand } from './command.ts';
import { evaluateTargets, targetsOf } from './evaluate-targets.ts';
import { newFolder, optional, required, seedOf } from './options.ts';
import { give } from './output.ts';
import { exitCodeOf, reportLines } from './verdict-table.ts';

/**
 * `cacheon eval`: one evaluation of running servers or images. Writes DIR/plan.json, the traces and
 * verdict.json.
 */
export const evalCommand: RunCommand = async (invocation) => {
  const arena = readArena(arenaPath(optional(invocation, 'arena'), '.github/arena.json'));
  const seed = seedOf(invocation);
  const out = newFolder(required(invocation, 'out'));
  const targets = targetsOf(invocation, required(invocation, 'challenger'));
  const { report, text } = await evaluateTargets(invocation, { arena, seed, out, targets });
  give(invocation, text, reportLines(report));
  return exitCodeOf(report.verdict);
};
