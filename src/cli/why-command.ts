// Command that tells on one screen everything that decided a verdict.
import { UsageError } from '../compose/errors.ts';
import { readLedger } from '../ledger/read.ts';
import { why, type WhyReport } from '../pipeline/why.ts';
import type { ArmReport } from '../schema/report.ts';
import type { RunCommand } from './command.ts';
import { ledgersAtHand } from './ledgers-at-hand.ts';
import { optional, wholeNumber } from './options.ts';

const ms = (ns: number | null): string => (ns === null ? 'never' : `${(ns / 1e6).toFixed(2)} ms`);
const rate = (value: number | null): string => (value === null ? '-' : value.toFixed(1));
const change = (value: number | null): string =>
  value === null ? '' : ` (${value >= 0 ? '+' : ''}${(100 * value).toFixed(1)} %)`;
const z = (value: number | null): string => (value === null ? '-' : value.toFixed(2));

/** One boot of an entry, in two lines. */
function bootLines(shard: number, boot: number, report: ArmReport): string[] {
  const { ttft, throughput, gate } = report;
  const times = `T ${ms(ttft.challengerNs)} of ${ms(ttft.baselineNs)}${change(ttft.improvement)}`;
  const speed = `P ${rate(throughput.challengerTokensPerSecond)} of ${rate(throughput.baselineTokensPerSecond)} tokens/s${change(throughput.improvement)}`;
  const judged = gate
    ? `gate ${gate.pass ? 'passed' : `failed: ${gate.reasons.join(', ')}`}, ${gate.tokens} tokens, mean margin ${gate.meanMarginNats?.toFixed(4) ?? '-'} nats, first-token strikes ${gate.firstTokenStrikes}, big margins ${gate.bigMargins}`
    : 'gate not asked';
  return [
    `  shard ${shard}, boot ${boot}: ${report.verdict}, score ${report.score.toFixed(4)}, ${times}, ${speed}`,
    `    ${judged}; ${report.reason}`,
  ];
}

function* reasonLines(reasons: ArmReport['reasons']): Generator<string> {
  for (const { code, detail, value, limit } of reasons) {
    const numbers =
      value === undefined ? '' : ` (${value}${limit === undefined ? '' : ` of ${limit}`})`;
    yield `  ${code}: ${detail}${numbers}`;
  }
}

function* takeoverLines({ decision }: WhyReport): Generator<string> {
  if (!decision) return;
  yield `takeover: ${decision.reason} (against the ${decision.against})`;
  for (const step of decision.boots)
    yield `  boot ${step.boot}: D ${z(step.d)}, sd ${z(step.sd)}, Z ${z(step.z)}, ends below ${z(step.stop)}, crowned from ${z(step.crown)}`;
}

function* evidenceLines(report: WhyReport): Generator<string> {
  const { draw, anchor, evidence } = report;
  if (anchor) yield `plan anchored in block ${anchor.number} (${anchor.hash})`;
  if (draw) yield `seed ${draw.seed}, drawn from ${JSON.stringify(draw.pulse)}`;
  yield `judged by the code ${report.tree}`;
  if (evidence.length > 0) yield 'evidence (sha256 in the signed round):';
  for (const { path, sha256 } of evidence) yield `  ${sha256.slice(0, 16)}…  ${path}`;
}

/** What was committed, and when. */
function submissionLine({ submission }: WhyReport): string {
  const { image, digest, commitBlock, revealBlock, paymentTx } = submission;
  const parts = [
    `committed in block ${commitBlock}${revealBlock === null ? '' : `, revealed in ${revealBlock}`}`,
    `: ${image ?? 'no image'}${digest === null ? '' : `@${digest}`}`,
    paymentTx === null ? '' : `, paid by ${paymentTx}`,
  ];
  return parts.join('');
}

/** The verdict in one sentence. */
function verdictLine({ submission, entry, voided, place }: WhyReport): string {
  if (entry) {
    const seat = place === null ? '' : `, ${place}`;
    const open = entry.final ? '' : ', not final';
    return `verdict ${entry.verdict}, score ${entry.score.toFixed(4)}${open}${seat}: ${entry.reason}`;
  }
  if (submission.verdict !== null) return `verdict ${submission.verdict}: ${submission.reason}`;
  return voided === null ? `${submission.status}: no round yet` : `the round is void: ${voided}`;
}

/** A report on one screen. */
function* linesOf(report: WhyReport): Generator<string> {
  const { submission, entry } = report;
  yield `${report.key}  uid ${submission.uid}  with validator ${report.validator}, round ${report.round}`;
  yield submissionLine(report);
  yield verdictLine(report);
  yield* reasonLines((entry ?? submission).reasons);
  for (const { shard, boot, report: arm } of entry?.boots ?? []) yield* bootLines(shard, boot, arm);
  yield* takeoverLines(report);
  yield* evidenceLines(report);
  for (const { path, status: state, share } of report.weights)
    yield `weights ${path}: ${state}, share ${share.toFixed(4)}`;
  for (const { round, verdict } of report.earlier)
    yield `earlier: round ${round} ${verdict ?? 'without a verdict'}`;
}

/** `cacheon why KEY|HOTKEY`: what decided its last verdict, with every validator at hand. */
export const whyCommand: RunCommand = async (invocation) => {
  const { positionals, json, log } = invocation;
  const what = positionals[0];
  if (what === undefined || positionals.length > 1)
    throw new UsageError('why wants one key or hotkey', 'cacheon why HOTKEY or HOTKEY:BLOCK');
  const block = wholeNumber(invocation, 'round', 0, Number.MAX_SAFE_INTEGER);
  const { ledgers } = await ledgersAtHand(invocation, optional(invocation, 'results'));
  const only = optional(invocation, 'validator');
  const reports = [...ledgers].flatMap(([validator, files]) => {
    if (only !== undefined && validator !== only) return [];
    const ledger = readLedger(validator, files);
    if (ledger.faults[0])
      log.warn(`the ledger of ${validator} has faults: run cacheon audit before you believe it`);
    return why(ledger, what, block) ?? [];
  });
  if (reports.length === 0)
    throw new UsageError(
      `no ledger here speaks of ${what}${block === undefined ? '' : ` in round ${block}`}`,
      'fetch the branch `ledger`, or name a results folder with --results',
    );
  if (json) process.stdout.write(`${JSON.stringify(reports, null, 2)}\n`);
  else for (const report of reports) process.stdout.write(`${[...linesOf(report)].join('\n')}\n`);
  return 0;
};
