// Strict JSON parser that refuses texts which two readers could understand differently.
import type { Json } from './canonical.ts';

/** Why a text was refused: a machine-readable reason beside the position. */
export type JsonFault = 'syntax' | 'depth' | 'duplicate-key' | 'number';

/** A text that is not the JSON we accept. */
export class JsonError extends Error {
  readonly fault: JsonFault;
  constructor(fault: JsonFault, offset: number, what: string) {
    super(`${what} at character ${offset}`);
    this.name = 'JsonError';
    this.fault = fault;
  }
}

/**
 * What a parse allows. `exactNumbers` refuses numbers that binary64 cannot hold exactly as integers
 * or at all.
 */
export type JsonLimits = { readonly maxDepth: number; readonly exactNumbers: boolean };

/** Records of the ledger: 2^53+1 or 1e999 would be read differently by other tools. */
export const RECORD_JSON: JsonLimits = { maxDepth: 64, exactNumbers: true };
/** Answers of an untrusted server: numbers are checked by the schema, in the fields we use only. */
export const SERVER_JSON: JsonLimits = { maxDepth: 64, exactNumbers: false };

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const SPACE = /[ \t\n\r]*/y;

/**
 * Parses JSON as RFC 8259 has it, and refuses what parsers disagree on: a duplicate key, nesting
 * past `maxDepth`. `JSON.parse` keeps the last duplicate silently, so two readers of one signed
 * record could see two values.
 */
export function parseStrictJson(text: string, limits: JsonLimits): Json {
  let at = 0;

  const fail = (fault: JsonFault, what: string): never => {
    throw new JsonError(fault, at, what);
  };
  const match = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (!found) return null;
    at = pattern.lastIndex;
    return found[0];
  };
  const skip = (): void => void match(SPACE);
  const take = (char: string): boolean => {
    if (text[at] !== char) return false;
    at++;
    return true;
  };
  // By a loop: a regular expression over a string of megabytes overflows the stack. JSON.parse then
  // checks escapes and control characters.
  const string = (): string => {
    if (text[at] !== '"') return fail('syntax', 'a string is missing');
    let end = at + 1;
    while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
    if (end >= text.length) return fail('syntax', 'a string has no end');
    try {
      const value = JSON.parse(text.slice(at, end + 1)) as string;
      at = end + 1;
      return value;
    } catch {
      return fail('syntax', 'a bad string');
    }
  };
  const number = (): number => {
    const found = match(NUMBER);
    if (found === null) return fail('syntax', 'an unexpected character');
    const value = Number(found);
    if (
      limits.exactNumbers &&
      (!Number.isFinite(value) || (/^-?\d+$/.test(found) && !Number.isSafeInteger(value)))
    ) {
      return fail('number', `${found.slice(0, 30)} does not fit a binary64 number`);
    }
    return value;
  };
  const value = (depth: number): Json => {
    if (depth > limits.maxDepth) fail('depth', `nesting deeper than ${limits.maxDepth}`);
    skip();
    const char = text[at];
    if (char === '{') return object(depth);
    if (char === '[') return array(depth);
    if (char === '"') return string();
    for (const [word, meaning] of [
      ['true', true],
      ['false', false],
      ['null', null],
    ] as const) {
      if (text.startsWith(word, at)) {
        at += word.length;
        return meaning;
      }
    }
    return number();
  };
  const object = (depth: number): Json => {
    at++;
    const out: { [key: string]: Json } = {};
    skip();
    if (take('}')) return out;
    do {
      skip();
      const key = string();
      if (Object.hasOwn(out, key))
        fail('duplicate-key', `the key ${JSON.stringify(key.slice(0, 40))} stands twice`);
      skip();
      if (!take(':')) fail('syntax', 'a colon is missing');
      // defineProperty: assigning "__proto__" would set the prototype instead of a member.
      Object.defineProperty(out, key, {
        value: value(depth + 1),
        enumerable: true,
        configurable: true,
        writable: true,
      });
      skip();
    } while (take(','));
    return take('}') ? out : fail('syntax', 'a comma or a closing brace is missing');
  };
  const array = (depth: number): Json => {
    at++;
    const out: Json[] = [];
    skip();
    if (take(']')) return out;
    do {
      out.push(value(depth + 1));
      skip();
    } while (take(','));
    return take(']') ? out : fail('syntax', 'a comma or a closing bracket is missing');
  };

  const result = value(0);
  skip();
  if (at !== text.length) fail('syntax', 'text after the end');
  return result;
}
