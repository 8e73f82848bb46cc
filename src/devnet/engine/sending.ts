// How computed tokens leave a server: at once, packed, held back, or slowed down.

/** Tokens that leave in one event. */
type Batch<T> = readonly T[];
/** Lets time pass: real in an engine, virtual in a test. */
export type Wait = (ms: number) => Promise<void>;
/** What becomes of the batches that a model computes, before they are sent. */
export type Sending = <T>(computed: AsyncIterable<Batch<T>>, wait: Wait) => AsyncIterable<Batch<T>>;

/** Each batch once it is computed. */
export const asComputed: Sending = (computed) => computed;

/** Everything in one piece, at the end. */
export const allAtOnce: Sending = async function* (computed) {
  const all = [];
  for await (const batch of computed) all.push(...batch);
  yield all;
};

/** At least so many tokens in an event; in the first one as many as `first` says. */
export function packedBy(tokens: number, first = tokens): Sending {
  return async function* <T>(computed: AsyncIterable<Batch<T>>) {
    let held: T[] = [];
    let least = first;
    for await (const batch of computed) {
      held.push(...batch);
      if (held.length < least) continue;
      yield held;
      held = [];
      least = tokens;
    }
    if (held.length > 0) yield held;
  };
}

/** Tokens of a stretch (1-based, both ends included) leave with its last one. */
export function heldBack(from: number, to: number): Sending {
  return async function* <T>(computed: AsyncIterable<Batch<T>>) {
    let held: T[] = [];
    let count = 0;
    for await (const batch of computed) {
      count += batch.length;
      held.push(...batch);
      if (count >= from && count < to) continue;
      yield held;
      held = [];
    }
    if (held.length > 0) yield held;
  };
}

/** Each batch between two tokens (1-based, both ends included) is late by so many ms. */
export function slowed(from: number, to: number, ms: number): Sending {
  return async function* (computed, wait) {
    let count = 0;
    for await (const batch of computed) {
      count += batch.length;
      if (count >= from && count <= to) await wait(ms);
      yield batch;
    }
  };
}

/** The first tokens come from a guess, at once: what is computed of them later is dropped. */
export async function* guessedFirst<T>(
  computed: AsyncIterable<Batch<T>>,
  guess: Batch<T>,
): AsyncIterable<Batch<T>> {
  yield guess;
  let left = guess.length;
  for await (const batch of computed) {
    const rest = batch.slice(Math.min(left, batch.length));
    left -= batch.length - rest.length;
    if (rest.length > 0) yield rest;
  }
}
