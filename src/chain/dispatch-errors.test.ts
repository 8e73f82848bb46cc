// What a refusal by chain or pool means, and what to do then.
import { describe, expect, it } from 'vitest';
import { dispatchRefusal, poolRefusal } from './dispatch-errors.ts';

describe('refusals', () => {
  it('say retry, fix or give up', () => {
    expect(dispatchRefusal('subtensorModule.SettingWeightsTooFast')).toMatchObject({
      remedy: 'retry',
    });
    expect(dispatchRefusal('subtensorModule.CommitRevealEnabled')).toMatchObject({ remedy: 'fix' });
    expect(dispatchRefusal('commitments.AccountNotAllowedCommit')).toMatchObject({
      remedy: 'give-up',
    });
    expect(dispatchRefusal('Token.FundsUnavailable')).toMatchObject({ remedy: 'give-up' });
    expect(dispatchRefusal('somewhere.Unknown')).toMatchObject({
      name: 'somewhere.Unknown',
      remedy: 'fix',
    });
    expect(poolRefusal('1010 Invalid Transaction Custom error: 6')).toMatchObject({
      name: 'RateLimitExceeded',
      remedy: 'retry',
    });
    expect(poolRefusal('1010: Invalid Transaction: Custom error: 1')).toMatchObject({
      name: 'StakeAmountTooLow',
      remedy: 'give-up',
    });
    expect(poolRefusal('1010: Invalid Transaction: Custom error: 9')).toMatchObject({
      name: 'Custom(9)',
    });
    expect(poolRefusal('1010: Invalid Transaction: Transaction is outdated')).toMatchObject({
      name: 'Stale',
      remedy: 'retry',
    });
    expect(
      poolRefusal('1010: Inability to pay some fees (e.g. account balance too low)'),
    ).toMatchObject({ name: 'Payment' });
    expect(poolRefusal('1014: Priority is too low: (1 vs 1)')).toMatchObject({
      name: 'PriorityTooLow',
    });
    expect(poolRefusal('1002 Verification Error')).toMatchObject({
      name: 'Undecodable',
      remedy: 'give-up',
    });
    expect(
      poolRefusal('1010 Invalid Transaction Transaction has an ancient birth block'),
    ).toMatchObject({
      name: 'AncientBirthBlock',
    });
  });
});
