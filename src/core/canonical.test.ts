// The one form of a JSON document that is signed.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CanonicalError, compactJson, renderJson } from './canonical.ts';
import { parseStrictJson, SERVER_JSON } from './strict-json.ts';

describe('canonical JSON', () => {
  it('sorts keys, indents by two and ends with a newline', () => {
    expect(renderJson({ b: [1, 'ü'], a: null })).toBe(
      '{\n  "a": null,\n  "b": [\n    1,\n    "ü"\n  ]\n}\n',
    );
  });
  // eslint-disable-next-line no-sparse-arrays -- the hole is the test
  it.each([[{ a: undefined }], [NaN], [[1, , 2]], [1n], [new Date(0)], [Infinity]])(
    'refuses %s instead of guessing',
    (value) => {
      expect(() => renderJson(value)).toThrow(CanonicalError);
    },
  );
  it('is what the strict parser reads back', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = compactJson(value);
        expect(compactJson(parseStrictJson(text, SERVER_JSON))).toBe(text);
      }),
    );
  });
});
