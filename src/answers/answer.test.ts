// What a server's bytes say, and the earliest fault in them.
import {
  tinyArena as arena,
  tokenizer,
  MS,
  event,
  DONE,
  request,
  answerOf,
} from '../testing/answer-fixture.ts';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAnswer } from './answer.ts';
import { utf8 } from '../core/bytes.ts';

const faultOf = (parts: Parameters<typeof request>[0], end = {}): string => {
  const result = readAnswer(request(parts, end), tokenizer, arena);
  return 'fault' in result ? result.fault.verdict : 'none';
};

describe('reading an answer', () => {
  it('counts tokens by the canonical encoding and places them in time, whatever the chunks look like', () => {
    const text = 'And the king took the ark of the covenant.';
    const whole = event(text, { finish_reason: 'length' }) + DONE;
    const bytes = utf8(whole);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: bytes.length - 1 }), (cut) => {
        const answer = answerOf([
          [1, bytes.slice(0, cut)],
          [2, bytes.slice(cut)],
        ]);
        expect(answer.text).toBe(text);
        expect(answer.canonicalIds).toEqual(tokenizer.encode(text));
        expect(new Set(answer.arrivalsNs)).toEqual(
          new Set([cut < whole.indexOf('data: [DONE]') ? 2 * MS : 1 * MS]),
        );
      }),
    );
  });
  it('gives a token the time of the chunk that completes it', () => {
    const answer = answerOf([
      [10, event('the l')],
      [20, event('and')],
      [30, event('', { finish_reason: 'length' }) + DONE],
    ]);
    expect(answer.canonicalIds).toEqual(tokenizer.encode('the land'));
    expect(answer.arrivalsNs.at(0)).toBe(10 * MS);
    expect(answer.arrivalsNs.at(-1)).toBe(20 * MS);
  });
  it('H31 ignores role chunks, empty deltas, comments and usage', () => {
    const answer = answerOf([
      [1, event('', { delta: { role: 'assistant', content: '' } })],
      [2, ': ping\n\n'],
      [3, 'data: {"choices":[],"usage":{"completion_tokens":9999}}\n\n'],
      [50, event('q', { finish_reason: 'length' }) + DONE],
    ]);
    expect(answer.arrivalsNs).toEqual([50 * MS]);
  });
  it.each([
    ['H29 no [DONE]', [[1, event('q')]], 'E_STREAM'],
    ['H30 data after [DONE]', [[1, DONE + event('q')]], 'E_CONTENT'],
    [
      'H30 two finish reasons',
      [[1, event('q', { finish_reason: 'stop' }) + event('', { finish_reason: 'stop' }) + DONE]],
      'E_CONTENT',
    ],
    ['H34 broken UTF-8', [[1, Uint8Array.of(0x64, 0xff, 0xfe)]], 'E_CONTENT'],
    ['H35 depth', [[1, `data: ${'['.repeat(1000)}\n\n`]], 'E_CONTENT'],
    ['H35 duplicate keys', [[1, 'data: {"choices":[],"choices":[]}\n\n']], 'E_CONTENT'],
    [
      'H36 1e999 in a field we use',
      [[1, 'data: {"choices":[{"token_ids":[1e999]}]}\n\n']],
      'E_CONTENT',
    ],
    ['an error event', [[1, `data: {"error":{"message":"no"}}\n\n${DONE}`]], 'E_API'],
    ['bad JSON', [[1, 'data: {oops}\n\n']], 'E_CONTENT'],
    [
      'half a surrogate pair',
      [[1, `data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n${DONE}`]],
      'E_CONTENT',
    ],
  ] as const)('%s', (_, parts, verdict) => {
    expect(faultOf(parts as never)).toBe(verdict);
  });
  it('H34 takes a code point that is split over chunks', () => {
    const bytes = utf8(event('日', { finish_reason: 'length' }) + DONE);
    const at = bytes.indexOf(0xe6) + 1;
    expect(
      answerOf([
        [1, bytes.slice(0, at)],
        [2, bytes.slice(at)],
      ]).text,
    ).toBe('日');
  });
  it('H36 ignores odd numbers in fields nobody uses, and __proto__', () => {
    expect(
      faultOf([
        [
          1,
          `data: {"x":1e999,"__proto__":{"polluted":1},"choices":[{"delta":{"content":"q"},"finish_reason":"length"}]}\n\n${DONE}`,
        ],
      ]),
    ).toBe('none');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
  it('takes the earlier of two faults, and protocol before content at one moment', () => {
    expect(faultOf([[1, 'data: {oops}\n\n']], { tNs: 9 * MS, outcome: 'timeout' })).toBe(
      'E_CONTENT',
    );
    expect(faultOf([[9, 'data: {oops}\n\n']], { tNs: 9 * MS, outcome: 'timeout' })).toBe(
      'E_TIMEOUT',
    );
    expect(faultOf([[1, event('q')]], { tNs: 2 * MS, outcome: 'closed' })).toBe('E_STREAM');
    expect(faultOf([], { tNs: 2 * MS, outcome: 'status', status: 404 })).toBe('E_API');
  });
  it('never throws an untyped error on any bytes', () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.json().map((text) => utf8(`data: ${text}\n\n`)),
      fc.constantFrom(utf8(DONE), utf8(event('q'))),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (list) => {
        const result = readAnswer(request(list.map((bytes, i) => [i, bytes])), tokenizer, arena);
        expect('fault' in result || typeof result.answer.text === 'string').toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});
