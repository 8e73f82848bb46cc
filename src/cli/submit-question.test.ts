// What a miner is shown before anything is paid.
import { describe, expect, it } from 'vitest';
import type { SubmitTerms } from '../pipeline/submit/submit-steps.ts';
import { termLines } from './submit-question.ts';

const terms: SubmitTerms = {
  ...{ network: 'finney', netuid: 14, hotkey: '5Hot', uid: 7, coldkey: '5Cold' },
  ...{ image: 'ghcr.io/a/b', digest: 'sha256:ab' },
  payment: {
    ...{ treasury: '5Treasury', amountRao: 100_000_000n },
    ...{ networkFeeRao: 150_000n, balanceRao: 2_000_000_000n },
  },
  ...{ paidIn: null, resumes: null, sealed: true, replaces: null },
};
const shown = (over: Partial<SubmitTerms> = {}): string =>
  [...termLines({ ...terms, ...over })].join('\n');

describe('the terms of a submission', () => {
  it('name image, keys, network, fee and what is left of the balance, in TAO', () => {
    const text = shown();
    for (const part of [
      ...[
        'image     ghcr.io/a/b',
        'digest    sha256:ab',
        '5Hot (uid 7)',
        'finney, subnet 14',
        '0.1 TAO',
        '5Treasury',
      ],
      ...['2 TAO now', '1.89985 TAO after', '0.00015 TAO for the network', 'sealed'],
    ])
      expect(text).toContain(part);
  });
  it('tell what was paid before, and what is replaced', () => {
    expect(shown({ payment: null, paidIn: 12 })).toContain('paid before, in block 12');
    expect(shown({ payment: null })).toMatch(/fee +none/);
    expect(shown({ payment: null, resumes: '0xaa' })).toMatch(/never another: 0xaa/);
    expect(shown({ replaces: 'another one: {…}' })).toMatch(/replaces +another one/);
    expect(shown()).not.toContain('replaces');
  });
});
