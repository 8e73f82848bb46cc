// Markdown tables for job summaries, safe against markup in miners' texts.
import type { RoundBody } from '../schema/records.ts';

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
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map((row) => line(row.map(cell)))].join(
    '\n',
  );
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
  return `### Round at block ${block}\n\n${table(['submission', 'image', 'verdict', 'score', 'place', 'reason'], rows)}\n`;
}
