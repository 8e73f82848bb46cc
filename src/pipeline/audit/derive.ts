// Compares what a plan says with what follows, and names the first difference.
import { firstDifference } from '../../core/difference.ts';
import type { Notes } from './check.ts';
import type { PlanSubject } from './subjects.ts';

/** Names the first difference between what a plan says and what follows. */
export function derive(
  { plan }: PlanSubject,
  { fault }: Notes,
  [what, recorded, derived]: readonly [what: string, recorded: unknown, derived: unknown],
): void {
  const difference = firstDifference(recorded, derived, what);
  if (difference !== null) fault('RECOMPUTE_MISMATCH', plan.path, difference);
}
