// What strict JSON refuses that JSON.parse takes.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonError, parseStrictJson, RECORD_JSON, SERVER_JSON } from './strict-json.ts';

describe('strict JSON', () => {
  const faultOf = (text: string, limits = RECORD_JSON): string => {
    try {
      parseStrictJson(text, limits);
      return 'none';
    } catch (error) {
      return error instanceof JsonError ? error.fault : 'untyped';
    }
  };
  it('refuses duplicate keys, depth, inexact numbers and trailing text', () => {
    expect(faultOf('{"a":1,"a":2}')).toBe('duplicate-key');
    expect(faultOf('{"__proto__":1,"__proto__":2}')).toBe('duplicate-key');
    expect(faultOf('['.repeat(1e5))).toBe('depth');
    expect(faultOf('9007199254740993')).toBe('number');
    expect(faultOf('1e999')).toBe('number');
    expect(faultOf('1e999', SERVER_JSON)).toBe('none');
    expect(faultOf('{} x')).toBe('syntax');
    expect(faultOf('NaN')).toBe('syntax');
    expect(faultOf('{"a":1,}')).toBe('syntax');
  });
  it('reads strings of megabytes', () => {
    const text = 'a\\n'.repeat(4_000_000);
    expect(parseStrictJson(JSON.stringify(text), RECORD_JSON)).toBe(text);
  });
  it('keeps __proto__ a plain member', () => {
    const value = parseStrictJson('{"__proto__":{"polluted":true}}', RECORD_JSON);
    expect(Object.keys(value as object)).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
  it('agrees with JSON.parse on every text, or refuses it with a typed error', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.string(),
          fc.json().map((text) => text.slice(1)),
        ),
        (text) => {
          try {
            expect(JSON.stringify(parseStrictJson(text, SERVER_JSON))).toBe(
              JSON.stringify(JSON.parse(text)),
            );
          } catch (error) {
            expect(error).toBeInstanceOf(JsonError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
