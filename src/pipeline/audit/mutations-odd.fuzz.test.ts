// Mutated, re-signed ledgers of odd numbers: each is named, or its change is harmless.
import { expect, it } from 'vitest';
import { MUTATIONS, runMutations } from '../../testing/mutation-run.ts';

it('every mutated ledger is named, or its change is harmless (odd numbers)', async () => {
  const numbers = Array.from({ length: MUTATIONS / 2 }, (_, i) => 2 * i + 1);
  const { changed, named, harmless, holes } = await runMutations(numbers);
  console.log(`${changed} changed, ${named} named, ${changed - named} harmless`, harmless);
  expect(holes).toEqual([]);
  expect(named).toBeGreaterThan(0.8 * changed);
}, 3_600_000);
