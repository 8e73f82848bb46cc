// Findings as people read them: what was found, and what to do where something is wrong.
import type { PreflightFinding } from '../pipeline/preflight/checks.ts';
import { hanging, paint, wrapped } from './screen.ts';

const MARKS = { ok: ['ok', 'green'], fail: ['FAIL', 'red'], skip: ['-', 'yellow'] } as const;

/** A finding; where one has a rule, its mend names the rule's heading. */
type ShownFinding = PreflightFinding & { readonly rule?: string };

/** Findings as people read them: what was found, and what to do where something is wrong. */
export function* findingLines(
  findings: readonly ShownFinding[],
  good: string,
  bad: string,
): Generator<string> {
  const width = Math.max(...findings.map(({ name }) => name.length));
  for (const { name, state, detail, mend, rule } of findings) {
    const [mark, colour] = MARKS[state];
    yield* hanging(`${paint(colour, mark.padEnd(4))}  ${name.padEnd(width)}  `, detail);
    const cited = rule === undefined ? '' : ` (RULES "${rule}")`;
    if (mend !== null) yield* hanging(`      ${' '.repeat(width)}  -> `, `${mend}${cited}`);
  }
  const failed = findings.filter(({ state }) => state === 'fail').length;
  yield* wrapped(failed === 0 ? good : `${bad}: ${failed} to mend`);
}
