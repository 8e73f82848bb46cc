// Tests of the random generator, canonical JSON, strict JSON and SS58 addresses.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from './bytes.ts';
import { CanonicalError, compactJson, renderJson } from './canonical.ts';
import { median } from './median.ts';
import { Prng } from './prng.ts';
import { decodeSs58, encodeSs58 } from './ss58.ts';
import { JsonError, parseStrictJson, RECORD_JSON, SERVER_JSON } from './strict-json.ts';

const counting = Uint8Array.from({ length: 32 }, (_, i) => i);

describe('the generator of a seed', () => {
  it('gives the published first bytes', () => {
    expect(toHex(new Prng(new Uint8Array(32), 'prompts').bytes(40))).toBe(
      '17b7935be1ec73c88cf5d63056ec396b069cc49bca9e5fd91b9f6c9dce5388664d5f0ae1ab288c4b',
    );
  });
  it('gives the published draws, shuffle and sample', () => {
    const draws = new Prng(counting, 'prompts');
    expect(Array.from({ length: 16 }, () => draws.below(10))).toEqual([
      4, 7, 6, 2, 0, 2, 9, 3, 3, 7, 2, 8, 4, 6, 6, 1,
    ]);
    expect(new Prng(counting, 'order').shuffle([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])).toEqual([
      8, 3, 1, 2, 9, 4, 5, 0, 6, 7,
    ]);
    const last = new Prng(new Uint8Array(32).fill(0xff), '');
    expect(
      last.sample(
        Array.from({ length: 100 }, (_, i) => i),
        5,
      ),
    ).toEqual([57, 13, 11, 99, 4]);
    expect(last.u32()).toBe(3002607644);
  });
  it('draws once for below(1), and takes the whole range of 2^32', () => {
    const one = new Prng(counting, 'x');
    const other = new Prng(counting, 'x');
    expect(one.below(1)).toBe(0);
    other.u32();
    expect(one.below(0x1_0000_0000)).toBe(other.u32());
    expect(() => one.below(0)).toThrow(RangeError);
  });
});

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

describe('addresses', () => {
  const alice = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';
  it('go to bytes and back', () => {
    const key = decodeSs58(alice);
    expect(toHex(key!)).toBe('d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d');
    expect(encodeSs58(key!)).toBe(alice);
  });
  it.each(['', 'abc', alice.slice(0, -1), alice.replace('Y', 'Z'), `${alice}${alice}`, '0OIl'])(
    'refuse %s',
    (text) => {
      expect(decodeSs58(text)).toBeNull();
    },
  );
});

it('takes medians of odd and even counts, infinities included', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1])).toBe(2.5);
  expect(median([Infinity, Infinity])).toBe(Infinity);
  expect(median([-Infinity, 1, Infinity, 2])).toBe(1.5);
});

it('reads hex strictly', () => {
  expect(fromHex('0x0aFF')).toEqual(Uint8Array.of(10, 255));
  expect(fromHex('abc')).toBeNull();
  expect(fromHex('zz')).toBeNull();
});
