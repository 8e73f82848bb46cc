// Command that tells a miner what a validator would refuse, before anything is paid.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type CheckFinding, countsOf, refused, unchecked } from '../compose/check-findings.ts';
import { type CheckedImage, checkImageHead, earlierImages } from '../compose/checking-image.ts';
import { type CheckedEntry, runChecked, urlChecked } from '../compose/checking-run.ts';
import { UsageError } from '../compose/errors.ts';
import { arenaPath, readArena, ROOT } from '../compose/repository.ts';
import { decodeSs58 } from '../core/ss58.ts';
import type { Arena } from '../schema/arena.ts';
import { imageRefText } from '../schema/image-ref.ts';
import { isInfraFault } from '../schema/verdicts.ts';
import type { Invocation, RunCommand } from './command.ts';
import { targetOf } from './engine-target.ts';
import { evaluateTargets, targetsOf } from './evaluate-targets.ts';
import { findingLines } from './finding-lines.ts';
import { publicLedgers } from './ledgers-at-hand.ts';
import { newFolder, optional, wholeNumber } from './options.ts';
import { give } from './output.ts';
import { reportLines } from './verdict-table.ts';

/** Scored prompts of a sample, unless --count says otherwise. */
const SAMPLE = 2;

/** What is asked about: a server that runs, or an image by tag or digest. */
type Target = { readonly url: string } | { readonly image: string };

function targetIn({ positionals }: Invocation): Target {
  const [text, ...more] = positionals;
  if (text === undefined || more.length > 0)
    throw new UsageError('check wants one image or URL', 'cacheon check ghcr.io/you/server:tag');
  if (/^(?:localhost|[\d.]+|\[[\d:a-f]+\]):\d+\/?$/.test(text))
    throw new UsageError(`${text} is no image`, `for a server that runs: http://${text}`);
  if (!/^https?:/.test(text)) return { image: text };
  const target = targetOf(text, 'target');
  return target.kind === 'url' ? { url: target.url } : { image: text };
}

/** What running it came to: not at all where nobody asked for it, or it was refused before. */
async function runPart(
  invocation: Invocation,
  arena: Arena,
  entry: CheckedEntry,
): Promise<CheckFinding[]> {
  const { values, log } = invocation;
  if (values['run'] !== true)
    return [
      unchecked(
        'server',
        'Start deadline',
        'the server was not started',
        'check with --run where Docker answers; with --baseline the whole evaluation',
      ),
    ];
  const weights = resolve(ROOT, arena.model.path);
  const there = existsSync(weights);
  const empty = there ? null : mkdtempSync(join(tmpdir(), 'no-weights-'));
  const models = there ? weights : empty!;
  try {
    const count = wholeNumber(invocation, 'count', 1, 100) ?? SAMPLE;
    const question = { root: ROOT, arena, log, count, models: there ? null : models };
    return await runChecked(question, entry);
  } finally {
    if (empty !== null) rmSync(empty, { recursive: true, force: true });
  }
}

function hotkeyOf(invocation: Invocation): string | null {
  const hotkey = optional(invocation, 'hotkey') ?? null;
  if (hotkey !== null && decodeSs58(hotkey) === null)
    throw new UsageError(
      `--hotkey ${hotkey} is not an ss58 address`,
      'cacheon wallet show prints it',
    );
  return hotkey;
}

/** The whole evaluation against a baseline, as one finding; its table goes before the findings. */
async function evaluationPart(
  invocation: Invocation,
  arena: Arena,
  challenger: string,
): Promise<CheckFinding[]> {
  const out = newFolder(
    optional(invocation, 'out') ?? mkdtempSync(join(tmpdir(), 'cacheon-check-')),
  );
  const targets = targetsOf(invocation, challenger);
  const seed = `0x${randomBytes(32).toString('hex')}`;
  const { report } = await evaluateTargets(invocation, { arena, seed, out, targets });
  for (const line of reportLines(report)) invocation.print(line);
  const score = `score ${report.score.toFixed(4)} in one boot (a round wants a sure lead over two to five), evidence in ${out}`;
  if (report.verdict === 'VALID')
    return [
      {
        ...{ name: 'evaluation', state: 'ok', detail: `VALID, ${score}`, mend: null },
        ...{ verdict: null, rule: 'One evaluation by hand' },
      },
    ];
  return isInfraFault(report.verdict)
    ? [
        unchecked(
          'evaluation',
          'Verdict classes',
          `${report.verdict}: ${report.reason}`,
          'try again',
        ),
      ]
    : [refused('evaluation', report.verdict, report.reason)];
}

/** Everything about an image: its registry's word first, and the server only where that is sound. */
async function imageFindings(
  invocation: Invocation,
  arena: Arena,
  image: string,
): Promise<CheckedImage> {
  const base = optional(invocation, 'base') ?? null;
  const ledgers = await publicLedgers(invocation);
  const hotkey = hotkeyOf(invocation);
  const head = await checkImageHead({ arena, image, base, hotkey, ledgers });
  const { findings, ref, reached } = head;
  if (!reached || ref === null || findings.some(({ state }) => state === 'fail')) return head;
  const entry = { ...ref, base, hotkey, known: earlierImages(ledgers) };
  const more =
    optional(invocation, 'baseline') === undefined
      ? await runPart(invocation, arena, entry)
      : await evaluationPart(invocation, arena, imageRefText(ref));
  return { findings: [...findings, ...more], ref, reached };
}

async function serverFindings(
  invocation: Invocation,
  arena: Arena,
  url: string,
): Promise<CheckFinding[]> {
  const count = wholeNumber(invocation, 'count', 1, 100) ?? SAMPLE;
  const question = { root: ROOT, arena, log: invocation.log, count, models: null };
  const found = await urlChecked(question, url);
  const failed = found.some(({ state }) => state === 'fail');
  if (failed || optional(invocation, 'baseline') === undefined) return found;
  return [...found, ...(await evaluationPart(invocation, arena, url))];
}

/**
 * `cacheon check IMAGE|URL`: what a validator would refuse, each line with its mend and the heading
 * of its rule. Costs nothing and needs no key.
 */
export const checkCommand: RunCommand = async (invocation) => {
  const arena = readArena(arenaPath(optional(invocation, 'arena'), '.github/arena.json'));
  const target = targetIn(invocation);
  if ('url' in target && invocation.values['run'] === true)
    throw new UsageError('--run starts an image, and a server by URL runs already', 'drop --run');
  const { findings, ref, reached } =
    'url' in target
      ? { findings: await serverFindings(invocation, arena, target.url), ref: null, reached: true }
      : await imageFindings(invocation, arena, target.image);
  const counts = countsOf(findings);
  const verdict = findings.find(({ state }) => state === 'fail')?.verdict ?? null;
  const named = 'url' in target ? target.url : target.image;
  const summary = `${counts['passed']} passed, ${counts['failed']} failed, ${counts['untold']} cannot be told here`;
  give(
    invocation,
    {
      schema: 1,
      target: named,
      ...{ image: ref?.image ?? null, digest: ref?.digest ?? null },
      verdict,
      ...counts,
      findings,
    },
    findingLines(
      findings,
      reached
        ? `${summary}: no validator would refuse what was asked`
        : `${summary}: nothing was told`,
      summary,
    ),
  );
  if (counts['failed'] !== 0) return 1;
  const untold = findings.some(({ name, state }) => name === 'evaluation' && state === 'skip');
  return reached && !untold ? 0 : 3;
};
