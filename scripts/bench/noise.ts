// The noise models under which the rules are tried: servers that are measured in boots.
import { median } from '../../src/core/median.ts';
import type { Noise } from '../../src/schema/calibration.ts';
import { clipped, type PromptTerms } from '../../src/arena/takeover.ts';

/** Standard deviations are relative: 0.02 is 2 %. */
export type NoiseModel = {
  readonly name: string;
  readonly prompt: number;
  readonly boot: number;
  /** Share of prompts that take five times as long, by whatever fault. */
  readonly odd?: number;
  /** Correlation of a prompt's noise with that of the prompt before it. */
  readonly auto?: number;
  /** Whether what makes TTFT long makes throughput low by as much. */
  readonly together?: boolean;
  /** Half the range by which the slots of a boot differ. */
  readonly arms?: number;
};

/** Eight kinds of noise, of which the first four are what a quiet machine shows. */
export const NOISES: readonly NoiseModel[] = [
  { name: '1 %, .5 %', prompt: 0.01, boot: 0.005 },
  { name: '2 %, .5 %', prompt: 0.02, boot: 0.005 },
  { name: '2 %, .5 %, 5 % of prompts 5x slower', prompt: 0.02, boot: 0.005, odd: 0.05 },
  { name: '2 %, .5 %, autocorrelation .6', prompt: 0.02, boot: 0.005, auto: 0.6 },
  { name: '1 %, 1 %', prompt: 0.01, boot: 0.01 },
  { name: '2 %, 1 %', prompt: 0.02, boot: 0.01 },
  { name: '2 %, 1 %, T and P together', prompt: 0.02, boot: 0.01, together: true },
  { name: '1 %, .3 %, arms +-1.5 %', prompt: 0.01, boot: 0.003, arms: 0.015 },
];

/** Seeded uniform and normal numbers (sfc32, polar method): a table can be made again. */
export class Random {
  #a: number;
  #b = 0x9e3779b9;
  #c = 0x243f6a88;
  #d = 1;
  #spare: number | null = null;

  constructor(seed: number) {
    this.#a = seed >>> 0;
    for (let i = 0; i < 20; i++) this.#next();
  }

  #next(): number {
    const t = (((this.#a + this.#b) | 0) + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + t) | 0;
    return t >>> 0;
  }

  /** Of [0, 1). */
  uniform(): number {
    return this.#next() / 0x1_0000_0000;
  }

  normal(): number {
    if (this.#spare !== null) {
      const spare = this.#spare;
      this.#spare = null;
      return spare;
    }
    for (;;) {
      const u = 2 * this.uniform() - 1;
      const v = 2 * this.uniform() - 1;
      const s = u * u + v * v;
      if (s === 0 || s >= 1) continue;
      const factor = Math.sqrt((-2 * Math.log(s)) / s);
      this.#spare = v * factor;
      return u * factor;
    }
  }
}

/** How fast a server is: times of the baseline's 1, by prompt where `uneven` is given. */
export type Speed = {
  readonly ttft: number;
  readonly rate: number;
  /** Relative sd of its speed from prompt to prompt, the same number for both terms. */
  readonly uneven?: number;
};

/** A server with this score, its gain the same in both terms (TTFT at best half). */
export function speedOf(score: number): Speed {
  const ttft = Math.min(score, 0.5);
  return { ttft: 1 - ttft, rate: 1 + 2 * score - ttft };
}

/** One arm's run over a boot's prompts, relative to the baseline's true times. */
export function measured(
  random: Random,
  model: NoiseModel,
  { ttft, rate, uneven = 0 }: Speed,
  prompts: number,
): PromptTerms[] {
  const slot = model.arms === undefined ? 0 : model.arms * (2 * random.uniform() - 1);
  const bootT = model.boot * random.normal() + slot;
  const bootP = model.together ? bootT : model.boot * random.normal() + slot;
  const { auto = 0, odd = 0 } = model;
  const fresh = Math.sqrt(1 - auto * auto);
  let t = random.normal();
  let p = random.normal();
  const run: PromptTerms[] = [];
  for (let i = 0; i < prompts; i++) {
    t = auto * t + fresh * random.normal();
    p = model.together ? t : auto * p + fresh * random.normal();
    const slow = odd > 0 && random.uniform() < odd ? 5 : 1;
    const taste = uneven === 0 ? 0 : uneven * random.normal();
    run.push({
      ttftNs: ttft * (1 + bootT + model.prompt * t - taste) * slow,
      tokensPerSecond: (rate * (1 - bootP - model.prompt * p + taste)) / slow,
    });
  }
  return run;
}

/** Medians of a run, as a score takes them. */
export function mediansOf(run: readonly PromptTerms[]): PromptTerms {
  return {
    ttftNs: median(run.map(({ ttftNs }) => ttftNs)),
    tokensPerSecond: median(run.map(({ tokensPerSecond }) => tokensPerSecond)),
  };
}

const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** A calibration under this noise: one server against itself over some boots. */
export function calibrated(
  random: Random,
  model: NoiseModel,
  { boots, prompts }: { readonly boots: number; readonly prompts: number },
): Noise {
  const self = { ttft: 1, rate: 1 };
  const differences = Array.from({ length: boots }, () => {
    const [one, other] = [
      measured(random, model, self, prompts),
      measured(random, model, self, prompts),
    ];
    const middle = mediansOf(one);
    const of = (key: keyof PromptTerms): number =>
      meanOf(
        clipped(
          one.map((item, i) => (other[i]![key] - item[key]) / middle[key]),
          3,
        ),
      );
    return { t: of('ttftNs'), p: of('tokensPerSecond') };
  });
  const square = meanOf(differences.map(({ t }) => t * t));
  const rate = meanOf(differences.map(({ p }) => p * p));
  const both = meanOf(differences.map(({ t, p }) => -t * p));
  return {
    ttftSd: Math.sqrt(square),
    throughputSd: Math.sqrt(rate),
    covariance: Math.max(0, both),
  };
}
