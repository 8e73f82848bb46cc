// A signed plan with its seed: who is measured on which machine, and everything drawn from it.
import { type Shard, dealShards } from '../arena/deal.ts';
import { fromHex } from '../core/bytes.ts';
import type { LedgerRecord } from '../ledger/verify.ts';
import { parseArena } from '../schema/arena.ts';
import type { BootBodies } from '../schema/boot-bodies.ts';
import type { Trace } from '../schema/trace.ts';

/** A plan whose seed was drawn. */
export type DrawnPlan = {
  readonly plan: LedgerRecord<'plan'>;
  /** `0x` and 64 hex digits. */
  readonly seed: string;
  readonly shards: readonly Shard[];
};

/** What the machines of a round left: traces and the bodies of their requests, by path. */
export type RoundEvidence = {
  readonly traces: ReadonlyMap<string, Trace>;
  readonly bodies: ReadonlyMap<string, BootBodies>;
};

/** Deals a plan's challengers to its shards by a seed (RULES "Shards"). */
export function drawnPlan(plan: LedgerRecord<'plan'>, seed: string): DrawnPlan {
  const arena = parseArena(plan.predicate.arena, 'the plan');
  return { plan, seed, shards: dealShards(plan.predicate.submissions, arena, fromHex(seed)!) };
}
