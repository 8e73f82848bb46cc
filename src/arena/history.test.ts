// What a ledger says of the past: verdicts, claims, margins, payments, failures and role controls.
import { beforeAll, describe, expect, it } from 'vitest';
import { readLedger } from '../ledger/read.ts';
import type { AnyRecord } from '../ledger/verify.ts';
import { keyOf } from '../testing/contestants.ts';
import { ledgerFixture, type LedgerFixture } from '../testing/ledger-fixture.ts';
import { historyOf } from './history.ts';

let fixture: LedgerFixture;
let records: readonly AnyRecord[];
beforeAll(async () => {
  fixture = await ledgerFixture();
  ({ records } = readLedger(fixture.validator, fixture.files));
});
/** The records up to and with the round of a block. */
const until = (block: number) => ({
  records: records.filter(({ predicate }) => predicate.block.number <= block),
});

describe('history', () => {
  it('is empty before the first round', () => {
    expect(historyOf({ records: [] })).toMatchObject({
      standing: { winner: null, runnerUp: null },
      claims: [],
    });
  });
  it('knows each final verdict, and the standing that the last round left', () => {
    const { judged, standing } = historyOf(until(100));
    expect([...judged].map(([key, { verdict }]) => [key, verdict])).toEqual(
      [
        [keyOf('fast'), 'VALID'],
        [keyOf('slow'), 'VALID'],
        [keyOf('cheat'), 'E_GATE'],
      ].sort(([a], [b]) => (a! < b! ? -1 : 1)),
    );
    expect(standing.winner?.key).toBe(keyOf('fast'));
    const after = historyOf({ records });
    expect(after.standing.winner?.key).toBe(keyOf('faster'));
    expect(after.standing.runnerUp?.key).toBe(keyOf('fast'));
  });
  it('keeps the reasons of a verdict', () => {
    const { judged } = historyOf(until(100));
    expect(judged.get(keyOf('cheat'))?.reasons.map(({ code }) => code)).toContain('mean-margin');
  });
  it('adds the margins of passed boots up, by image and by hotkey', () => {
    const { margins, standing } = historyOf({ records });
    const { digest, hotkey } = standing.runnerUp!;
    const first = historyOf(until(100)).margins.images.get(digest)!;
    expect(first).toMatchObject({ boots: 2, tokens: 48, clippedNats: 0 });
    expect(margins.images.get(digest)!.boots).toBeGreaterThan(first.boots);
    expect(margins.hotkeys.get(hotkey)).toEqual(margins.images.get(digest));
  });
  it('holds against nobody for ever what a gate refused', () => {
    const [hotkey] = keyOf('cheat').split(':');
    expect(historyOf({ records }).margins.hotkeys.get(hotkey!)).toBeUndefined();
  });
  it('remembers who claimed a digest first, and which payments were spent', () => {
    const { claims, payments, paid } = historyOf({ records });
    expect(claims).toHaveLength(4);
    expect(new Set(claims.map(({ digest }) => digest)).size).toBe(4);
    expect(new Set(payments.values())).toEqual(paid);
    expect(paid.has(keyOf('faster'))).toBe(true);
  });
  it('remembers the role controls, and how each image failed under which rules', () => {
    const { controls, failures } = historyOf({ records });
    expect(controls).toEqual([0, 0]);
    expect([...failures.values()]).toMatchObject([{ verdict: 'E_GATE', block: 100 }]);
    expect([...failures.values()][0]!.rulesSha256).toMatch(/^[0-9a-f]{64}$/);
  });
});
