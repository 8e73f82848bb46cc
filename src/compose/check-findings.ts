// What a check of a miner's image or server found: passed, failed or not to be told here.
import type { PreflightFinding } from '../pipeline/preflight/checks.ts';
import type { Verdict } from '../schema/verdicts.ts';
import { detailMend } from './check-mends.ts';

/** One line of `cacheon check`. */
export type CheckFinding = PreflightFinding & {
  /** What a validator would say; null where nothing is wrong, or it cannot be told here. */
  readonly verdict: Verdict | null;
  /** Heading of the rule in `.github/RULES.md`. */
  readonly rule: string;
};

/** Something that holds. */
export function checked(name: string, rule: string, detail: string): CheckFinding {
  return { name, state: 'ok', detail, mend: null, verdict: null, rule };
}

/** Something that this machine cannot tell, and where it can be told. */
export function unchecked(name: string, rule: string, detail: string, mend: string): CheckFinding {
  return { name, state: 'skip', detail, mend, verdict: null, rule };
}

/** What a validator would refuse, with what mends it and the rule that it breaks. */
export function refused(name: string, verdict: Verdict, detail: string): CheckFinding {
  const { mend, rule } = detailMend(verdict, detail);
  return { name, state: 'fail', detail, mend, verdict, rule };
}

/** How many lines passed, failed, and could not be told. */
export function countsOf(findings: readonly CheckFinding[]): Record<string, number> {
  const of = (state: CheckFinding['state']): number =>
    findings.filter((finding) => finding.state === state).length;
  return { passed: of('ok'), failed: of('fail'), untold: of('skip') };
}
