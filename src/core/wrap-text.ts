// Text in lines that fit a width; colours count for nothing.

// eslint-disable-next-line no-control-regex -- colours are escape sequences
const COLOUR = /\u001b\[\d+m/g;
/** Characters of a text that show. */
export const shownLength = (text: string): number => text.replace(COLOUR, '').length;

/** Words of one line in lines of at most `width`; a word that is longer stands alone. */
function* wrapLine(line: string, width: number): Generator<string> {
  let row = '';
  for (const word of line.split(' ')) {
    if (row !== '' && shownLength(row) + 1 + shownLength(word) > width) {
      yield row;
      row = word;
    } else row = row === '' ? word : `${row} ${word}`;
  }
  yield row;
}

/** A text behind `head`, wrapped; what does not fit stands below, as far in as `head` is wide. */
export function hangingText(head: string, text: string, width: number): string[] {
  const indent = shownLength(head);
  const room = Math.max(20, width - indent);
  const rows = text
    .split('\n')
    .flatMap((line) => (Number.isFinite(room) ? [...wrapLine(line, room)] : [line]));
  return rows.map((row, i) => (i === 0 ? head : ' '.repeat(indent)) + row);
}

/** A line that may be too long: what follows stands as far in as the line begins, and two more. */
export function wrappedText(line: string, width: number): string[] {
  const indent = /^ */.exec(line)![0];
  const [first, ...rest] = hangingText(`${indent}  `, line.trimStart(), width);
  return [indent + first!.slice(indent.length + 2), ...rest];
}
