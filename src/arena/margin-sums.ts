// Margins over several boots, added up: what a history keeps, and what limits are held against.
import type { MarginSums, NearTieSums } from '../schema/submission.ts';

/** What the gate of one boot adds; `nearTies` is null where none were looked at. */
export type GateSums = Pick<MarginSums, 'tokens' | 'clippedNats'> & {
  readonly nearTies: NearTieSums | null;
};

const NO_TIES: NearTieSums = { excess: 0, variance: 0, skew: 0 };
const NO_SUMS: MarginSums = { boots: 0, tokens: 0, clippedNats: 0, nearTies: NO_TIES };

const addTies = (a: NearTieSums, b: NearTieSums): NearTieSums => ({
  excess: a.excess + b.excess,
  variance: a.variance + b.variance,
  skew: a.skew + b.skew,
});

export const addSums = (a: MarginSums, b: MarginSums): MarginSums => ({
  boots: a.boots + b.boots,
  tokens: a.tokens + b.tokens,
  clippedNats: a.clippedNats + b.clippedNats,
  nearTies: addTies(a.nearTies, b.nearTies),
});

/** Boots as their gates saw them, added up. */
export function sumsOf(gates: readonly GateSums[]): MarginSums {
  return gates.reduce<MarginSums>(
    (sums, { tokens, clippedNats, nearTies }) =>
      addSums(sums, { boots: 1, tokens, clippedNats, nearTies: nearTies ?? NO_TIES }),
    NO_SUMS,
  );
}

/** Mean clipped margin, in nats; 0 where there is no token. */
export const meanNats = ({
  clippedNats,
  tokens,
}: Pick<MarginSums, 'clippedNats' | 'tokens'>): number => (tokens === 0 ? 0 : clippedNats / tokens);
