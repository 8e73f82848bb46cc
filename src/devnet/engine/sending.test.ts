// What each engine's way of sending earns or costs, in virtual time: tricks gain nothing.
import { describe, expect, it } from 'vitest';
import { computed, LARGE, scoreOfTimes } from '../../testing/schedules.ts';
import { asComputed, guessedFirst, packedBy, slowed, type Wait } from './sending.ts';
import type { Variant } from './variant.ts';
import { VARIANTS } from './variants/index.ts';

/** Ms of one step, and of reading the prompt: an engine that is no faster than the baseline. */
const { prefillMs, tokenMs, tokens } = LARGE;
const baseline = computed(LARGE);

/** When the tokens of an answer of this engine would arrive, if its every draft were confirmed. */
async function arrivals({ send = asComputed, draft, guess }: Partial<Variant>): Promise<number[]> {
  let nowMs = 0;
  const wait: Wait = (ms) => {
    nowMs += ms;
    return Promise.resolve();
  };
  async function* steps(): AsyncGenerator<number[]> {
    let count = 0;
    for (nowMs += prefillMs; count < tokens; nowMs += tokenMs) {
      const size = count === 0 ? 1 : 1 + (draft?.(count) ?? 0);
      const batch = Array.from({ length: Math.min(size, tokens - count) }, (_, i) => count + i);
      count += batch.length;
      yield batch;
      await Promise.resolve();
    }
  }
  const guesses = Array.from({ length: guess?.tokens ?? 0 }, (_, i) => i);
  const ready = guess ? guessedFirst(steps(), guesses) : steps();
  const times: number[] = [];
  for await (const batch of send(ready, wait)) times.push(...batch.map(() => nowMs));
  return times;
}
/** What an engine's times earn, and what they would if the first token told the TTFT. */
async function scores(variant: Partial<Variant>): Promise<{ rule: number; naive: number }> {
  const times = await arrivals(variant);
  expect(times).toHaveLength(tokens);
  return { rule: scoreOfTimes(times, baseline), naive: scoreOfTimes(times, baseline, true) };
}
const engines = [...VARIANTS.values()];

describe('an engine as fast as the baseline', () => {
  for (const variant of engines.filter(({ honest, altersTokens }) => !honest && !altersTokens))
    it(`gains nothing by its trick: ${variant.name}`, async () => {
      const { rule, naive } = await scores(variant);
      expect(rule).toBeLessThanOrEqual(0.02);
      // What it hopes for: without the rule a guess is worth the whole pool four times over.
      if (variant.guess) expect(naive).toBeGreaterThan(0.4);
    });
  it.each([1, 2, 3, 4, 8, 16, 64, 512])('gains nothing by %i tokens an event', async (size) => {
    expect((await scores({ send: packedBy(size) })).rule).toBeLessThanOrEqual(0.001);
  });
});

/** What honest forms are charged beside a reading of the first token; RULES "TTFT" prints them. */
const CHARGED: readonly (readonly [name: string, variant: Partial<Variant>, most: number])[] = [
  ['one token a step', {}, 0],
  ['drafts of two', { draft: () => 2 }, 0.02],
  ['drafts of four', { draft: () => 4 }, 0.02],
  ['drafts that shrink', VARIANTS.get('draft-shrinking')!, 0.02],
  ['drafts of one and two in turn', { draft: (count) => 1 + (count % 2) }, 0.02],
  ['a slow first step', { send: slowed(2, 2, 2 * tokenMs) }, 0.03],
  ['drafts that grow', VARIANTS.get('draft-growing')!, 0.16],
  ['eight slow first steps', VARIANTS.get('slow-start')!, 0.08],
];

describe('an honest engine that sends each token when it has it', () => {
  it.each(CHARGED)('is charged little: %s', async (_name, variant, most) => {
    const { rule, naive } = await scores(variant);
    expect(naive - rule).toBeLessThanOrEqual(most);
    expect(naive - rule).toBeGreaterThanOrEqual(-0.001);
  });
});
