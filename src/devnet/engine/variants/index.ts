// The list of all variants of the tiny engine, honest and cheating.
import type { Variant } from '../variant.ts';
import { burst } from './burst.ts';
import { earlyEos } from './early-eos.ts';
import { fast } from './fast.ts';
import { int4 } from './int4.ts';
import { otherWeights } from './other-weights.ts';
import { plain } from './plain.ts';
import { roleChunk } from './role-chunk.ts';
import { sampled } from './sampled.ts';
import { speculative } from './speculative.ts';

/** Every engine that `cacheon devnet engine --variant` starts. */
export const VARIANTS: ReadonlyMap<string, Variant> = new Map(
  [plain, fast, speculative, int4, otherWeights, sampled, earlyEos, burst, roleChunk].map(
    (variant) => [variant.name, variant],
  ),
);
