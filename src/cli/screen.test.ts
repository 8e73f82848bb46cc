// Lines and tables of the command line, at a width.
import { describe, expect, it } from 'vitest';
import { shortDigest, shortKey, withShortKeys } from '../schema/short-names.ts';
import { shownLength } from '../core/wrap-text.ts';
import { hanging, table, wrapped } from './screen.ts';

describe('text for a terminal', () => {
  it('wraps behind its head, and keeps lines that were lines', () => {
    expect(hanging('ok  ', 'one two three four five six', 24)).toEqual([
      'ok  one two three four',
      '    five six',
    ]);
    expect(hanging('- ', 'a\nb', 80)).toEqual(['- a', '  b']);
  });
  it('leaves whole lines whole where there is no terminal', () => {
    const text = 'word '.repeat(60).trim();
    expect(hanging('x ', text)).toEqual([`x ${text}`]);
  });
  it('never loses a word that is wider than the screen', () => {
    const key = 'x'.repeat(60);
    expect(hanging('> ', `a ${key} b`, 40)).toEqual(['> a', `  ${key}`, '  b']);
  });
  it('wraps a line under itself', () => {
    expect(wrapped('  as it is')).toEqual(['  as it is']);
  });
  it('sets columns side by side within the width', () => {
    const rows = [
      ['key', 'score', 'why'],
      ['a', '1.5', 'it was faster than the one that stood there before it'],
      ['bbbb', '10', 'no'],
    ];
    const lines = table(rows, ['left', 'right'], 40);
    expect(lines.slice(1)).toEqual([
      'a       1.5  it was faster than the one',
      '             that stood there before it',
      'bbbb     10  no',
    ]);
    for (const line of lines) expect(shownLength(line)).toBeLessThanOrEqual(40);
  });
  it('shortens keys and digests', () => {
    expect(shortKey('5CTU2xKqZZZZ:90')).toBe('5CTU2xKq:90');
    expect(shortKey('5CTU2xKqZZZZ')).toBe('5CTU2xKq');
    const key = '5CCfhMF7r1gcfqhSrAzjULNggFpEzWMguA4nsxkMeTVdZAJU';
    expect(withShortKeys(`of ${key}:2, by`)).toBe('of 5CCfhMF7:2, by');
    expect(shortDigest(`sha256:${'ab'.repeat(32)}`)).toBe('sha256:abababababab…');
  });
});
