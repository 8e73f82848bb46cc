// Command that measures a hardware tier's calibration: limits of the gate, noise of times, who is caught.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { measureCalibration } from '../compose/calibrating.ts';
import { UsageError } from '../compose/errors.ts';
import { arenaPath, readArena, ROOT } from '../compose/repository.ts';
import { HOTKEY_VARIABLE, keyPair } from '../chain/io/key-pairs.ts';
import { utf8 } from '../core/bytes.ts';
import { renderJson } from '../core/canonical.ts';
import { messageOf } from '../core/errors.ts';
import { sha256Hex } from '../core/hash.ts';
import { calibrationOf, LEAST_NOISE_BOOTS, uncaught } from '../judge/calibration-limits.ts';
import { calibrated, meanLimitNats } from '../judge/margin-limits.ts';
import { honestNoise } from '../judge/near-ties.ts';
import { summariseClasses } from '../judge/two-boots.ts';
import type { Calibrated } from '../pipeline/calibrate/calibrate.ts';
import { codeTree } from '../ledger/io/git-store.ts';
import { signerOf } from '../ledger/io/signing-key.ts';
import { signatureFile } from '../ledger/sign.ts';
import { writeWhole } from '../node/atomic-file.ts';
import { openCorpus } from '../prompts/io/corpus-folder.ts';
import type { Arena } from '../schema/arena.ts';
import {
  type Calibration,
  calibrationRunsSchema,
  type CalibrationRuns,
} from '../schema/calibration.ts';
import type { Invocation, RunCommand } from './command.ts';
import { optional, required, seedOf, wholeNumber } from './options.ts';
import { give } from './output.ts';

/** Boots, unless told otherwise: as many as the noise of a public tier wants. */
const RUNS = LEAST_NOISE_BOOTS;
const MOST_RUNS = 1000;

const nat = (value: number): string => (value === 0 ? '0' : value.toExponential(2));
const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;

/** What was measured, and what it comes to, as people read it. */
function* lines(runs: CalibrationRuns, calibration: Calibration, arena: Arena): Generator<string> {
  const { margins, nearTies, detection, noise, noiseBoots } = calibration;
  const held = calibrated(arena, calibration);
  const width = Math.max(...runs.classes.map(({ name }) => name.length));
  yield `  ${'class'.padEnd(width)}  kind     runs  mean margin  largest   noise   refused: runs, two boots`;
  for (const found of summariseClasses(runs, calibration, arena)) {
    const { name, kind, meanNats, largestNats, noiseNats, refusedRuns, twoBoots } = found;
    const must = detection.some((item) => item.control === name && item.must);
    yield [
      ...[`  ${name.padEnd(width)}`, kind.padEnd(7), String(found.runs).padStart(4)],
      ...[nat(meanNats).padEnd(11), nat(largestNats).padEnd(8)],
      noiseNats === null ? '-'.padEnd(6) : noiseNats.toFixed(4),
      `${refusedRuns}, ${percent(twoBoots)} (${percent(found.low)} to ${percent(found.high)})${must ? ', must be caught' : ''}`,
    ].join('  ');
  }
  yield `noisiest honest class ${margins.noisiest}: mean ${nat(margins.muNats)} nat, sd ${nat(margins.sigmaNats)}, tolerance limit ${nat(margins.p999Nats)} of ${margins.runs} runs`;
  yield `limit on the mean margin of a boot: ${nat(meanLimitNats(held))} nat`;
  if (nearTies)
    yield `noise at near-ties: ${nearTies.noiseNats.toFixed(4)} nat (${nearTies.noisiest}, ${nearTies.ties} near-ties), taken for ${honestNoise(held)!.toFixed(4)}`;
  yield `two runs of one server differ by ${percent(noise.ttftSd)} in TTFT and ${percent(noise.throughputSd)} in throughput (${noiseBoots} boots)`;
}

/** Runs that were measured before, to be looked at again. Throws `USAGE`. */
function runsFrom(path: string): CalibrationRuns {
  const file = resolve(path);
  const bad = (what: string): UsageError =>
    new UsageError(`${file}: ${what}`, 'name a runs.json that cacheon calibrate wrote');
  if (!existsSync(file)) throw bad('there is no such file');
  try {
    return calibrationRunsSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw bad(messageOf(error).replace(/\s+/g, ' ').slice(0, 200));
  }
}

/** Measures the classes; what each boot adds is on disk at once. */
async function measureRuns(
  invocation: Invocation,
  arena: Arena,
  save: (runs: CalibrationRuns) => void,
): Promise<CalibrationRuns> {
  const { log } = invocation;
  const seed = seedOf(invocation);
  const head = {
    ...{ schema: 1 as const, tier: required(invocation, 'tier'), model: arena.model.name, seed },
    ...{ tree: await codeTree(ROOT), node: process.version },
  };
  const runsOf = ({ classes, repeated }: Calibrated, host: CalibrationRuns['host']) => ({
    ...{ ...head, host, classes: [...classes], repeated: [...repeated] },
  });
  const measured = await measureCalibration({
    ...{ root: ROOT, arena, seed, log },
    corpus: openCorpus(arena.corpus, optional(invocation, 'corpus'), log),
    runs: wholeNumber(invocation, 'runs', 1, MOST_RUNS) ?? RUNS,
    only: optional(invocation, 'classes')?.split(',') ?? null,
    engineCommand: optional(invocation, 'engine-command') ?? null,
    done: (soFar) => save(runsOf(soFar, {})),
  });
  return runsOf(measured, { ...measured.host });
}

/**
 * `cacheon calibrate`: measures honest classes and controls of an arena on this machine, and writes
 * DIR/<tier>.json with the limits that follow, beside DIR/<tier>.runs.json with every run. Exit code
 * 1 where a control that must be caught is not.
 */
export const calibrateCommand: RunCommand = async (invocation) => {
  const { log } = invocation;
  const arena = readArena(arenaPath(optional(invocation, 'arena'), '.github/arena.json'));
  const out = resolve(required(invocation, 'out'));
  const from = optional(invocation, 'from');
  const save = (runs: CalibrationRuns): string => {
    const text = renderJson(calibrationRunsSchema.parse(runs));
    writeWhole(join(out, `${runs.tier}.runs.json`), text);
    return text;
  };
  const runs = from === undefined ? await measureRuns(invocation, arena, save) : runsFrom(from);
  const calibration = calibrationOf(runs, sha256Hex(save(runs)), arena);
  const text = renderJson(calibration);
  give(invocation, text, lines(runs, calibration, arena));
  const missed = uncaught(calibration);
  for (const { control, twoBoots } of missed)
    log.warn(
      `the control ${control} is caught in ${percent(twoBoots)} of two boots, 97 % are needed: nothing is written. A quieter reference, more prompts a boot, or prompts with more near-ties would help`,
    );
  if (missed.length > 0) return 1;
  writeWhole(join(out, `${runs.tier}.json`), text);
  if (invocation.values['sign'] === true) {
    const pair = keyPair(process.env[HOTKEY_VARIABLE], HOTKEY_VARIABLE);
    const signature = signatureFile(signerOf(pair), utf8(text));
    writeWhole(join(out, `${runs.tier}.json.sig`), signature);
  }
  log.info(
    `${join(out, `${runs.tier}.json`)}: put it beside the arena file, under calibration/, and name its sha256 there: ${sha256Hex(text)}`,
  );
  return 0;
};
