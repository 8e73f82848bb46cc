// What a ledger says of why: everything that decided a verdict is in the report, and nothing else.
import { beforeAll, describe, expect, it } from 'vitest';
import { type Ledger, readLedger } from '../ledger/read.ts';
import { keyOf } from '../testing/contestants.ts';
import { ledgerFixture } from '../testing/ledger-fixture.ts';
import { why } from './why.ts';

let ledger: Ledger;
beforeAll(async () => {
  const { validator, files } = await ledgerFixture();
  ledger = readLedger(validator, files);
});

describe('why', () => {
  it('tells how a challenger was crowned, with its evidence and its weights', () => {
    const report = why(ledger, keyOf('faster'))!;
    expect(report).toMatchObject({ round: 300, place: 'winner', earlier: [], voided: null });
    expect(report.entry).toMatchObject({ verdict: 'VALID', final: true });
    expect(report.decision).toMatchObject({ takesOver: true, against: 'winner' });
    expect(report.evidence.map(({ path }) => path)).toContain(
      `rounds/300/traces/0/2/${keyOf('faster').replace(':', '-')}.ndjson.gz`,
    );
    for (const { path, sha256 } of report.evidence) {
      expect(ledger.files.has(path)).toBe(true);
      expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    }
    expect(report.weights).toEqual([
      { path: 'weights/310.json', status: 'set', share: expect.closeTo(0.8, 6) },
    ]);
  });
  it('tells which gate failed, and goes back to the round that decided it', () => {
    const report = why(ledger, keyOf('cheat').split(':')[0]!)!;
    expect(report).toMatchObject({ round: 100, place: null, decision: null });
    expect(report.entry?.reasons[0]).toMatchObject({ code: 'big-margin' });
    expect(why(ledger, keyOf('cheat'), 300)).toMatchObject({
      entry: null,
      submission: { status: 'judged', verdict: 'E_GATE' },
    });
  });
  it('names the rounds before, and nobody whom it never saw', () => {
    expect(why(ledger, keyOf('fast'))?.earlier).toEqual([{ round: 100, verdict: 'VALID' }]);
    expect(why(ledger, 'nobody')).toBeNull();
    expect(why(ledger, keyOf('fast'), 7)).toBeNull();
  });
});
