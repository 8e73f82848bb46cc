// Type of a verified result: only results of signed records can be ranked.
import type { Reasoned } from '../schema/reasons.ts';
import type { Verdict } from '../schema/verdicts.ts';

declare const verified: unique symbol;

/**
 * One boot of one arm, as the judge found it. `promptScores[i]` is null where the answer had no
 * content: it makes every bound -infinity.
 */
type BootScore = {
  readonly shard: number;
  readonly boot: number;
  readonly score: number;
  readonly promptScores: readonly (number | null)[];
};

/** What a signed plan's entry came to. */
export type EntryResult = Reasoned & {
  readonly key: string;
  readonly hotkey: string;
  readonly commitBlock: number;
  readonly role: 'challenger' | 'winner' | 'runner-up';
  readonly verdict: Verdict;
  readonly boots: readonly BootScore[];
};

/**
 * A result that may be ranked. Only `verifyResults` in verify.ts makes one, so an unverified record
 * cannot move money.
 */
export type VerifiedResult = EntryResult & { readonly [verified]: true };
