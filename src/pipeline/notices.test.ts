// What is told of a round's end.
import { describe, expect, it } from 'vitest';
import { readLedger } from '../ledger/read.ts';
import { keyOf } from '../testing/contestants.ts';
import { ledgerFixture } from '../testing/ledger-fixture.ts';
import { failureNotice, noticeOf } from './notices.ts';

describe('a notice', () => {
  it('names the new winner of a round, and who held the throne before', async () => {
    const { validator, files } = await ledgerFixture();
    const ledger = readLedger(validator, files);
    const first = noticeOf(ledger, 100)!;
    expect(first).toMatchObject({ kind: 'winner', previous: null, winner: keyOf('fast') });
    expect(first.text).toMatch(/is the new winner with a score of [\d.]+: \d+ entries measured/);
    const second = noticeOf(ledger, 300)!;
    expect(second).toMatchObject({
      kind: 'winner',
      previous: keyOf('fast'),
      winner: keyOf('faster'),
    });
  });
  it('tells a failure in few words', () => {
    const notice = failureNotice('5V', 'x'.repeat(900));
    expect(notice).toMatchObject({ kind: 'failure', validator: '5V', block: null });
    expect(notice.text).toHaveLength(500);
  });
});
