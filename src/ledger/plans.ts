// Plans of a ledger: the one of a block, and the one that has not ended yet.
import { LedgerError } from './errors.ts';
import { type Records, recordsOf } from './records-of.ts';
import type { LedgerRecord } from './verify.ts';

/** The round or the void that a plan ended in; null while it has not ended. */
export function endOf(
  ledger: Records,
  plan: LedgerRecord<'plan'>,
): LedgerRecord<'round'> | LedgerRecord<'void'> | null {
  const ends = [...recordsOf(ledger, 'round'), ...recordsOf(ledger, 'void')];
  return ends.find(({ predicate }) => predicate.plan === plan.sha256) ?? null;
}

/** The newest plan that ended in nothing yet, or null. */
export function openPlan(ledger: Records): LedgerRecord<'plan'> | null {
  const ended = new Set(
    [...recordsOf(ledger, 'round'), ...recordsOf(ledger, 'void')].map(
      (record) => record.predicate.plan,
    ),
  );
  return recordsOf(ledger, 'plan').findLast((plan) => !ended.has(plan.sha256)) ?? null;
}

/** The signed plan of a block. Throws `UNSIGNED_PLAN` where the ledger has none. */
export function planOf(
  ledger: Records & { readonly validator: string },
  block: number,
): LedgerRecord<'plan'> {
  const plan = recordsOf(ledger, 'plan').find((item) => item.predicate.block.number === block);
  if (!plan)
    throw new LedgerError(
      'UNSIGNED_PLAN',
      'usage',
      `the ledger of ${ledger.validator} has no signed plan for block ${block}`,
      'publish the plan first',
    );
  return plan;
}

/** The anchor of a plan, or null where none is on record. */
export function planAnchor(
  ledger: Records,
  plan: LedgerRecord<'plan'>,
): LedgerRecord<'anchor'> | null {
  return (
    recordsOf(ledger, 'anchor').find(({ predicate }) => predicate.plan === plan.sha256) ?? null
  );
}

/**
 * The plan that first drew this one's seed: itself, or the first of the voided plans that it
 * follows (RULES "Voids"). Null where that one is not in the ledger.
 */
export function originOf(ledger: Records, plan: LedgerRecord<'plan'>): LedgerRecord<'plan'> | null {
  const plans = recordsOf(ledger, 'plan').filter(
    ({ predicate }) => predicate.seq <= plan.predicate.seq,
  );
  let origin: LedgerRecord<'plan'> | null = plan;
  for (let steps = 0; steps < plans.length; steps++) {
    const follows: string | null = origin?.predicate.follows ?? null;
    if (follows === null) break;
    origin = plans.find(({ sha256 }) => sha256 === follows) ?? null;
  }
  return origin;
}

/** A plan is anchored within this many blocks, two hours or so, or it is void. */
export const ANCHOR_WITHIN_BLOCKS = 600;

/** Last block at which a plan may end in a round: told by its anchor, else by its own block. */
export function lastBlockOf(ledger: Records, plan: LedgerRecord<'plan'>): number {
  const anchor = planAnchor(ledger, plan);
  return anchor?.predicate.notAfter ?? plan.predicate.block.number + ANCHOR_WITHIN_BLOCKS;
}
