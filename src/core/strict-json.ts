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

const WORDS = [
  ['true', true],
  ['false', false],
  ['null', null],
] as const;

/** Reads one JSON text from its start to its end. */
class JsonReader {
  #at = 0;
  readonly #text: string;
  readonly #limits: JsonLimits;

  constructor(text: string, limits: JsonLimits) {
    this.#text = text;
    this.#limits = limits;
  }

  document(): Json {
    const result = this.#value(0);
    this.#skip();
    if (this.#at !== this.#text.length) this.#fail('syntax', 'text after the end');
    return result;
  }

  #fail(fault: JsonFault, what: string): never {
    throw new JsonError(fault, this.#at, what);
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (!found) return null;
    this.#at = pattern.lastIndex;
    return found[0];
  }

  #skip(): void {
    this.#match(SPACE);
  }

  #take(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #value(depth: number): Json {
    if (depth > this.#limits.maxDepth)
      this.#fail('depth', `nesting deeper than ${this.#limits.maxDepth}`);
    this.#skip();
    const char = this.#text[this.#at];
    if (char === '{') return this.#object(depth);
    if (char === '[') return this.#array(depth);
    if (char === '"') return this.#string();
    const word = WORDS.find(([name]) => this.#text.startsWith(name, this.#at));
    if (!word) return this.#number();
    this.#at += word[0].length;
    return word[1];
  }

  #number(): number {
    const found = this.#match(NUMBER);
    if (found === null) return this.#fail('syntax', 'an unexpected character');
    const value = Number(found);
    const fits = Number.isFinite(value) && (!/^-?\d+$/.test(found) || Number.isSafeInteger(value));
    if (this.#limits.exactNumbers && !fits)
      this.#fail('number', `${found.slice(0, 30)} does not fit a binary64 number`);
    return value;
  }

  // By a loop: a regular expression over a string of megabytes overflows the stack. JSON.parse then
  // checks escapes and control characters.
  #string(): string {
    const text = this.#text;
    const start = this.#at;
    if (text[start] !== '"') return this.#fail('syntax', 'a string is missing');
    let end = start + 1;
    while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
    if (end >= text.length) return this.#fail('syntax', 'a string has no end');
    try {
      const value = JSON.parse(text.slice(start, end + 1)) as string;
      this.#at = end + 1;
      return value;
    } catch {
      return this.#fail('syntax', 'a bad string');
    }
  }

  #object(depth: number): Json {
    this.#at++;
    const out: { [key: string]: Json } = {};
    this.#skip();
    if (this.#take('}')) return out;
    do {
      this.#member(out, depth);
      this.#skip();
    } while (this.#take(','));
    if (!this.#take('}')) this.#fail('syntax', 'a comma or a closing brace is missing');
    return out;
  }

  #member(out: { [key: string]: Json }, depth: number): void {
    this.#skip();
    const key = this.#string();
    if (Object.hasOwn(out, key))
      this.#fail('duplicate-key', `the key ${JSON.stringify(key.slice(0, 40))} stands twice`);
    this.#skip();
    if (!this.#take(':')) this.#fail('syntax', 'a colon is missing');
    // defineProperty: assigning "__proto__" would set the prototype instead of a member.
    Object.defineProperty(out, key, {
      value: this.#value(depth + 1),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }

  #array(depth: number): Json {
    this.#at++;
    const out: Json[] = [];
    this.#skip();
    if (this.#take(']')) return out;
    do {
      out.push(this.#value(depth + 1));
      this.#skip();
    } while (this.#take(','));
    if (!this.#take(']')) this.#fail('syntax', 'a comma or a closing bracket is missing');
    return out;
  }
}

/**
 * Parses JSON as RFC 8259 has it, and refuses what parsers disagree on: a duplicate key, nesting
 * past `maxDepth` (RULES "Strict JSON"). `JSON.parse` keeps the last duplicate silently, so two
 * readers of one signed record could see two values.
 */
export function parseStrictJson(text: string, limits: JsonLimits): Json {
  return new JsonReader(text, limits).document();
}
