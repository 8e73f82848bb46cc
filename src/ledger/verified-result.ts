// Type of a verified result: only results of signed records can be ranked.
import type { Reasoned } from '../schema/reasons.ts';
import type { Verdict } from '../schema/verdicts.ts';

declare const verified: unique symbol;

/** What was measured of one prompt: Infinity and 0 for an answer without content. */
type Terms = { readonly ttftNs: number; readonly tokensPerSecond: number };

/** One boot of one arm that passed its gate: its score and medians, and what each prompt took. */
export type BootTerms = {
  readonly shard: number;
  readonly boot: number;
  readonly score: number;
  readonly medians: Terms;
  readonly prompts: readonly Terms[];
};

/** What a signed plan's entry came to. */
export type EntryResult = Reasoned & {
  readonly key: string;
  readonly hotkey: string;
  readonly commitBlock: number;
  /** Block from which on others could see the image. */
  readonly revealedAt: number;
  readonly role: 'challenger' | 'winner' | 'runner-up';
  readonly verdict: Verdict;
  /** Its VALID boots, by shard and boot; of a challenger only where its verdict is VALID. */
  readonly boots: readonly BootTerms[];
  /** Shards that measured it, or tried to. */
  readonly shards: readonly number[];
};

/**
 * A result that may be ranked. Only `verifyResults` in verify.ts makes one, so an unverified record
 * cannot move money.
 */
export type VerifiedResult = EntryResult & { readonly [verified]: true };
