// What decided a verdict, on one screen, as people read it.
import { counted } from '../core/counted.ts';
import { wordsIn } from '../schema/glossary.ts';
import { tracePath } from '../schema/paths.ts';
import { SEED_SOURCES, seedSource } from '../pipeline/audit/ledger-summary.ts';
import type { WhyReport } from '../pipeline/why.ts';
import type { RoundEntry } from '../schema/records.ts';
import type { ArmReport } from '../schema/report.ts';
import { mendOf } from '../schema/verdict-mends.ts';
import { isMinerFault, VERDICTS } from '../schema/verdicts.ts';

const ms = (ns: number | null): string => (ns === null ? 'never' : `${(ns / 1e6).toFixed(2)} ms`);
const rate = (value: number | null): string => (value === null ? 'none' : value.toFixed(1));
const change = (value: number | null): string =>
  value === null ? '' : ` (${value >= 0 ? '+' : ''}${(100 * value).toFixed(1)} %)`;
const z = (value: number | null): string => (value === null ? 'none' : value.toFixed(2));

/** Beside what a reading stands: the baseline of the boot, where it ran. */
const beside = (value: string, none: boolean): string => (none ? '' : `, baseline ${value}`);

function gateLine({ gate }: ArmReport): string {
  if (!gate) return 'gate: not asked';
  const { pass, reasons, tokens, meanMarginNats, firstTokenStrikes, bigMargins } = gate;
  const ended = pass ? 'passed' : `failed (${reasons.join(', ')})`;
  const mean = meanMarginNats?.toFixed(4) ?? 'none';
  return `gate: ${ended}; ${counted(tokens, 'token')}, mean margin ${mean} nat, ${counted(firstTokenStrikes, 'first token')} too far off, ${counted(bigMargins, 'big margin')}`;
}

/** Whether the baseline ran in a boot: later boots are held against that of boot 1. */
const hasBaseline = ({ evidence }: WhyReport, shard: number, boot: number): boolean =>
  evidence.some(({ path }) => path.endsWith(`/${tracePath(shard, boot, 'baseline', 1)}`));

/** One boot of an entry. */
function* bootLines(
  why: WhyReport,
  { shard, boot, report }: RoundEntry['boots'][number],
  said: string,
): Generator<string> {
  const { ttft, throughput } = report;
  const measured = ttft.challengerNs !== null || throughput.challengerTokensPerSecond !== null;
  const first = `time to first token ${ms(ttft.challengerNs)}${beside(ms(ttft.baselineNs), ttft.baselineNs === null)}${change(ttft.improvement)}`;
  const { challengerTokensPerSecond: own, baselineTokensPerSecond: base } = throughput;
  const speed = `${rate(own)} tokens/s${beside(rate(base), base === null)}${change(throughput.improvement)}`;
  const held = hasBaseline(why, shard, boot) ? '' : ", beside boot 1's baseline";
  yield `  boot ${boot} of shard ${shard}: ${report.verdict}, score ${report.score.toFixed(4)}${held}`;
  yield measured ? `    ${first}; ${speed}` : '    not measured';
  if (measured) yield `    ${gateLine(report)}`;
  if (report.verdict !== 'VALID' && report.reason !== said) yield `    ${report.reason}`;
}

/** What the verdict's own sentence does not say already. */
function* reasonLines({ reason, reasons }: Pick<ArmReport, 'reason' | 'reasons'>) {
  for (const { code, detail } of reasons) if (detail !== reason) yield `  ${code}: ${detail}`;
}

type Decision = NonNullable<WhyReport['decision']>;

function* decisionLines({ reason, against, boots }: Decision): Generator<string> {
  yield `  ${reason}, against the ${against}`;
  for (const { boot, d, sd, z: value, stop, crown } of boots) {
    const crowned = crown === null ? '' : `; crowned from ${z(crown)}`;
    yield `  boot ${boot}: ahead by ${z(d)} on average (sd ${z(sd)}), Z ${z(value)}${crowned}; given up below ${z(stop)}`;
  }
}

function* takeoverLines({ decision, beatenBy }: WhyReport): Generator<string> {
  if (decision) {
    yield 'its try for the throne (RULES "Takeover"):';
    yield* decisionLines(decision);
  }
  if (beatenBy) {
    yield `it lost the throne to ${beatenBy.key}:`;
    yield* decisionLines(beatenBy);
  }
}

function* evidenceLines(report: WhyReport): Generator<string> {
  const { validator, draw, anchor, evidence, tree } = report;
  if (anchor) yield `plan anchored in block ${anchor.number} (${anchor.hash})`;
  if (draw) {
    const pulse =
      draw.pulse === null
        ? ''
        : ` (${'round' in draw.pulse ? `round ${draw.pulse.round}` : `block ${draw.pulse.block}`})`;
    yield `seed ${draw.seed}, ${SEED_SOURCES[seedSource(draw.pulse)]}${pulse}`;
  }
  yield `judged by the code whose git tree is ${tree} (git log --format='%H %T')`;
  if (evidence.length === 0) return;
  yield `evidence in results/${validator}/, with its sha256 in the signed round:`;
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

/** Whether the lines below the verdict say all of its sentence, each with its code. */
const isSpelledOut = ({
  verdict,
  reason,
  reasons,
}: Pick<ArmReport, 'verdict' | 'reason' | 'reasons'>) =>
  verdict !== 'VALID' &&
  reasons.map(({ detail }) => detail).join('; ') === reason &&
  reasons.length > 1;

/** The verdict in one sentence. */
function verdictLine({ submission, entry, voided, place }: WhyReport): string {
  if (entry) {
    const seat = place === null ? '' : `, ${place}`;
    const open = entry.final ? '' : ', not final';
    const said = isSpelledOut(entry) ? '' : `: ${entry.reason}`;
    return `verdict ${entry.verdict}, score ${entry.score.toFixed(4)}${open}${seat}${said}`;
  }
  if (submission.verdict !== null) return `verdict ${submission.verdict}: ${submission.reason}`;
  return voided === null ? `${submission.status}: no round yet` : `the round is void: ${voided}`;
}

/** What its miner can do now. `where`: the results folder that was read. */
function nextLine(
  { entry, submission, place, round, validator }: WhyReport,
  where: string,
): string {
  const said = entry?.verdict ?? submission.verdict;
  const verdict = VERDICTS.find((name) => name === said);
  if (verdict === undefined) return 'next: nothing to do; it is looked at again in a coming round';
  if (entry?.final === false)
    return 'next: nothing to do; it is measured again in a coming round, without a new fee';
  if (place !== null) return 'next: nothing to do; it is measured again beside every challenger';
  if (verdict === 'VALID') return 'next: a faster image is a new submission, with a new fee';
  if (verdict === 'E_COPY')
    return 'next: an image of its own is a new submission, with a new fee; this one belongs to the earlier';
  const doubt = entry
    ? `; in doubt, judge it again: cacheon judge ${where}/${validator}/rounds/${round}`
    : '';
  const known = mendOf(verdict);
  return isMinerFault(verdict) && known
    ? `next: ${known.mend} (RULES "${known.rule}"); then submit a new image, with a new fee: this digest keeps its verdict${doubt}`
    : `next: nothing that its miner could mend${doubt}`;
}

/** What the words of a report mean, and where their rules stand; or where that is told. */
export function* wordLines(lines: readonly string[], explain: boolean): Generator<string> {
  const words = wordsIn(lines.join('\n'));
  if (words.length === 0) return;
  if (!explain) {
    yield `--explain tells what the words mean: ${words.map(({ name }) => name).join(', ')}`;
    return;
  }
  yield 'words, with the heading of their rule in .github/RULES.md:';
  for (const { name, means, rule } of words) yield `  ${name}: ${means} ("${rule}")`;
}

/** A report on one screen: of which results folder, and whether its ledger has faults. */
export function* whyLines(
  report: WhyReport,
  { where, faulty }: { readonly where: string; readonly faulty: boolean },
): Generator<string> {
  const { key, validator, round, submission, entry } = report;
  yield `${key}, uid ${submission.uid}: with validator ${validator}, round ${round}`;
  yield submissionLine(report);
  yield verdictLine(report);
  const decided = entry ?? submission;
  if (decided.verdict !== 'VALID') yield* reasonLines(decided);
  for (const boot of entry?.boots ?? []) yield* bootLines(report, boot, decided.reason);
  yield* takeoverLines(report);
  yield* evidenceLines(report);
  for (const { path, status: state, share } of report.weights)
    yield `weights ${path}: ${state}, share ${share.toFixed(4)}`;
  for (const { round: before, verdict } of report.earlier)
    yield `earlier: round ${before} ${verdict ?? 'without a verdict'}`;
  yield faulty
    ? 'next: cacheon audit first; what its ledger lacks may be what decided'
    : nextLine(report, where);
}
