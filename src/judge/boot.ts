// Chooses which of several repeated runs of a server and its baseline counts.
import { because } from '../schema/reasons.ts';
import type { Trace } from '../schema/trace.ts';
import { isInfraFault, isMinerFault, type Verdict } from '../schema/verdicts.ts';
import type { JudgeContext } from './arm-reading.ts';
import { type ArmVerdict, judgeArm, unlessCut, withoutNumbers } from './arm.ts';
import { type BaselineReading, readBaseline } from './baseline.ts';

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

/** Faults that another run cannot change: of the image, and of the tokens it gave. */
const CERTAIN: readonly Verdict[] = ['E_IMAGE_POLICY', 'E_COPY', 'E_GATE'];

/**
 * Whether an incumbent's fault is one that its repetition must confirm (RULES "Incumbents"). Were one
 * kind neither repeated nor counted, a winner could end every takeover by it and keep its place.
 */
function needsConfirming(verdict: Verdict): boolean {
  return isMinerFault(verdict) && !CERTAIN.includes(verdict);
}

/** Whether a run is measured once more: it says nothing, or may cost an incumbent its place. */
export function isWorthAnother(verdict: Verdict | null, incumbent: boolean): boolean {
  if (verdict === null) return false;
  return isInfraFault(verdict) || (incumbent && needsConfirming(verdict));
}

/** Whose arm it is, by the name of its trace. */
export type ArmName = {
  readonly name: string;
  readonly incumbent: boolean;
};

/** A boot, read: its baseline, and what becomes of each arm. */
export type BootReading = {
  readonly attempt: number;
  readonly first: Trace | null;
  readonly baseline: BaselineReading;
  /** The verdict of an arm; null where it has no usable trace. */
  readonly judge: (arm: ArmName) => ArmVerdict | null;
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
  readonly usable?: (name: string, own: Trace) => boolean;
  /** `times`: no gate is asked, as nothing was forced yet. */
  readonly look?: 'all' | 'times';
  /** Whether a cut baseline ends this boot alone: else it throws. */
  readonly toleratesCuts?: boolean;
};

/** A trace counts as the run that its header names: a copied or renamed trace counts as none. */
const givenBy =
  ({ given, belongs }: BootSource) =>
  (name: string, run: number): Trace | null => {
    const found = given(name, run);
    return found?.header.run === run && belongs(found) ? found : null;
  };

/** The verdicts of an arm's run and of its repetition, as far as there are any. */
type Runs = { readonly first: ArmVerdict | null; readonly second: ArmVerdict | null };

/**
 * Which of two runs counts. A server's own fault stands, whatever became of a repetition; but an
 * incumbent's counts only where it ended in a fault twice. Without its first run a second
 * one could be the better of two.
 */
function countingRun({ first, second }: Runs, incumbent: boolean): ArmVerdict | null {
  if (first === null) return null;
  const unconfirmed = ({ reason }: ArmVerdict): ArmVerdict =>
    withoutNumbers('INFRA_HOST', because('no-repetition', `${reason}: not repeated`));
  const doubted = ({ verdict }: ArmVerdict): boolean => incumbent && needsConfirming(verdict);
  if (doubted(first)) return second ?? unconfirmed(first);
  if (!isInfraFault(first.verdict) || second === null) return first;
  return doubted(second) ? unconfirmed(second) : second;
}

/**
 * Reads boot 1 from its traces. The runner does not choose which of several runs counts: it is the
 * first attempt, unless its baseline drifted or its clock failed; an arm's first run, unless it
 * ended by an infrastructure fault. Throws `BAD_TRACE` for a cut trace, of a baseline only unless
 * `toleratesCuts`; `usable` may throw it too, or refuse an arm's trace; `belongs` says whether a
 * trace is of this boot at all.
 */
export function readBoot(source: BootSource): BootReading {
  const trace = givenBy(source);
  const attempts = [readAttempt(trace, 1, source)];
  if (
    worthRepeating(attempts[0]!.baseline) &&
    trace('baseline', runOf(2, 'first')) &&
    trace('baseline', runOf(2, 'second'))
  )
    attempts.push(readAttempt(trace, 2, source));
  const judge = (arm: ArmName): ArmVerdict | null => {
    let verdict: ArmVerdict | null = null;
    for (const [index, { first, baseline }] of attempts.entries()) {
      const run = (nth: Nth): ArmVerdict | null => {
        const own = trace(arm.name, runOf(index + 1, nth));
        return own && first && judgeRun(own, { arm, baseline, source, same: true });
      };
      verdict =
        countingRun({ first: run('first'), second: run('second') }, arm.incumbent) ?? verdict;
      if (verdict && isMinerFault(verdict.verdict)) return verdict;
    }
    return verdict;
  };
  const { first, baseline } = attempts.at(-1)!;
  return { attempt: attempts.length, first, baseline, judge };
}

/** Reads a later boot, which has no baseline of its own: that of the shard's boot 1 counts. */
export function readLaterBoot(source: BootSource, baseline: BaselineReading): BootReading['judge'] {
  const trace = givenBy(source);
  return (arm) => {
    const run = (nth: Nth): ArmVerdict | null => {
      const own = trace(arm.name, runOf(1, nth));
      return own && judgeRun(own, { arm, baseline, source, same: false });
    };
    return countingRun({ first: run('first'), second: run('second') }, arm.incumbent);
  };
}

/** What a run of an arm is judged with. */
type Beside = {
  readonly arm: ArmName;
  readonly baseline: BaselineReading;
  readonly source: BootSource;
  readonly same: boolean;
};

function judgeRun(own: Trace, { arm, baseline, source, same }: Beside): ArmVerdict | null {
  const { context, usable = () => true, look = 'all' } = source;
  if (!usable(arm.name, own)) return null;
  return judgeArm(own, baseline, context, { same, look });
}

function readAttempt(
  trace: (name: string, run: number) => Trace | null,
  attempt: number,
  { context, place, toleratesCuts = false }: BootSource,
): { first: Trace | null; baseline: BaselineReading } {
  const first = trace('baseline', runOf(attempt, 'first'));
  const last = trace('baseline', runOf(attempt, 'second'));
  const lost = (code: string, what: string): BaselineReading => ({
    ok: false,
    verdict: 'INFRA_HOST',
    ...because(code, `${place}: ${what}`),
  });
  if (!first) return { first, baseline: lost('no-trace', 'the baseline has no trace') };
  // A machine that died before the reference spoke: what other machines measured still counts.
  const cut = (): BaselineReading => lost('cut-baseline', "the baseline's trace is cut");
  const read = (): BaselineReading => readBaseline(first, last, context);
  const baseline = toleratesCuts ? (unlessCut(read) ?? cut()) : read();
  if (
    baseline.ok &&
    last &&
    last.requests.some(({ prompt, bodySha256 }) => bodySha256 !== bodyOf(first, prompt))
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

const bodyOf = ({ requests }: Trace, prompt: number): string | undefined =>
  requests.find((request) => request.prompt === prompt)?.bodySha256;
