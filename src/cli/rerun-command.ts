// Command that repeats a recorded round on this host, or forces its recorded answers again.
import { counted } from '../core/counted.ts';
import { join, resolve } from 'node:path';
import { UsageError } from '../compose/errors.ts';
import { ROOT } from '../compose/repository.ts';
import {
  type RerunReport,
  rerunRound,
  rerunTeacher,
  type TeacherReport,
} from '../compose/rerunning.ts';
import { renderJson } from '../core/canonical.ts';
import type { ResultStore } from '../ledger/store.ts';
import { writeWhole } from '../node/atomic-file.ts';
import type { Invocation, RunCommand } from './command.ts';
import { targetOf } from './engine-target.ts';
import { newFolder, optional } from './options.ts';
import { workplace } from './workplace.ts';
import { give } from './output.ts';
import { shortKey } from '../schema/short-names.ts';
import { table } from './screen.ts';

/** Whose ledger: as given, or the only one that is there. */
async function validatorOf(invocation: Invocation, store: ResultStore): Promise<string> {
  const given = optional(invocation, 'validator');
  if (given !== undefined) return given;
  const all = await store.validators();
  if (all.length === 1) return all[0]!;
  throw new UsageError(
    all.length === 0
      ? 'the branch ledger holds no ledger'
      : `the branch ledger holds the ledgers of ${all.length} validators`,
    all.length === 0 ? 'name its repository with --repo' : `--validator one of ${all.join(', ')}`,
  );
}

const score = (value: number): string => value.toFixed(4);

/** A report as people read it. */
function* lines({ entries, agrees }: RerunReport): Generator<string> {
  const rows = entries.map(({ key, recorded, again, difference, agrees: same }) => [
    ...[shortKey(key), recorded.verdict, score(recorded.score), again.verdict, score(again.score)],
    difference
      ? `${score(difference.mean)} (${score(difference.low)} to ${score(difference.high)})`
      : '-',
    same ? 'agrees' : 'differs',
  ]);
  const all = [['entry', 'recorded', 'score', 'again', 'score', 'difference (95 %)', ''], ...rows];
  yield* table(all);
  yield agrees ? 'the repetition agrees with the record' : 'the repetition differs from the record';
}

/** What forcing again came to, in a line. */
function forcedLine({ forced: { answers, tokens, largestNats } }: TeacherReport): string {
  const most = largestNats === null ? 'all there is' : `${largestNats.toPrecision(2)} nat`;
  return `${counted(answers, 'answer')}, ${counted(tokens, 'token')} forced again; a margin differs by ${most} at most`;
}

/**
 * `cacheon rerun BLOCK`: the same plan and seed on this host, compared with the record; with
 * --teacher only the recorded answers are forced again. 0 where both agree, 1 where not. What is
 * measured goes to a folder apart from any ledger.
 */
export const rerunCommand: RunCommand = async (invocation) => {
  const { log, positionals } = invocation;
  const block = Number(positionals[0]);
  if (!/^\d+$/.test(positionals[0] ?? ''))
    throw new UsageError(`${positionals[0] ?? ''} is no block`, 'cacheon rerun BLOCK');
  const { arena, store } = workplace(invocation);
  const validator = await validatorOf(invocation, store);
  const id = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const out = newFolder(
    optional(invocation, 'out') ?? join('results', 'reruns', String(block), id),
  );
  const job = {
    ...{ root: ROOT, store, validator, arena, block, log },
    corpus: optional(invocation, 'corpus'),
    engineCommand: optional(invocation, 'engine-command'),
    keep: (path: string, bytes: Uint8Array) => writeWhole(join(out, path), bytes),
  };
  const teacher = invocation.values['teacher'] === true;
  const reference = optional(invocation, 'reference');
  if (reference !== undefined && !teacher)
    throw new UsageError('--reference is only for --teacher', 'add --teacher');
  const forced = teacher
    ? await rerunTeacher(job, reference === undefined ? null : targetOf(reference, 'reference'))
    : null;
  const report: RerunReport = forced ?? (await rerunRound(job));
  writeWhole(join(out, 'comparison.json'), renderJson(report));
  give(invocation, renderJson(report), [...lines(report), ...(forced ? [forcedLine(forced)] : [])]);
  log.info(`kept in ${resolve(out)}`);
  return report.agrees ? 0 : 1;
};
