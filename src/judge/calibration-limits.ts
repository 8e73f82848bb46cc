// What a calibration's runs come to: limits on margins, the noise of times, and who is caught.
import { meanNats } from '../arena/margin-sums.ts';
import type { Arena, MeasuringRules } from '../schema/arena.ts';
import type {
  Calibration,
  CalibrationClass,
  CalibrationRun,
  CalibrationRuns,
  Margins,
  Noise,
} from '../schema/calibration.ts';
import { DocumentError } from '../schema/errors.ts';
import type { Trace } from '../schema/trace.ts';
import { isMinerFault } from '../schema/verdicts.ts';
import { gateOf } from './arm-gate.ts';
import { type ArmReading, type JudgeContext, readArm } from './arm-reading.ts';
import { ownTimings } from './baseline.ts';
import { calibrated } from './margin-limits.ts';
import { likeliestNoise, nearTiesOf } from './near-ties.ts';
import { summarise } from './score.ts';
import { gapText, refusedInTwoBoots, tiesOf } from './two-boots.ts';
import { covarianceOf, meanOf, sdOf, shareInterval, toleranceLimit } from './tolerance.ts';

/** Runs of a class that say something of its spread. */
const LEAST_RUNS = 3;
/** Boots that the noise of a public tier is taken from at least (RULES "Calibration"). */
export const LEAST_NOISE_BOOTS = 40;
/** A control counts as caught from this share of two boots on. */
const CAUGHT = 0.97;

/** Reasons of the gate that are figures of a run, and not faults by themselves. */
const FIGURES: readonly string[] = ['mean-margin', 'near-ties', 'first-token', 'big-margin'];

/** Near-ties of all scored answers of a run, as a file keeps them. */
function gapsOf({ trace }: ArmReading, { arena, prompts }: JudgeContext) {
  const ties = trace.requests.flatMap(({ prompt, teacher }) =>
    teacher && prompts.scored.includes(prompt) ? nearTiesOf(teacher, arena.gate.nearNats) : [],
  );
  const listed = (left: boolean): string => gapText(ties.filter((tie) => tie.left === left));
  return { keptGaps: listed(false), leftGaps: listed(true) };
}

/** One run of one class, from its trace; null where our own fault spoilt it. */
export function readCalibrationRun(
  trace: Trace,
  context: JudgeContext,
  boot: number,
): CalibrationRun | null {
  const arm = readArm(trace, context);
  if (arm.voided) return null;
  const nothing = { keptGaps: '', leftGaps: '' };
  const none = { tokens: 0, clippedNats: 0, firstTokenStrikes: 0, bigMargins: 0, ...nothing };
  if (arm.fault) {
    if (!isMinerFault(arm.fault.verdict)) return null;
    const faults = [arm.fault.verdict];
    return { boot, ...none, faults, ttftNs: null, tokensPerSecond: null };
  }
  const { tokens, clippedNats, firstTokenStrikes, bigMargins, reasons } = gateOf(
    arm,
    null,
    context,
  );
  const { ttftNs, tokensPerSecond } = summarise(ownTimings(arm, context));
  const timed = Number.isFinite(ttftNs) && tokensPerSecond > 0;
  return {
    ...{ boot, tokens, clippedNats, firstTokenStrikes, bigMargins, ...gapsOf(arm, context) },
    faults: reasons.filter((reason) => !FIGURES.includes(reason)),
    ttftNs: timed ? ttftNs : null,
    tokensPerSecond: timed ? tokensPerSecond : null,
  };
}

const ofKind = ({ classes }: CalibrationRuns, kind: CalibrationClass['kind']): CalibrationClass[] =>
  classes.filter((item) => item.kind === kind);

/** Margins of the noisiest honest class: an honest engine that is noisier than a quiet one stays honest. */
function marginsOf(runs: CalibrationRuns): Margins {
  const able = ofKind(runs, 'honest').flatMap(({ name, runs: all }) => {
    const answered = all.filter(({ tokens }) => tokens > 0);
    if (answered.length < LEAST_RUNS) return [];
    const means = answered.map(meanNats);
    return [{ name, means, answered, p999: toleranceLimit(means) }];
  });
  const [first, ...others] = able;
  if (!first) throw tooFew(`no honest class has ${LEAST_RUNS} runs`);
  const noisiest = others.reduce((most, item) => (item.p999 > most.p999 ? item : most), first);
  const { name, means, answered, p999 } = noisiest;
  const tokens = Math.min(...answered.map((run) => run.tokens));
  return {
    ...{ noisiest: name, runs: means.length, tokens },
    muNats: meanOf(means),
    sigmaNats: sdOf(means),
    p999Nats: p999,
  };
}

/** Noise at near-ties of the noisiest honest class; null where none has any. */
function noisyTiesOf(runs: CalibrationRuns): Calibration['nearTies'] {
  const able = ofKind(runs, 'honest').flatMap(({ name, runs: own }) => {
    const ties = own.flatMap(tiesOf);
    const noiseNats = likeliestNoise(ties);
    return noiseNats === null ? [] : [{ noisiest: name, ties: ties.length, noiseNats }];
  });
  const [first = null, ...others] = able;
  return others.reduce((most, item) => (item.noiseNats > most!.noiseNats ? item : most), first);
}

const tooFew = (what: string): DocumentError =>
  new DocumentError('BAD_CALIBRATION', 'usage', what, 'measure more runs, with --runs');

/** What two runs of one server in one boot differ by, relative to the first. */
function noiseOf({ repeated, classes }: CalibrationRuns): { noise: Noise; boots: number } {
  const first = classes.find(({ kind }) => kind === 'honest')?.runs ?? [];
  const pairs = repeated.flatMap((again) => {
    const once = first.find(({ boot }) => boot === again.boot);
    if (!once?.ttftNs || !once.tokensPerSecond || !again.ttftNs || !again.tokensPerSecond)
      return [];
    return [
      {
        ttft: again.ttftNs / once.ttftNs - 1,
        throughput: again.tokensPerSecond / once.tokensPerSecond - 1,
      },
    ];
  });
  const ttft = pairs.map((pair) => pair.ttft);
  const throughput = pairs.map((pair) => pair.throughput);
  // A faster start is a smaller TTFT: both terms of the score move together where this is negative.
  const covariance = Math.max(0, -covarianceOf(ttft, throughput));
  const most = (value: number): number => Math.min(1, value);
  return {
    noise: {
      ttftSd: most(sdOf(ttft)),
      throughputSd: most(sdOf(throughput)),
      covariance: most(covariance),
    },
    boots: pairs.length,
  };
}

/** Controls that must be caught, and are caught in less than 97 % of two boots. */
export function uncaught({ detection }: Pick<Calibration, 'detection'>): Calibration['detection'] {
  return detection.filter(({ must, twoBoots }) => must && twoBoots < CAUGHT);
}

/**
 * The calibration that runs come to (RULES "Calibration: margins"). Throws `BAD_CALIBRATION` where
 * the runs are too few.
 */
export function calibrationOf(
  runs: CalibrationRuns,
  runsSha256: string,
  rules: Pick<Arena, keyof MeasuringRules>,
): Calibration {
  const margins = marginsOf(runs);
  const nearTies = noisyTiesOf(runs);
  const arena = calibrated<MeasuringRules>(rules, { margins, nearTies });
  const { mustCatch } = arena.gate;
  const detection = ofKind(runs, 'control').map(({ name, runs: own }) => {
    const twoBoots = refusedInTwoBoots(own, { margins, arena });
    const interval = shareInterval(twoBoots, Math.floor(own.length / 2));
    return {
      control: name,
      must: mustCatch.includes(name),
      runs: own.length,
      twoBoots,
      ...interval,
    };
  });
  for (const name of mustCatch)
    if (!detection.some(({ control, runs: count }) => control === name && count >= 2))
      throw tooFew(`the control ${name} (gate.mustCatch) has no two runs`);
  const { noise, boots } = noiseOf(runs);
  const limits = { noise, noiseBoots: boots, margins, nearTies };
  return { schema: 1, tier: runs.tier, ...limits, detection, runsSha256 };
}
