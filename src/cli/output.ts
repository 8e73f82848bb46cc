// How a command gives its result: lines for people, or one JSON document.
import type { Invocation } from './command.ts';

/** Prints a result on stdout: with --json the document alone (a text as it is), else its lines. */
export function give(
  { json, print, write }: Pick<Invocation, 'json' | 'print' | 'write'>,
  document: unknown,
  lines: Iterable<string> = [],
): void {
  if (json)
    write(typeof document === 'string' ? document : `${JSON.stringify(document, null, 2)}\n`);
  else for (const line of lines) print(line);
}
