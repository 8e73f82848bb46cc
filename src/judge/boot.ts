// Chooses which of several repeated runs of a server and its baseline counts.
import { because } from '../schema/reasons.ts';
import { isMinerFault } from '../schema/verdicts.ts';
import { compactJson } from '../core/canonical.ts';
import type { ImageHistory } from '../schema/submission.ts';
import {
  judgeArm,
  readBaseline,
  type ArmVerdict,
  type BaselineReading,
  type JudgeContext,
} from './arm.ts';
import type { Trace } from '../schema/trace.ts';

/**
 * How often a runner measures the arms of a boot at most: a second time where the first says
 * nothing because of an infrastructure fault.
 */
export const ATTEMPTS = 2;

/**
 * Which run a trace records. The runs of an attempt: baseline first and last, or an arm and its one
 * repetition.
 */
export type Nth = 'first' | 'second';
export function runOf(attempt: number, nth: Nth): number {
  return 2 * attempt - (nth === 'first' ? 1 : 0);
}

/** Whether a baseline like this is worth measuring the whole boot once more. */
export function worthRepeating(reading: BaselineReading): boolean {
  return !reading.ok && (reading.verdict === 'INFRA_DRIFT' || reading.verdict === 'INFRA_CLOCK');
}

/** A boot, read: its baseline, and what becomes of each arm. */
export type BootReading = {
  readonly attempt: number;
  readonly first: Trace | null;
  readonly baseline: BaselineReading;
  /** The verdict of an arm; null where it has no usable trace. */
  readonly judge: (name: string, history: ImageHistory | null) => ArmVerdict | null;
};

/** Where the traces of a boot come from, and which of them count. */
export type BootSource = {
  readonly given: (name: string, run: number) => Trace | null;
  readonly context: JudgeContext;
  /** What the boot is called in reasons. */
  readonly place: string;
  /** Whether a trace is of this boot at all. */
  readonly belongs: (trace: Trace) => boolean;
  /** Whether an arm's trace may be judged beside its baseline's; it may throw `BAD_TRACE`. */
  readonly usable?: (name: string, own: Trace, baseline: Trace) => boolean;
};

/**
 * Reads a boot from its traces. The runner does not choose which of several runs counts: it is the
 * first attempt, unless its baseline drifted or its clock failed; an arm's first run, unless it
 * ended by an infrastructure fault. Throws `BAD_TRACE` for a cut trace; `usable` may throw it too,
 * or refuse an arm's trace; `belongs` says whether a trace is of this boot at all.
 */
export function readBoot(source: BootSource): BootReading {
  const { given, context, place, belongs, usable = () => true } = source;
  // A trace counts as the run that its header names: a copied or renamed trace counts as none.
  const trace = (name: string, run: number): Trace | null => {
    const found = given(name, run);
    return found?.header.run === run && belongs(found) ? found : null;
  };
  const attempts = [readAttempt(trace, 1, context, place)];
  if (
    worthRepeating(attempts[0]!.baseline) &&
    trace('baseline', runOf(2, 'first')) &&
    trace('baseline', runOf(2, 'second'))
  )
    attempts.push(readAttempt(trace, 2, context, place));
  const { first, baseline } = attempts.at(-1)!;
  const judge = (name: string, history: ImageHistory | null): ArmVerdict | null => {
    let verdict: ArmVerdict | null = null;
    for (const [index, read] of attempts.entries()) {
      for (const nth of ['first', 'second'] as const) {
        const own = trace(name, runOf(index + 1, nth));
        // Without its first run a second one could be the better of two.
        if (nth === 'second' && !trace(name, runOf(index + 1, 'first'))) continue;
        if (!own || !read.first || !usable(name, own, read.first)) continue;
        verdict = judgeArm(own, read.baseline, context, history);
        // A server's own fault stands, whatever became of the baseline or of a repetition.
        if (isMinerFault(verdict.verdict) || (read.baseline.ok && verdict.verdict === 'VALID'))
          return verdict;
      }
    }
    return verdict;
  };
  return { attempt: attempts.length, first, baseline, judge };
}

function readAttempt(
  trace: (name: string, run: number) => Trace | null,
  attempt: number,
  context: JudgeContext,
  place: string,
): { first: Trace | null; baseline: BaselineReading } {
  const first = trace('baseline', runOf(attempt, 'first'));
  const last = trace('baseline', runOf(attempt, 'second'));
  const lost = (code: string, what: string): BaselineReading => ({
    ok: false,
    verdict: 'INFRA_HOST',
    ...because(code, `${place}: ${what}`),
  });
  if (!first) return { first, baseline: lost('no-trace', 'the baseline has no trace') };
  const baseline = readBaseline(first, last, context);
  if (
    baseline.ok &&
    last &&
    last.requests.some(({ prompt, body }) => compactJson(body) !== bodyOf(first, prompt))
  )
    return {
      first,
      baseline: lost('other-prompts', "the baseline's last run was asked something else"),
    };
  // Without its last run a baseline could hide its drift.
  if (baseline.ok && !last)
    return { first, baseline: lost('no-last-run', 'the baseline has no last run') };
  return { first, baseline };
}

const bodyOf = (trace: Trace, prompt: number): string =>
  compactJson(trace.requests.find((request) => request.prompt === prompt)?.body ?? null);
