// Canonical JSON: the same value always gives the same bytes, for signing and hashing.
import { CacheonError } from './errors.ts';

/** A value that JSON can hold without loss. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Thrown instead of guessing where a value has no exact JSON form. */
export class CanonicalError extends CacheonError<'NOT_JSON'> {
  constructor(path: string, what: string) {
    super(
      'NOT_JSON',
      'usage',
      `${path || 'the value'} has no exact JSON form: ${what}`,
      'only strings, booleans, finite numbers, null, arrays and plain objects can be recorded',
    );
  }
}

function ordered(value: unknown, path: string): Json {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new CanonicalError(path, String(value));
    return value;
  }
  if (Array.isArray(value)) {
    const list = value as readonly unknown[];
    return Array.from(list, (item, index) => {
      if (!(index in list)) throw new CanonicalError(`${path}[${index}]`, 'a hole');
      return ordered(item, `${path}[${index}]`);
    });
  }
  if (
    typeof value === 'object' &&
    (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null)
  ) {
    const out: { [key: string]: Json } = {};
    for (const key of Object.keys(value).sort()) {
      const item = ordered((value as Record<string, unknown>)[key], path ? `${path}.${key}` : key);
      Object.defineProperty(out, key, {
        value: item,
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
    return out;
  }
  throw new CanonicalError(path, typeof value === 'object' ? 'an object of a class' : typeof value);
}

/**
 * The one rendering of a record: keys sorted by UTF-16 code unit, two spaces, numbers as
 * `JSON.stringify` prints them, a final newline. Throws {@link CanonicalError} on undefined,
 * non-finite numbers, holes, BigInt, functions and class instances.
 */
export function renderJson(value: unknown): string {
  return `${JSON.stringify(ordered(value, ''), null, 2)}\n`;
}

/** The same order on one line, for hashing small values and for NDJSON. */
export function compactJson(value: unknown): string {
  return JSON.stringify(ordered(value, ''));
}
