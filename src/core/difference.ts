// Search for the first place where two values differ, for error messages.
/** A value in a few characters. */
function brief(value: unknown): string {
  return value === undefined ? 'absent' : JSON.stringify(value).slice(0, 80);
}

/** First place where two values differ, as a path into them. */
export function firstDifference(recorded: unknown, derived: unknown, at = ''): string | null {
  if (
    typeof recorded !== 'object' ||
    typeof derived !== 'object' ||
    recorded === null ||
    derived === null
  ) {
    return Object.is(recorded, derived)
      ? null
      : `${at || 'the value'} is ${brief(recorded)}, derived ${brief(derived)}`;
  }
  for (const key of new Set([...Object.keys(recorded), ...Object.keys(derived)])) {
    const found = firstDifference(
      (recorded as Record<string, unknown>)[key],
      (derived as Record<string, unknown>)[key],
      at ? `${at}.${key}` : key,
    );
    if (found !== null) return found;
  }
  return null;
}
