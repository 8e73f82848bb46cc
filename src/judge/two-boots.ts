// What the gate makes of a calibrated class: its runs one by one, and two boots of it together.
import { type GateSums, meanNats } from '../arena/margin-sums.ts';
import type { MeasuringRules } from '../schema/arena.ts';
import type {
  Calibration,
  CalibrationClass,
  CalibrationRun,
  CalibrationRuns,
  Margins,
} from '../schema/calibration.ts';
import { calibrated, meanLimitNats } from './margin-limits.ts';
import {
  honestNoise,
  likeliestNoise,
  type NearTie,
  nearTieLimit,
  nearTieSums,
} from './near-ties.ts';
import { pooledFault } from './pooled-gate.ts';
import { meanOf, shareInterval } from './tolerance.ts';

type Run = CalibrationRun & GateSums;

/** Gaps in a file are whole multiples of this, in nats. */
const UNIT = 0.0001;

/** Near-ties as a file lists their gaps. */
export const gapText = (ties: readonly NearTie[]): string =>
  ties
    .map(({ gapNats }) => Math.round(gapNats / UNIT))
    .sort((a, b) => a - b)
    .join(' ');

const tiesIn = (text: string, left: boolean): NearTie[] =>
  text === '' ? [] : text.split(' ').map((gap) => ({ gapNats: Number(gap) * UNIT, left }));

/** Near-ties of a run, from its file. */
export const tiesOf = ({ keptGaps, leftGaps }: CalibrationRun): NearTie[] => [
  ...tiesIn(keptGaps, false),
  ...tiesIn(leftGaps, true),
];

/** What the near-ties of a run add to the sums of a gate. */
function summed(run: CalibrationRun, arena: MeasuringRules): Run {
  const noise = honestNoise(arena);
  const { alteredFactor } = arena.gate;
  const nearTies = noise === null ? null : nearTieSums(tiesOf(run), noise, alteredFactor);
  return { ...run, nearTies };
}

/** Whether one run alone fails the gate. */
function failsAlone(run: Run, arena: MeasuringRules): boolean {
  const { tokens, firstTokenStrikes, bigMargins, faults, nearTies } = run;
  return (
    faults.length > 0 ||
    (nearTies !== null && nearTies.excess > nearTieLimit(nearTies, arena.gate.pooledZ)) ||
    tokens === 0 ||
    meanNats(run) > meanLimitNats(arena) ||
    firstTokenStrikes > arena.gate.firstTokenStrikes ||
    bigMargins >= arena.gate.bigMargins
  );
}

/** What decides of two boots: the arena as it is calibrated, and the margins of honest runs. */
export type TwoBoots = { readonly margins: Margins; readonly arena: MeasuringRules };

/** Share of pairs of a class's runs that two boots would refuse. */
export function refusedInTwoBoots(
  measured: readonly CalibrationRun[],
  { margins, arena }: TwoBoots,
): number {
  const runs = measured.map((run) => summed(run, arena));
  const alone = runs.map((run) => failsAlone(run, arena));
  let [refused, pairs] = [0, 0];
  for (const [i, a] of runs.entries())
    for (const [j, b] of runs.entries()) {
      if (j <= i) continue;
      pairs++;
      if (alone[i]! || alone[j]! || pooledFault([a, b], null, margins, arena)) refused++;
    }
  return pairs === 0 ? 0 : refused / pairs;
}

/** A class as people read it. Nats; shares of 1. */
export type ClassSummary = Pick<CalibrationClass, 'name' | 'kind'> & {
  readonly runs: number;
  readonly meanNats: number;
  readonly largestNats: number;
  /** At near-ties; null where it has none. */
  readonly noiseNats: number | null;
  /** Runs that fail the gate alone. */
  readonly refusedRuns: number;
  /** Share of two boots that are refused, with its interval of 95 %. */
  readonly twoBoots: number;
  readonly low: number;
  readonly high: number;
};

/** Every class of a calibration, by the limits that it gave. */
export function summariseClasses(
  { classes }: Pick<CalibrationRuns, 'classes'>,
  calibration: Pick<Calibration, 'margins' | 'nearTies'>,
  rules: MeasuringRules,
): ClassSummary[] {
  const arena = calibrated(rules, calibration);
  return classes.map(({ name, kind, runs }) => {
    const means = runs.map(meanNats);
    const twoBoots = refusedInTwoBoots(runs, { margins: calibration.margins, arena });
    return {
      ...{ name, kind, runs: runs.length },
      meanNats: means.length === 0 ? 0 : meanOf(means),
      largestNats: Math.max(0, ...means),
      noiseNats: likeliestNoise(runs.flatMap(tiesOf)),
      refusedRuns: runs.filter((run) => failsAlone(summed(run, arena), arena)).length,
      ...{ twoBoots, ...shareInterval(twoBoots, Math.floor(runs.length / 2)) },
    };
  });
}
