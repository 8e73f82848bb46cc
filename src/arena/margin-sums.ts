// Margins over several boots, added up: what a history keeps, and what limits are held against.
import type { MarginSums } from '../schema/submission.ts';

const NO_SUMS: MarginSums = { boots: 0, tokens: 0, clippedNats: 0 };

export const addSums = (a: MarginSums, b: MarginSums): MarginSums => ({
  boots: a.boots + b.boots,
  tokens: a.tokens + b.tokens,
  clippedNats: a.clippedNats + b.clippedNats,
});

/** Boots as their gates saw them, added up. */
export function sumsOf(gates: readonly Omit<MarginSums, 'boots'>[]): MarginSums {
  return gates.reduce<MarginSums>(
    (sums, { tokens, clippedNats }) => addSums(sums, { boots: 1, tokens, clippedNats }),
    NO_SUMS,
  );
}

/** Mean clipped margin, in nats; 0 where there is no token. */
export const meanNats = ({ clippedNats, tokens }: Omit<MarginSums, 'boots'>): number =>
  tokens === 0 ? 0 : clippedNats / tokens;
