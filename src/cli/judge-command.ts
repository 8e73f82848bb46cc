// Command that derives the verdict of a measured evaluation again from its traces.
import { join, resolve } from 'node:path';
import { UsageError } from '../compose/errors.ts';
import { writeWhole } from '../node/atomic-file.ts';
import type { RunCommand } from './command.ts';
import { judgeFolder } from './eval-folder.ts';
import { exitCodeOf, reportLines } from './verdict-table.ts';

/** `cacheon judge DIR`: writes verdict.json again from the traces. */
export const judgeCommand: RunCommand = ({ positionals, json, log }) => {
  const folder = positionals[0];
  if (folder === undefined || positionals.length > 1)
    throw new UsageError('judge wants one folder', 'cacheon judge DIR');
  const { report, text } = judgeFolder(resolve(folder));
  writeWhole(join(resolve(folder), 'verdict.json'), text);
  for (const line of reportLines(report)) log.info(line);
  if (json) process.stdout.write(text);
  return Promise.resolve(exitCodeOf(report.verdict));
};
