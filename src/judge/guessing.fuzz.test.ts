// A search over arrival schedules finds none that earns a guesser more than a sliver.
import { describe, expect, it } from 'vitest';
import { largestGain } from '../testing/guess-search.ts';
import { faster, LARGE } from '../testing/schedules.ts';

/** Seconds in `npm test`, minutes in `npm run soak`. */
const SOAK = Number(process.env['SOAK_FUZZ'] ?? 0);
const STEPS = SOAK > 0 ? 12_000 : 300;
const SEEDS = SOAK > 0 ? [1, 2, 3, 4, 5, 6] : [1];
/** What the best schedule may be worth: the whole pool is 0.1. */
const MOST = 0.025;

const SERVERS = [
  { name: 'as fast as the baseline', prefill: 1, decode: 1 },
  { name: 'decodes 1.4 times as fast', prefill: 1, decode: 1.4 },
  { name: 'prefills 1.4 times as fast', prefill: 1.4, decode: 1 },
  { name: '1.4 times as fast', prefill: 1.4, decode: 1.4 },
  { name: 'decodes 3 times as fast', prefill: 1, decode: 3 },
  { name: '3 times as fast', prefill: 3, decode: 3 },
] as const;

describe('S14 a server with up to 12 right guesses, any delay and any packing', () => {
  for (const { name, prefill, decode } of SERVERS)
    it(`gains no more than ${MOST}: ${name}`, () => {
      const server = faster(LARGE, prefill, decode);
      for (const guesses of [1, 4, 8, 10, 12])
        for (const seed of SEEDS) {
          const gain = largestGain({ server, baseline: LARGE, guesses, steps: STEPS, seed });
          expect(gain, `${guesses} guesses, seed ${seed}`).toBeLessThanOrEqual(MOST);
        }
    });
});
