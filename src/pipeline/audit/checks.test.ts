// The list of checks: each has a name of its own and a rule that stands in the rulebook.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ChainError } from '../../chain/errors.ts';
import type { ChainReader } from '../../chain/chain.ts';
import { ROOT } from '../../compose/repository.ts';
import { DocumentError } from '../../schema/errors.ts';
import { CHECKS } from './audit.ts';
import { type Check, CheckBook } from './check.ts';

describe('the checks of an audit', () => {
  it('have one name each, and rules of the rulebook', () => {
    const names = CHECKS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const rules = readFileSync(join(ROOT, '.github/RULES.md'), 'utf8');
    const headings = new Set([...rules.matchAll(/^#{2,4} (.+)$/gm)].map((match) => match[1]));
    expect(CHECKS.filter(({ rule }) => !headings.has(rule)).map(({ rule }) => rule)).toEqual([]);
  });
});

describe('a check', () => {
  const check = (needs: 'ledger' | 'chain', run: Check<null>['run']): Check<null> => ({
    ...{ name: 'one', needs, rule: 'Signature', run },
  });
  const stateOf = async (made: Check<null>, chain: ChainReader | null) => {
    const book = new CheckBook(chain);
    await book.run(made, null, { validator: '5V', path: 'rounds/1/plan.json' });
    const { state } = book.states([made])[0]!;
    return { state, faults: book.faults, unchecked: book.unchecked };
  };
  const chain = {} as ChainReader;
  const throwing = (error: Error) => () => {
    throw error;
  };
  it('passes, or was not asked for without a chain', async () => {
    expect(
      await stateOf(
        check('ledger', () => undefined),
        null,
      ),
    ).toMatchObject({ state: 'passed' });
    const never = check('chain', throwing(new Error('asked')));
    expect(await stateOf(never, null)).toMatchObject({ state: 'not-asked', faults: [] });
    expect(
      await stateOf(
        check('chain', () => undefined),
        chain,
      ),
    ).toMatchObject({ state: 'passed' });
  });
  it('is unchecked where the world was not at hand, and failed where the record broke it', async () => {
    const gone = new ChainError('STATE_DISCARDED', 'infra', 'discarded', 'use an archive');
    expect(await stateOf(check('chain', throwing(gone)), chain)).toMatchObject({
      state: 'not-checked',
      faults: [],
      unchecked: [{ check: 'one', path: '5V/rounds/1/plan.json', why: 'discarded' }],
    });
    for (const error of [
      new TypeError('of a record'),
      new DocumentError('BAD_TRACE', 'usage', 'cut', 'x'),
    ])
      expect(await stateOf(check('ledger', throwing(error)), null)).toMatchObject({
        state: 'failed',
        faults: [{ check: 'one', code: 'RECOMPUTE_MISMATCH', path: '5V/rounds/1/plan.json' }],
      });
  });
  it('that failed somewhere has failed, whatever was unchecked elsewhere', async () => {
    const both = check('ledger', (_, notes) => {
      notes.unchecked('a', 'no corpus');
      notes.fault('TIME', 'b', 'late');
    });
    expect(await stateOf(both, null)).toMatchObject({ state: 'failed' });
  });
});
