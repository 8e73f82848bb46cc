// The median, as scores and receipts use it.
import { compare } from './order.ts';

/**
 * Median of at least one number; with an even count the mean of the middle two. Infinities are
 * allowed.
 */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('the median of nothing');
  const sorted = [...values].sort(compare);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle]!;
  if (sorted.length % 2 === 1) return upper;
  const lower = sorted[middle - 1]!;
  return lower === upper ? upper : (lower + upper) / 2;
}
