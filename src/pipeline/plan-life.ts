// The life of a plan: until when it may be measured, and which plan the next one must follow.
import type { BlockRef } from '../chain/chain.ts';
import { endOf, lastBlockOf, originOf, planAnchor } from '../ledger/plans.ts';
import { type Records, recordsOf } from '../ledger/records-of.ts';
import type { LedgerRecord } from '../ledger/verify.ts';

type Plan = LedgerRecord<'plan'>;

const BLOCK_SECONDS = 12;
/** A plan has this many times the minutes that it was planned for. */
const SLACK = 1.5;

/** Last block at which a plan may end in a round, by the block of its anchor (RULES "Voids"). */
export function notAfterOf(anchorBlock: number, { predicate }: Plan): number {
  const blocks = (SLACK * predicate.plannedMinutes * 60) / BLOCK_SECONDS;
  return anchorBlock + Math.ceil(blocks);
}

/** Fetching images and checking the machine come before a shard's first server. */
const SHARD_SLACK_MINUTES = 30;

/** Minutes that a machine has for one shard of a plan (RULES "Minutes of a plan"). */
export function shardMinutes({
  predicate: { plannedMinutes, shards },
}: {
  readonly predicate: Pick<Plan['predicate'], 'plannedMinutes' | 'shards'>;
}): number {
  return Math.ceil((SLACK * plannedMinutes) / Math.max(1, shards)) + SHARD_SLACK_MINUTES;
}

/** The numbers of a plan's shards. */
export const shardsOf = ({
  predicate,
}: {
  readonly predicate: Pick<Plan['predicate'], 'shards'>;
}): number[] => Array.from({ length: predicate.shards }, (_, index) => index);

/** Now, as a plan's life depends on it: the chain's head, and the code that runs. */
export type Now = { readonly block: Pick<BlockRef, 'number'>; readonly tree: string };

/** Why an open plan is void now; null while it lasts. */
export function voidReason(ledger: Records, plan: Plan, { block, tree }: Now): string | null {
  const { harness } = plan.predicate;
  if (block.number > lastBlockOf(ledger, plan))
    return planAnchor(ledger, plan) ? 'no round before its last block' : 'not anchored in time';
  // All jobs of a round run one commit: a round of two versions would be judged by neither.
  return harness.tree === tree ? null : `the code changed from ${harness.tree} to ${tree}`;
}

/**
 * The voided plan whose entries and seed the next plan keeps, once its seed could be known: else a
 * validator could void a round until the prompts please it (RULES "Voids"). An open plan counts
 * where it is void now. Null where the next plan draws a seed of its own.
 */
export function predecessorOf(ledger: Records, now: Now): Plan | null {
  const last = recordsOf(ledger, 'plan').at(-1);
  const origin = last && originOf(ledger, last);
  if (!last || !origin || !planAnchor(ledger, origin)) return null;
  const end = endOf(ledger, last);
  const over = end ? end.kind === 'void' : voidReason(ledger, last, now) !== null;
  return over ? last : null;
}

/** The challengers that a plan, or the draft of one, measures. */
export function challengersIn({
  predicate,
}: {
  readonly predicate: Pick<Plan['predicate'], 'submissions'>;
}): ReadonlySet<string> {
  const lines = predicate.submissions.filter(
    ({ status, role }) => status === 'evaluate' && role === 'challenger',
  );
  return new Set(lines.map(({ key }) => key));
}
