// Tries of a challenger under a noise model, boot by boot, by the project's own rule.
import {
  bootDifference,
  type Contest,
  controlRatioOf,
  decide,
  firstZ,
  mostBoots,
  type Pair,
  promptScore,
  type TakeoverRules,
} from '../../src/arena/takeover.ts';
import { scoring, takeover } from '../../src/schema/arena-parts.ts';
import type { Noise } from '../../src/schema/calibration.ts';
import { calibrated, measured, mediansOf, type NoiseModel, Random, type Speed } from './noise.ts';

export const RULES: TakeoverRules = { takeover: takeover.parse({}), scoring: scoring.parse({}) };
/** Prompts of boot 1 and of later boots, as the arena has them. */
const PROMPTS = { first: 10, later: 20 } as const;
const SELF: Speed = { ttft: 1, rate: 1 };
export const COPIES = 200_000;
export const TRIES = 3000;
/** Tries under one calibration, before the next one is made. */
const A_DAY = 50;

/** What a day at a validator is like: the noise, its calibration, its role controls. */
export type Day = {
  readonly random: Random;
  readonly model: NoiseModel;
  readonly noise: Noise;
  readonly controlRatio: number;
};

/** Who tries, against whom; `slowBoots`: in which boots the winner is slower by how much. */
export type Match = {
  readonly winner: Speed | null;
  readonly challenger: Speed;
  readonly slow?: { readonly boot: number; readonly by: number };
};
type Outcome = { readonly crowned: boolean; readonly boots: number; readonly z1: number };

/** The baseline in a challenger's slot, over as many rounds as are remembered. */
function controlsOf(random: Random, model: NoiseModel): number[] {
  return Array.from({ length: RULES.takeover.controls }, () => {
    const baseline = measured(random, model, SELF, PROMPTS.first);
    const again = measured(random, model, SELF, PROMPTS.first);
    const medians = mediansOf(baseline);
    const contest = { baseline: medians, opponent: { ...medians, score: 0 }, clamped: false };
    const pair = { challenger: again, opponent: baseline };
    return bootDifference({ ...contest, noise: null, controlRatio: 1 }, pair, RULES)!.d;
  });
}

/** A day whose calibration was made on one as noisy, or on one so many times as noisy. */
export function dayOf(random: Random, model: NoiseModel, quieter = 1, controls = true): Day {
  const { prompt, boot, arms = 0 } = model;
  const then = { ...model, prompt: prompt * quieter, boot: boot * quieter, arms: arms * quieter };
  const noise = calibrated(random, then, { boots: 40, prompts: PROMPTS.first });
  const controlRatio = controls ? controlRatioOf(controlsOf(random, model), noise, RULES) : 1;
  return { random, model, noise, controlRatio };
}

/** One try, boot by boot, as a validator would measure it. */
function play(
  { random, model, noise, controlRatio }: Day,
  { winner, challenger, slow }: Match,
): Outcome {
  const pairs: Pair[] = [];
  const baseline = measured(random, model, SELF, PROMPTS.first);
  const medians = mediansOf(baseline);
  let contest: Contest | null = null;
  let score = 0;
  for (let boot = 1; boot <= mostBoots(RULES); boot++) {
    const prompts = boot === 1 ? PROMPTS.first : PROMPTS.later;
    const factor = slow?.boot === boot ? 1 - slow.by : 1;
    const held = winner ?? SELF;
    const now = { ...held, ttft: held.ttft / factor, rate: held.rate * factor };
    const stock = winner === null && boot === 1 ? baseline : null;
    const opponent = stock ?? measured(random, model, now, prompts);
    const own = measured(random, model, challenger, prompts);
    if (contest === null) {
      const opposed = mediansOf(opponent);
      const worth = winner === null ? 0 : promptScore(medians, opposed, RULES.scoring);
      // A winner that is worth nothing leaves its slot to the baseline; none here is.
      contest = {
        ...{ baseline: medians, opponent: { ...opposed, score: worth }, noise, controlRatio },
        clamped: winner !== null,
      };
      score = promptScore(medians, mediansOf(own), RULES.scoring);
    }
    pairs.push({ boot, challenger: own, opponent });
    const decision = decide(contest, score, pairs, RULES);
    if (decision.goesOn) continue;
    return { crowned: decision.takesOver, boots: boot, z1: firstZ(contest, pairs[0]!, RULES) };
  }
  throw new Error('a try ends by its last boot');
}

export type Summary = {
  readonly share: number;
  readonly boots: number;
  /** Share of tries that had more than one boot. */
  readonly later: number;
  readonly second: number;
};

/** Many tries: how often the challenger was crowned, and over how many boots on average. */
export function playMany(
  model: NoiseModel,
  match: Match,
  tries: number,
  day: (random: Random) => Day = (random) => dayOf(random, model),
): Summary {
  const random = new Random(tries + Math.round(1e4 * model.prompt + 1e6 * model.boot));
  let crowned = 0;
  let boots = 0;
  let later = 0;
  let second = 0;
  let today = day(random);
  for (let i = 0; i < tries; i++) {
    if (i > 0 && i % A_DAY === 0) today = day(random);
    const outcome = play(today, match);
    if (outcome.crowned) crowned++;
    if (outcome.z1 >= RULES.takeover.second) second++;
    boots += outcome.boots;
    if (outcome.boots > 1) later++;
  }
  return {
    share: crowned / tries,
    boots: boots / tries,
    later: later / tries,
    second: second / tries,
  };
}
