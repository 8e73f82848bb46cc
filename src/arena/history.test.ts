// What a ledger says of the past: verdicts, claims, margins, payments and images that left.
import { beforeAll, describe, expect, it } from 'vitest';
import { readLedger } from '../ledger/read.ts';
import type { AnyRecord } from '../ledger/verify.ts';
import { because } from '../schema/reasons.ts';
import type { Verdict } from '../schema/verdicts.ts';
import { keyOf, ledgerFixture, type LedgerFixture } from '../testing/ledger-fixture.ts';
import { historyOf, isGone } from './history.ts';

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
  it('adds margins up over the rounds of an image', () => {
    const image = (block: number) => {
      const history = historyOf(until(block));
      return history.images.get(history.standing.winner!.digest)!;
    };
    const [first, both] = [image(100), historyOf({ records })];
    const fast = both.images.get(both.standing.runnerUp!.digest)!;
    expect(first).toEqual({ rounds: 1, tokens: 48, clippedNats: 0 });
    expect(fast.rounds).toBe(2);
    expect(fast.tokens).toBeGreaterThan(first.tokens);
  });
  it('remembers who claimed a digest first, and which payments were spent', () => {
    const { claims, payments, paid } = historyOf({ records });
    expect(claims).toHaveLength(4);
    expect(new Set(claims.map(({ digest }) => digest)).size).toBe(4);
    expect(new Set(payments.values())).toEqual(paid);
    expect(paid.has(keyOf('faster'))).toBe(true);
  });
});

describe('an image that is gone', () => {
  const boot = (verdict: Verdict, code: string) => ({ verdict, ...because(code, code) });
  const gone = boot('INFRA_REGISTRY', 'image-gone');
  it('is gone where every boot says so, by its code', () => {
    expect(isGone([gone, gone])).toBe(true);
    expect(isGone([])).toBe(false);
    expect(isGone([gone, boot('INFRA_REGISTRY', 'registry')])).toBe(false);
    expect(isGone([boot('E_REF', 'image-gone')])).toBe(false);
  });
  const round = (block: number, verdict: Verdict, code: string): AnyRecord[] => {
    const plan = records.find(({ kind }) => kind === 'plan')!;
    const judged = records.find(({ kind }) => kind === 'round')! as Extract<
      AnyRecord,
      { kind: 'round' }
    >;
    const entry = judged.predicate.entries[0]!;
    const report = { ...entry.boots[0]!.report, ...boot(verdict, code) };
    const entries = [{ ...entry, verdict, boots: [{ shard: 0, boot: 1, report }] }];
    const at = { number: block, hash: '0x00' };
    const sha256 = `plan ${block}`;
    return [
      { ...plan, sha256, predicate: { ...plan.predicate, block: at } } as AnyRecord,
      { ...judged, predicate: { ...judged.predicate, plan: sha256, entries, block: at } },
    ];
  };
  it('is remembered from the first round that missed it to the first that finds it', () => {
    const missing = [...round(10, 'INFRA_REGISTRY', 'image-gone')];
    const still = [...missing, ...round(20, 'INFRA_REGISTRY', 'image-gone')];
    const unknown = [...still, ...round(30, 'INFRA_REGISTRY', 'registry')];
    const back = [...unknown, ...round(40, 'VALID', 'gate-passed')];
    const since = [missing, still, unknown, back].map((list) => [
      ...historyOf({ records: list }).gone.values(),
    ]);
    expect(since).toEqual([[10], [10], [10], []]);
  });
});
