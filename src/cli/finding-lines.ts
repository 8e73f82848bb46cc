// Findings as people read them: what was found, and what to do where something is wrong.
import type { PreflightFinding } from '../pipeline/preflight/checks.ts';

const MARKS = { ok: 'ok', fail: 'FAIL', skip: '-' } as const;

/** Findings as people read them: what was found, and what to do where something is wrong. */
export function* findingLines(
  findings: readonly PreflightFinding[],
  good: string,
  bad: string,
): Generator<string> {
  const width = Math.max(...findings.map(({ name }) => name.length));
  for (const { name, state, detail, mend } of findings) {
    yield `${MARKS[state].padEnd(4)}  ${name.padEnd(width)}  ${detail}`;
    if (mend !== null) yield `      ${' '.repeat(width)}  -> ${mend}`;
  }
  const failed = findings.filter(({ state }) => state === 'fail').length;
  yield failed === 0 ? good : `${bad}: ${failed} to mend`;
}
