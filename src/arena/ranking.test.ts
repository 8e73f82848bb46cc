// Who stands where after a round: crowns, ties, INFRA rounds and failed gates.
import { address, rulesArena as arena } from '../testing/arena-fixture.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { VerifiedResult } from '../ledger/verified-result.ts';
import { rank, type RankedEntry, type RankingRules } from './ranking.ts';
import type { Place, Standing } from '../schema/standing.ts';

const rules: RankingRules = { ...arena, boots: 1 };

type Draft = {
  name: string;
  role?: VerifiedResult['role'];
  verdict?: VerifiedResult['verdict'];
  scores?: number[];
  commitBlock?: number;
};

function entry({
  name,
  role = 'challenger',
  verdict = 'VALID',
  scores = [0.5],
  commitBlock = 10,
}: Draft): RankedEntry {
  const boots =
    verdict === 'VALID'
      ? scores.map((score, i) => ({
          shard: 0,
          boot: i + 1,
          score: Math.max(0, score),
          promptScores: [score, score, score, score],
        }))
      : [];
  const result = {
    key: `${address(name)}:${commitBlock}`,
    hotkey: address(name),
    commitBlock,
    role,
    verdict,
    reason: '',
    boots,
  };
  return { result: result as unknown as VerifiedResult, image: name, digest: name };
}

const placeOf = (item: RankedEntry, score: number, infraRounds = 0): Place => ({
  key: item.result.key,
  hotkey: item.result.hotkey,
  commitBlock: item.result.commitBlock,
  image: item.image,
  digest: item.digest,
  score,
  infraRounds,
});

const nobody: Standing = { winner: null, runnerUp: null };

describe('ranking', () => {
  it('crowns the best of those that take over, and keeps the next as runner-up', () => {
    const ranking = rank(
      [
        entry({ name: 'a', scores: [0.3] }),
        entry({ name: 'b', scores: [0.6] }),
        entry({ name: 'c', verdict: 'E_GATE' }),
      ],
      nobody,
      rules,
    );
    expect([ranking.winner?.image, ranking.runnerUp?.image]).toEqual(['b', 'a']);
  });
  it('wants a yes in every boot and takes the lower score', () => {
    const twice: RankingRules = { ...rules, boots: 2 };
    expect(rank([entry({ name: 'a', scores: [0.6] })], nobody, twice).winner).toBeNull();
    expect(rank([entry({ name: 'a', scores: [0.6, -0.1] })], nobody, twice).winner).toBeNull();
    expect(rank([entry({ name: 'a', scores: [0.6, 0.4] })], nobody, twice).winner?.score).toBe(0.4);
  });
  it('breaks ties by commit block, then by hotkey', () => {
    expect(
      rank(
        [entry({ name: 'a', commitBlock: 9 }), entry({ name: 'b', commitBlock: 8 })],
        nobody,
        rules,
      ).winner?.image,
    ).toBe('b');
    const [small] = [address('a'), address('b')].sort();
    expect(rank([entry({ name: 'a' }), entry({ name: 'b' })], nobody, rules).winner?.hotkey).toBe(
      small,
    );
  });
  it('leaves the throne to a winner that is not clearly beaten', () => {
    const winner = entry({ name: 'w', role: 'winner', scores: [0.5] });
    const standing = { winner: placeOf(winner, 0.7), runnerUp: null };
    const ranking = rank([winner, entry({ name: 'a', scores: [0.504] })], standing, rules);
    expect([ranking.winner?.image, ranking.winner?.score, ranking.runnerUp?.image]).toEqual([
      'w',
      0.5,
      'a',
    ]);
    expect(rank([winner, entry({ name: 'a', scores: [0.6] })], standing, rules).winner?.image).toBe(
      'a',
    );
  });
  it('moves the runner-up up when the winner fails or scores 0, and not otherwise', () => {
    const runnerUp = entry({ name: 'r', role: 'runner-up', scores: [0.9] });
    const standing = (winner: RankedEntry): Standing => ({
      winner: placeOf(winner, 0.7),
      runnerUp: placeOf(runnerUp, 0.3),
    });
    for (const draft of [{ verdict: 'E_GATE' as const }, { scores: [-0.2] }]) {
      const winner = entry({ name: 'w', role: 'winner', ...draft });
      expect(rank([winner, runnerUp], standing(winner), rules).winner?.image).toBe('r');
    }
    const winner = entry({ name: 'w', role: 'winner', scores: [0.4] });
    expect(rank([winner, runnerUp], standing(winner), rules)).toMatchObject({
      winner: { image: 'w' },
      runnerUp: { image: 'r' },
    });
  });
  it('keeps a winner in INFRA, then makes it a bar, then takes its place away', () => {
    const winner = entry({ name: 'w', role: 'winner', verdict: 'INFRA_HOST' });
    const strong = entry({ name: 'a', scores: [0.8] });
    const weak = entry({ name: 'b', scores: [0.2] });
    const round = (streak: number, challenger: RankedEntry) =>
      rank([winner, challenger], { winner: placeOf(winner, 0.5, streak), runnerUp: null }, rules);
    expect(round(0, strong).winner).toMatchObject({ image: 'w', score: 0.5, infraRounds: 1 });
    expect(round(1, strong).winner).toMatchObject({ image: 'w', infraRounds: 2 });
    expect(round(2, strong).winner?.image).toBe('a');
    expect(round(2, weak).winner).toMatchObject({ image: 'w', infraRounds: 3 });
    expect(round(3, weak).winner).toBeNull();
  });
  it('does not count a round in which nobody could be measured', () => {
    const winner = entry({ name: 'w', role: 'winner', verdict: 'INFRA_HOST' });
    const ranking = rank(
      [winner, entry({ name: 'a', verdict: 'INFRA_HOST' })],
      { winner: placeOf(winner, 0.5, 2), runnerUp: null },
      rules,
    );
    expect(ranking.winner).toMatchObject({ image: 'w', infraRounds: 2 });
  });
  it('gives the same answer for any order of the entries', () => {
    const drafts = fc.array(
      fc.record({
        name: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
        score: fc.double({ min: -1, max: 2, noNaN: true }),
        commitBlock: fc.integer({ min: 1, max: 3 }),
      }),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(drafts, fc.infiniteStream(fc.nat()), (list, random) => {
        const unique = [
          ...new Map(list.map((item) => [`${item.name}${item.commitBlock}`, item])).values(),
        ];
        const entries = unique.map(({ score, ...rest }) => entry({ ...rest, scores: [score] }));
        const keyed = entries
          .map((item) => ({ item, at: random.next().value as number }))
          .sort((a, b) => a.at - b.at);
        expect(
          rank(
            keyed.map(({ item }) => item),
            nobody,
            rules,
          ),
        ).toEqual(rank(entries, nobody, rules));
      }),
    );
  });
  it('never crowns a failed gate', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 1, maxLength: 3 }),
        (scores) => {
          expect(
            rank([entry({ name: 'x', verdict: 'E_GATE', scores })], nobody, rules),
          ).toMatchObject({
            winner: null,
            runnerUp: null,
          });
        },
      ),
    );
  });
});
