// All variants of the tiny engine, honest and cheating.
import type { Variant } from '../variant.ts';
import { burst } from './burst.ts';
import { draftGrowing } from './draft-growing.ts';
import { draftShrinking } from './draft-shrinking.ts';
import { earlyEos } from './early-eos.ts';
import { fast } from './fast.ts';
import { float32, float32Wide } from './float32.ts';
import { guess } from './guess.ts';
import { guessHeld } from './guess-held.ts';
import { guessPacked } from './guess-packed.ts';
import { guessSlowed } from './guess-slowed.ts';
import { guessWrong } from './guess-wrong.ts';
import { int4 } from './int4.ts';
import { int8 } from './int8.ts';
import { lossy01, lossy02, lossy04 } from './lossy.ts';
import { otherWeights } from './other-weights.ts';
import { packedTokens } from './packed.ts';
import { plain } from './plain.ts';
import { roleChunk } from './role-chunk.ts';
import { sampled } from './sampled.ts';
import { slowStart } from './slow-start.ts';
import { speculative } from './speculative.ts';

const HONEST = [
  plain,
  fast,
  float32,
  float32Wide,
  speculative,
  draftGrowing,
  draftShrinking,
  packedTokens,
  slowStart,
];
const OTHER_TOKENS = [
  int8,
  int4,
  lossy01,
  lossy02,
  lossy04,
  otherWeights,
  sampled,
  earlyEos,
  guessWrong,
];
const OTHER_TIMES = [burst, roleChunk, guess, guessPacked, guessSlowed, guessHeld];

/** Every engine that `cacheon devnet engine --variant` starts. */
export const VARIANTS: ReadonlyMap<string, Variant> = new Map(
  [...HONEST, ...OTHER_TOKENS, ...OTHER_TIMES].map((variant) => [variant.name, variant]),
);
