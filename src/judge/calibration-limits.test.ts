// What a calibration's runs come to: the noisiest class's limits, and whether controls are caught.
import { describe, expect, it } from 'vitest';
import { encodeSs58 } from '../core/ss58.ts';
import { sha256 } from '../core/hash.ts';
import type { CalibrationClass, CalibrationRun, CalibrationRuns } from '../schema/calibration.ts';
import { testArena } from '../testing/test-arena.ts';
import { calibrationOf, uncaught } from './calibration-limits.ts';
import { refusedInTwoBoots } from './two-boots.ts';

const base = testArena(encodeSs58(sha256('treasury')));
const arena = { ...base, gate: { ...base.gate, floorNats: 0, mustCatch: ['fp8'] } };
const run = (
  boot: number,
  meanNats: number,
  more: Partial<CalibrationRun> = {},
): CalibrationRun => ({
  ...{ boot, tokens: 5000, clippedNats: 5000 * meanNats, firstTokenStrikes: 0, bigMargins: 0 },
  ...{
    keptGaps: '',
    leftGaps: '',
    faults: [],
    ttftNs: 1e8 * (1 + boot / 100),
    tokensPerSecond: 100 - boot,
    ...more,
  },
});
const classOf = (
  name: string,
  kind: CalibrationClass['kind'],
  means: readonly number[],
): CalibrationClass => ({ name, kind, runs: means.map((mean, i) => run(i + 1, mean)) });
const quiet = Array.from({ length: 25 }, (_, i) => 1e-5 * (1 + (i % 5)));
const loud = quiet.map((mean) => 3 * mean);
const runsOf = (...classes: CalibrationClass[]): CalibrationRuns => ({
  ...{ schema: 1, tier: 't', model: 'm', seed: '0x', tree: 't', node: 'v24', host: {} },
  repeated: classes[0]!.runs.map(({ boot, ttftNs, tokensPerSecond }) =>
    run(boot, 0, {
      ttftNs: ttftNs! * (boot % 2 === 0 ? 1.02 : 0.98),
      tokensPerSecond: tokensPerSecond! * (boot % 2 === 0 ? 0.99 : 1.01),
    }),
  ),
  classes,
});
const fp8 = classOf(
  'fp8',
  'control',
  quiet.map(() => 1e-3),
);

describe('a calibration', () => {
  it('takes its limits from the noisiest honest class', () => {
    const { margins, noise, noiseBoots } = calibrationOf(
      runsOf(classOf('plain', 'honest', quiet), classOf('eager', 'honest', loud), fp8),
      'f'.repeat(64),
      arena,
    );
    expect(margins).toMatchObject({ noisiest: 'eager', runs: 25, tokens: 5000 });
    expect(margins.muNats).toBeCloseTo(9e-5, 10);
    expect(margins.p999Nats).toBeGreaterThan(Math.max(...loud));
    expect(noise.ttftSd).toBeCloseTo(0.0204, 3);
    expect(noise.throughputSd).toBeCloseTo(0.0102, 3);
    expect(noise.covariance).toBeCloseTo(0.0204 * 0.0102, 5);
    expect(noiseBoots).toBe(25);
  });
  it('takes the noise at near-ties from the noisiest honest class, and catches what has more', () => {
    const gaps = Array.from({ length: 200 }, (_, i) => 10 * (i + 1));
    const swapped = (share: number) => ({
      keptGaps: gaps.slice(Math.round(share * gaps.length)).join(' '),
      leftGaps: gaps.slice(0, Math.round(share * gaps.length)).join(' '),
    });
    const noisy = (name: string, kind: CalibrationClass['kind'], share: number) => ({
      ...{ name, kind, runs: quiet.map((mean, i) => run(i + 1, mean, swapped(share))) },
    });
    const all = runsOf(
      ...[noisy('still', 'honest', 0.01), noisy('eager', 'honest', 0.1)],
      ...[noisy('fp8', 'control', 0.3), noisy('int8', 'control', 0.1)],
    );
    const { nearTies, detection } = calibrationOf(all, 'f', arena);
    expect(nearTies).toMatchObject({ noisiest: 'eager', ties: 5000 });
    expect(nearTies!.noiseNats).toBeGreaterThan(0.025);
    expect(detection).toMatchObject([{ twoBoots: 1 }, { twoBoots: 0 }]);
    const blind = runsOf(classOf('plain', 'honest', quiet), fp8);
    expect(calibrationOf(blind, 'f', arena).nearTies).toBeNull();
  });
  it('says how often each control is caught, and which must be and is not', () => {
    const weak = classOf('int8', 'control', quiet);
    const found = calibrationOf(runsOf(classOf('plain', 'honest', loud), fp8, weak), 'f', arena);
    expect(found.detection).toMatchObject([
      { control: 'fp8', must: true, twoBoots: 1 },
      { control: 'int8', must: false, twoBoots: 0 },
    ]);
    expect(uncaught(found)).toEqual([]);
    const half = { ...fp8, runs: fp8.runs.map((item, i) => (i < 15 ? run(i, 0) : item)) };
    const missed = calibrationOf(runsOf(classOf('plain', 'honest', loud), half), 'f', arena);
    expect(uncaught(missed).map(({ control }) => control)).toEqual(['fp8']);
  });
  it('refuses runs that are too few, and names what is missing', () => {
    const few = classOf('plain', 'honest', [0, 0]);
    expect(() => calibrationOf(runsOf(few, fp8), 'f', arena)).toThrow(/no honest class has 3 runs/);
    const plain = classOf('plain', 'honest', quiet);
    expect(() => calibrationOf(runsOf(plain), 'f', arena)).toThrow(
      /the control fp8 .* no two runs/,
    );
  });
});

describe('two boots', () => {
  const { margins } = calibrationOf(runsOf(classOf('plain', 'honest', loud), fp8), 'f', arena);
  it.each([
    ['a first token off in two answers', { firstTokenStrikes: 2 }],
    ['two big margins', { bigMargins: 2 }],
    ['a fault of its own', { faults: ['E_TIMEOUT'] }],
    ['no token at all', { tokens: 0 }],
  ])('refuse %s in either of them', (_, more) => {
    expect(refusedInTwoBoots([run(1, 0), run(2, 0, more)], { margins, arena })).toBe(1);
  });
  it('refuse by their mean what neither shows alone, and no honest ones', () => {
    const near = 3.5 * margins.muNats;
    expect(refusedInTwoBoots([run(1, near), run(2, near)], { margins, arena })).toBe(1);
    const honest = classOf('plain', 'honest', loud).runs;
    expect(refusedInTwoBoots(honest, { margins, arena })).toBe(0);
    expect(refusedInTwoBoots([run(1, 0)], { margins, arena })).toBe(0);
  });
});
