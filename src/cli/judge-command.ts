// Command that derives verdicts again from traces: of one evaluation, or of a round in a ledger.
import { existsSync, globSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { UsageError } from '../compose/errors.ts';
import { ROOT } from '../compose/repository.ts';
import { compactJson } from '../core/canonical.ts';
import { firstDifference } from '../core/difference.ts';
import { sha256Hex } from '../core/hash.ts';
import { drawnPlan } from '../judge/drawn-plan.ts';
import { derivedPart, judgeRound } from '../judge/round.ts';
import { readEvidence } from '../ledger/io/evidence-files.ts';
import { readFolder } from '../ledger/io/results-folder.ts';
import { endOf, planOf } from '../ledger/plans.ts';
import { readLedger } from '../ledger/read.ts';
import { writeWhole } from '../node/atomic-file.ts';
import { loadTokenizer } from '../prompts/io/tokenizer-file.ts';
import { parseArena } from '../schema/arena.ts';
import type { Invocation, RunCommand } from './command.ts';
import { judgeFolder } from './eval-folder.ts';
import { asFolder } from './ledgers-at-hand.ts';
import { exitCodeOf, reportLines } from './verdict-table.ts';
import { give } from './output.ts';
import { shortKey, withShortKeys } from '../schema/short-names.ts';
import { hanging, table } from './screen.ts';

/**
 * Judges a round of a ledger again, `results/<validator>/rounds/<block>`: 0 where the record says
 * the same, 1 where not. Writes nothing.
 */
function judgeRecorded(folder: string, invocation: Invocation): number {
  const home = dirname(dirname(folder));
  const ledger = readLedger(basename(home), readFolder(home));
  const plan = planOf(ledger, Number(basename(folder)));
  const end = endOf(ledger, plan);
  if (end?.kind !== 'round')
    throw new UsageError(
      `${folder} holds no round that can be read`,
      'look at it with cacheon audit',
    );
  const { tokenizer } = parseArena(plan.predicate.arena, plan.path);
  const files = readFolder(folder);
  const edited = Object.entries(end.predicate.files).find(
    ([path, sha256]) => sha256Hex(files.get(path) ?? new Uint8Array()) !== sha256,
  );
  const evidence = readEvidence(files);
  const drawn = drawnPlan(plan, end.predicate.seed);
  const body = judgeRound(drawn, evidence, loadTokenizer(tokenizer, ROOT));
  const derived = JSON.parse(compactJson(body)) as unknown;
  const difference =
    edited === undefined
      ? firstDifference(derivedPart(end.predicate), derived)
      : `${edited[0]} is missing or was changed: the record gives its sha256 as ${edited[1]}`;
  const rows = body.entries.map(({ key, verdict, score, reason }) => [
    ...[shortKey(key), verdict, score.toFixed(4), withShortKeys(reason)],
  ]);
  const said =
    difference === null
      ? `the record says the same, and its ${Object.keys(end.predicate.files).length} files of evidence have its hashes; signatures, seed and anchor are what cacheon audit looks at`
      : `the record differs: ${difference}`;
  give(invocation, { difference, ...body }, [
    ...table([['entry', 'verdict', 'score', 'reason'], ...rows], ['left', 'left', 'right']),
    ...hanging('', said),
  ]);
  return difference === null ? 0 : 1;
}

const JUDGED = 'name a folder that cacheon eval wrote, or results/<validator>/rounds/<block>';
/** Where rounds lie below what people name in place of one. */
const ROUNDS_BELOW = ['', 'rounds/', '*/rounds/', 'results/*/rounds/', 'ledger/results/*/rounds/'];

/** Throws `USAGE` for a folder that is no evaluation, with a round below it where there is one. */
function assertEvaluation(folder: string): void {
  if (existsSync(join(folder, 'plan.json')) && !existsSync(join(folder, 'plan.json.sig'))) return;
  const rounds = globSync(
    ROUNDS_BELOW.map((below) => `${below}*/round.json`),
    { cwd: folder },
  );
  const blockOf = (path: string): number => Number(basename(path));
  const last = rounds
    .map(dirname)
    .toSorted((a, b) => blockOf(a) - blockOf(b))
    .at(-1);
  throw new UsageError(
    existsSync(join(folder, 'plan.json'))
      ? `${folder} has a plan, but no round yet, or a void`
      : `${folder} holds neither an evaluation nor a round`,
    last === undefined ? JUDGED : `name one round of it: cacheon judge ${join(folder, last)}`,
  );
}

/**
 * `cacheon judge DIR`: writes verdict.json of an evaluation again from its traces; of a round in a
 * ledger it compares what the record says.
 */
export const judgeCommand: RunCommand = (invocation) => {
  const { positionals } = invocation;
  const given = positionals[0];
  if (given === undefined || positionals.length > 1)
    throw new UsageError('judge wants one folder', 'cacheon judge DIR');
  const folder = asFolder(given, JUDGED);
  if (existsSync(join(folder, 'round.json')))
    return Promise.resolve(judgeRecorded(folder, invocation));
  assertEvaluation(folder);
  const { report, text } = judgeFolder(folder);
  writeWhole(join(folder, 'verdict.json'), text);
  give(invocation, text, reportLines(report));
  return Promise.resolve(exitCodeOf(report.verdict));
};
