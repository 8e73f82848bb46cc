// Looks for an arrival schedule that earns a guesser more than sending each token when it has it.
import { type Compute, computed, scoreOfTimes } from './schedules.ts';

/** A schedule: which tokens are guessed right, and what each is held back beyond its time. */
type Schedule = { readonly guesses: ReadonlySet<number>; readonly holdMs: readonly number[] };

/** What a search starts from. */
export type Search = {
  readonly server: Compute;
  readonly baseline: Compute;
  /** Tokens of an answer that may be guessed right, wherever they stand. */
  readonly guesses: number;
  readonly steps: number;
  readonly seed: number;
};

/** A uniform number of [0, 1) from a seed (mulberry32). */
function uniformFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** No token arrives before the one ahead of it, nor before it is computed, unless it was guessed. */
function arrivalsOf({ guesses, holdMs }: Schedule, times: readonly number[]): number[] {
  let last = 0;
  return times.map((ms, i) => {
    const ready = guesses.has(i) ? 0.1 : ms;
    last = Math.max(last, ready + holdMs[i]!);
    return last;
  });
}

/** One random change: guesses elsewhere, a stretch held back, packed, or let go again. */
function changed(
  { guesses, holdMs }: Schedule,
  { server, guesses: most }: Search,
  draw: () => number,
) {
  const { tokens, prefillMs, tokenMs } = server;
  const below = (n: number): number => Math.floor(draw() * n);
  // Near the beginning: there the TTFT is read.
  const near = (): number => below(draw() < 0.7 ? Math.min(48, tokens) : tokens);
  const kind = below(5);
  if (kind === 0) {
    const first = draw() < 0.5 ? 0 : near();
    const moved = new Set(
      Array.from({ length: most }, (_, i) => (draw() < 0.7 ? first + i : near())),
    );
    return { guesses: moved, holdMs };
  }
  const from = near();
  const to = Math.min(tokens, from + 1 + below(draw() < 0.5 ? 24 : tokens));
  const amount = draw() * (draw() < 0.5 ? prefillMs : 12 * tokenMs);
  const hold = (i: number): number => {
    if (kind === 1) return amount;
    if (kind === 2) return 0;
    if (kind === 3) return (to - 1 - i) * tokenMs;
    return holdMs[i]! + amount * (draw() - 0.5);
  };
  const held = holdMs.map((ms, i) => (i < from || i >= to ? ms : Math.max(0, hold(i))));
  return { guesses, holdMs: held };
}

/** The largest gain in score over honest sending that hill-climbing finds; 0 where it finds none. */
export function largestGain(search: Search): number {
  const { server, baseline, guesses, steps, seed } = search;
  const draw = uniformFrom(seed);
  const base = computed(baseline);
  const times = computed(server);
  const honest = scoreOfTimes(times, base);
  let best: Schedule = {
    guesses: new Set(Array.from({ length: guesses }, (_, i) => i)),
    holdMs: times.map(() => 0),
  };
  let most = scoreOfTimes(arrivalsOf(best, times), base);
  for (let step = 0; step < steps; step++) {
    const next = changed(best, search, draw);
    const score = scoreOfTimes(arrivalsOf(next, times), base);
    if (score < most) continue;
    best = next;
    most = score;
  }
  return most - honest;
}
