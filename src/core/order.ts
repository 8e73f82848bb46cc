// The order of texts and numbers, for sorting.

/** Negative where `a` comes first, 0 where both are equal; texts by UTF-16 code unit. */
export function compare<T extends string | number>(a: T, b: T): number {
  if (a < b) return -1;
  return a > b ? 1 : 0;
}
