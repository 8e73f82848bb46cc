// The median that scores and spreads are made of.
import { expect, it } from 'vitest';
import { median } from './median.ts';

it('takes medians of odd and even counts, infinities included', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1])).toBe(2.5);
  expect(median([Infinity, Infinity])).toBe(Infinity);
  expect(median([-Infinity, 1, Infinity, 2])).toBe(1.5);
});
