// Markdown tables for job summaries, safe against markup in miners' texts.
import { counted } from '../core/counted.ts';
import type { PlanPredicate, RoundBody } from '../schema/records.ts';

/**
 * A cell of a Markdown table: names and reasons come from miners, so nothing of them may act as
 * markup or as a workflow command.
 */
export function cell(text: string): string {
  return text
    .replace(/[\r\n]+/g, ' ')
    .replace(/[\\`*_{}[\]()#+!|<>&~@:]/g, (char) => `&#${char.codePointAt(0)!};`);
}

/** A Markdown table. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map((row) => line(row.map(cell)))].join(
    '\n',
  );
}

/**
 * Scores as a chart that GitHub draws as SVG from text: pictures in a summary are stripped. Keys are
 * letters and digits, so that nothing of a miner's acts as markup; an empty text where all are 0.
 */
function scoreChart({ entries }: RoundBody): string {
  const scored = entries.filter(({ score }) => score > 0).toSorted((a, b) => b.score - a.score);
  if (scored.length === 0) return '';
  const names = scored.map(({ key }) => `"${key.replace(/[^A-Za-z0-9]/g, '').slice(0, 8)}"`);
  const values = scored.map(({ score }) => score.toFixed(4));
  return [
    '```mermaid',
    'xychart-beta',
    '  title "Score: 0 is no faster, or failed"',
    `  x-axis [${names.join(', ')}]`,
    '  y-axis "score"',
    `  bar [${values.join(', ')}]`,
    '```\n\n',
  ].join('\n');
}

/** A round's verdicts for the job's summary. */
export function roundSummary(block: number, body: RoundBody): string {
  const { winner, runnerUp } = body.standing;
  const place = (key: string): string => {
    if (key === winner?.key) return 'winner';
    return key === runnerUp?.key ? 'runner-up' : '';
  };
  const rows = body.entries.map((entry) => [
    entry.key,
    entry.image ?? '',
    entry.verdict,
    entry.score.toFixed(4),
    place(entry.key),
    entry.reason,
  ]);
  const chart = scoreChart(body);
  return `### Round at block ${block}\n\n${chart}${table(['submission', 'image', 'verdict', 'score', 'place', 'reason'], rows)}\n`;
}

/** A plan's submissions for the job's summary. */
export function planSummary({ block, submissions }: PlanPredicateDraft): string {
  const rows = submissions.map(({ key, image, status, verdict, reason }) => [
    key,
    image ?? '',
    status,
    verdict ?? '',
    reason,
  ]);
  return `### Scan at block ${block.number}\n\n${table(['submission', 'image', 'status', 'verdict', 'reason'], rows)}\n`;
}
type PlanPredicateDraft = Pick<PlanPredicate, 'block' | 'submissions'>;

/** An audit for the job's summary: what failed, and what went unchecked. */
export function auditSummary(report: {
  readonly ok: boolean;
  readonly records: number;
  readonly evaluations: number;
  readonly faults: readonly {
    readonly code: string;
    readonly path: string;
    readonly message: string;
  }[];
  readonly unchecked: readonly { readonly path: string; readonly why: string }[];
}): string {
  const { ok, records, evaluations, faults, unchecked } = report;
  const failed = faults.map(({ code, path, message }) => [code, path, message]);
  const open = unchecked.map(({ path, why }) => [path, why]);
  const parts = [
    `### Audit: ${ok ? 'passed' : 'failed'}`,
    `${counted(records, 'record')}, ${counted(evaluations, 'evaluation')} judged again.`,
    ...(failed.length > 0 ? [table(['class', 'path', 'what'], failed)] : []),
    ...(open.length > 0 ? [`Not checked:\n\n${table(['path', 'why'], open)}`] : []),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** A validator's weights for the job's summary. */
export function weightsSummary(report: {
  readonly block: number;
  readonly reason: string;
  readonly uids: readonly number[];
  readonly weights: readonly number[];
}): string {
  const rows = report.uids.map((uid, i) => [String(uid), String(report.weights[i])]);
  return `### Weights at block ${report.block}: ${report.reason}\n\n${table(['uid', 'weight'], rows)}\n`;
}
