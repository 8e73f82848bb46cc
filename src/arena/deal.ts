// Seeded dealing of competing images to measuring machines, and the order of their runs.
import { Prng } from '../core/prng.ts';
import type { Submission } from '../schema/submission.ts';

/** What one shard measures: its entries in plan order. */
export type Shard = { readonly index: number; readonly entries: readonly string[] };

/**
 * Deals a round's entries out to shards. Incumbents run on every shard, so that challengers are
 * compared with them on the same machine; challengers are dealt in the order drawn from the seed.
 * No challengers: no shards, nothing to measure.
 */
export function dealShards(
  submissions: readonly Submission[],
  shards: number,
  seed: Uint8Array,
): Shard[] {
  const evaluated = submissions.filter((submission) => submission.status === 'evaluate');
  const challengers = evaluated
    .filter((entry) => entry.role === 'challenger')
    .map((entry) => entry.key)
    .sort();
  if (challengers.length === 0) return [];
  const incumbents = evaluated
    .filter((entry) => entry.role !== 'challenger')
    .map((entry) => entry.key);
  const dealt = new Prng(seed, 'shards').shuffle(challengers);
  const used = Math.min(shards, dealt.length);
  return Array.from({ length: used }, (_, index) => ({
    index,
    entries: [...incumbents, ...dealt.filter((_, i) => i % used === index)],
  }));
}

/**
 * Order of the arms of one boot between the two baseline runs. The seed draws it, so that no miner
 * or validator chooses a warm or a quiet slot.
 */
export function armOrder(
  entries: readonly string[],
  seed: Uint8Array,
  shard: number,
  boot: number,
): string[] {
  return new Prng(seed, `order/${shard}/${boot}`).shuffle([...entries].sort());
}
