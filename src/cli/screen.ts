// Text for people on a terminal: colours where they show, lines and tables that fit its width.
import { styleText } from 'node:util';
import { hangingText, shownLength, wrappedText } from '../core/wrap-text.ts';

type Paint = 'green' | 'red' | 'yellow' | 'bold' | 'dim';

/**
 * Text in a colour, where stdout is a terminal that shows it (NO_COLOR and FORCE_COLOR are heard).
 */
export function paint(colour: Paint, text: string): string {
  return styleText(colour, text, { stream: process.stdout });
}

/** Columns of the terminal; without one nothing is wrapped, so that grep finds whole lines. */
function columns(): number {
  return process.stdout.isTTY ? Math.max(40, process.stdout.columns) : Infinity;
}

/** A text behind `head`, wrapped; what does not fit stands below, as far in as `head` is wide. */
export function hanging(head: string, text: string, width = columns()): string[] {
  return hangingText(head, text, width);
}

/** A line that may be too long: what follows stands as far in as the line begins, and two more. */
export function wrapped(line: string): string[] {
  return wrappedText(line, columns());
}

/** A cell of a table: right for numbers, left for words. */
type Side = 'left' | 'right';

const pad = (text: string, width: number, side: Side): string => {
  const gap = ' '.repeat(Math.max(0, width - shownLength(text)));
  return side === 'right' ? gap + text : text + gap;
};

/**
 * Rows as columns with two spaces between; the first row is the head. The last column is wrapped
 * below itself where the terminal is too narrow.
 */
export function table(
  rows: readonly (readonly string[])[],
  sides: readonly Side[] = [],
  width = columns(),
): string[] {
  const last = Math.max(...rows.map((row) => row.length)) - 1;
  const widths = Array.from({ length: last }, (_, i) =>
    Math.max(...rows.map((row) => shownLength(row[i] ?? ''))),
  );
  return rows.flatMap((row, index) => {
    const head = widths.map((one, i) => `${pad(row[i] ?? '', one, sides[i] ?? 'left')}  `).join('');
    const lines = hanging(head, row[last] ?? '', width).map((line) => line.trimEnd());
    return index === 0 ? lines.map((line) => paint('bold', line)) : lines;
  });
}
