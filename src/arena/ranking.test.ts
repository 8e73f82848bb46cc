// Who stands where after a round: crowns, second places, shut doors and failed gates.
import { address, rulesArena as arena } from '../testing/arena-fixture.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BootTerms, VerifiedResult } from '../ledger/verified-result.ts';
import type { Place, Standing } from '../schema/standing.ts';
import type { RankedEntry, ShardBaseline } from './contests.ts';
import { afterDeregistration, rank } from './ranking.ts';

type Draft = {
  readonly name: string;
  readonly role?: VerifiedResult['role'];
  readonly verdict?: VerifiedResult['verdict'];
  /** Its score in each boot. */
  readonly scores?: readonly number[];
  readonly commitBlock?: number;
  readonly revealedAt?: number;
  readonly shard?: number;
  readonly kept?: boolean;
};

const BASE = { ttftNs: 100, tokensPerSecond: 10 };
const boot = (shard: number, at: number, score: number): BootTerms => {
  const terms = { ttftNs: 100, tokensPerSecond: 10 + 20 * score };
  return { shard, boot: at, score: Math.max(0, score), medians: terms, prompts: [terms, terms] };
};

/** An incumbent keeps the boots that it was compared in, also where it failed after them. */
function entry({
  name,
  role = 'challenger',
  verdict = 'VALID',
  kept = verdict === 'VALID',
  scores = [0.5, 0.5],
  commitBlock = 10,
  revealedAt = commitBlock,
  shard = 0,
}: Draft): RankedEntry {
  const boots = kept ? scores.map((score, i) => boot(shard, i + 1, score)) : [];
  const result = {
    ...{ key: `${address(name)}:${commitBlock}`, hotkey: address(name), commitBlock, revealedAt },
    ...{ role, verdict, reason: '', reasons: [], boots, shards: [shard] },
  };
  return { result: result as unknown as VerifiedResult, image: name, digest: name, base: null };
}

const placeOf = ({ result, image, digest }: RankedEntry, score: number): Place => {
  const { key, hotkey, commitBlock, revealedAt } = result;
  return { key, hotkey, commitBlock, revealedAt, image, digest, base: null, score };
};

const nobody: Standing = { winner: null, runnerUp: null };
const baselineIn = (shard: number): ShardBaseline => ({
  shard,
  boots: [1, 2, 3, 4, 5].map((at) => ({ ...boot(shard, at, 0), medians: BASE })),
});
const ranked = (entries: readonly RankedEntry[], standing = nobody) =>
  rank(
    {
      entries,
      baselines: [baselineIn(0), baselineIn(1)],
      rules: arena,
      noise: null,
      controlRatio: 1,
    },
    standing,
  );
const names = ({ winner, runnerUp }: Standing) => [winner?.image ?? null, runnerUp?.image ?? null];
const standingOf = (winner: RankedEntry | null, runnerUp: RankedEntry | null = null): Standing => ({
  winner: winner && placeOf(winner, 0.7),
  runnerUp: runnerUp && placeOf(runnerUp, 0.3),
});

describe('the throne', () => {
  it('goes to the crowned one that is furthest ahead, then the earlier commit, then the smaller hotkey', () => {
    const [a, b] = [
      entry({ name: 'a', scores: [0.3, 0.3] }),
      entry({ name: 'b', scores: [0.6, 0.6] }),
    ];
    expect(names(ranked([a, b, entry({ name: 'c', verdict: 'E_GATE' })]))[0]).toBe('b');
    expect(
      ranked([entry({ name: 'a', commitBlock: 9 }), entry({ name: 'b', commitBlock: 8 })]).winner
        ?.image,
    ).toBe('b');
    const [small] = [address('a'), address('b')].sort();
    expect(ranked([entry({ name: 'a' }), entry({ name: 'b' })]).winner?.hotkey).toBe(small);
  });
  it('wants more than one boot, and pays what boot 1 was worth', () => {
    const once = ranked([entry({ name: 'a', scores: [0.6] })]);
    expect(names(once)).toEqual([null, null]);
    expect([...once.undecided]).toHaveLength(1);
    expect(ranked([entry({ name: 'a', scores: [0.6, -0.1] })]).winner).toBeNull();
    expect(ranked([entry({ name: 'a', scores: [0.6, 0.4] })]).winner?.score).toBe(0.6);
  });
  it('stays with a winner that is not clearly beaten, at its fresh score', () => {
    const winner = entry({ name: 'w', role: 'winner' });
    const weak = ranked([winner, entry({ name: 'a', scores: [0.504, 0.504] })], standingOf(winner));
    expect([weak.winner?.image, weak.winner?.score]).toEqual(['w', 0.5]);
    const strong = ranked([winner, entry({ name: 'a', scores: [0.6, 0.6] })], standingOf(winner));
    expect(names(strong)).toEqual(['a', 'w']);
  });
  it('passes to the runner-up where the winner fails or is worth nothing', () => {
    const runnerUp = entry({ name: 'r', role: 'runner-up', scores: [0.9] });
    for (const draft of [{ verdict: 'E_GATE' as const }, { scores: [-0.2] }]) {
      const winner = entry({ name: 'w', role: 'winner', ...draft });
      expect(names(ranked([winner, runnerUp], standingOf(winner, runnerUp)))).toEqual(['r', null]);
    }
  });
  it('of a winner worth nothing is won against the baseline', () => {
    const winner = entry({ name: 'w', role: 'winner', scores: [0, 0] });
    const ranking = ranked([winner, entry({ name: 'a', scores: [0.1, 0.1] })], standingOf(winner));
    expect(ranking.tries[0]).toMatchObject({ against: 'baseline', decision: { takesOver: true } });
    expect(names(ranking)).toEqual(['a', null]);
  });
  it('is not won in a shard without a baseline, nor by boots in another order', () => {
    const far = entry({ name: 'a', scores: [0.9, 0.9], shard: 7 });
    const alone = ranked([far]);
    expect(alone.tries[0]).toMatchObject({ decision: { reasons: [{ code: 'no-baseline' }] } });
    expect([names(alone), alone.undecided.size]).toEqual([[null, null], 1]);
    const own = entry({ name: 'a', scores: [0.5, 0.7] });
    const turned = { ...own, result: { ...own.result, boots: own.result.boots.toReversed() } };
    expect(ranked([turned as RankedEntry]).winner).toEqual(ranked([own]).winner);
  });
  it('that fell empty goes to a challenger only where it beats the runner-up too', () => {
    const winner = entry({ name: 'w', role: 'winner', verdict: 'E_GATE' });
    const runnerUp = entry({ name: 'r', role: 'runner-up', scores: [0.4] });
    const after = (scores: readonly number[]) =>
      ranked([winner, runnerUp, entry({ name: 'a', scores })], standingOf(winner, runnerUp));
    const copy = after([0.401, 0.401]);
    expect(names(copy)).toEqual(['r', null]);
    expect([...copy.undecided]).toHaveLength(1);
    expect(names(after([0.5, 0.5]))).toEqual(['a', 'r']);
  });
  it('is no prize of a round that could not measure its holder: nothing is compared with an old score', () => {
    const winner = entry({ name: 'w', role: 'winner', verdict: 'INFRA_HOST' });
    const strong = entry({ name: 'a', scores: [0.9, 0.9] });
    const ranking = ranked([winner, strong], standingOf(winner));
    expect(ranking.winner).toMatchObject({ image: 'w', score: 0.7 });
    expect(ranking.tries[0]).toMatchObject({ against: 'shut', decision: { goesOn: true } });
    expect([...ranking.undecided]).toEqual([strong.result.key]);
  });
  it('is won by who had won before the winner failed', () => {
    const winner = entry({
      name: 'w',
      role: 'winner',
      verdict: 'E_EXIT',
      kept: true,
      scores: [0.3, 0.3],
    });
    const runnerUp = entry({ name: 'r', role: 'runner-up', scores: [0.38] });
    const champion = entry({ name: 'a', scores: [0.4, 0.4] });
    const ranking = ranked([winner, runnerUp, champion], standingOf(winner, runnerUp));
    expect(names(ranking)).toEqual(['a', 'r']);
    expect(ranking.undecided.size).toBe(0);
    const going = entry({ name: 'b', scores: [0.4] });
    const still = ranked([winner, runnerUp, going], standingOf(winner, runnerUp));
    expect([names(still), still.undecided.size]).toEqual([['r', null], 1]);
  });
  it('goes to a lead over the winner before any lead over the baseline', () => {
    const winner = entry({
      name: 'w',
      role: 'winner',
      verdict: 'E_EXIT',
      kept: true,
      scores: [0.3, 0.3],
    });
    const beside = entry({ name: 'a', scores: [0.4, 0.4] });
    const apart = entry({ name: 'b', scores: [0.35, 0.35], shard: 1 });
    expect(names(ranked([winner, beside, apart], standingOf(winner)))[0]).toBe('a');
  });
  it('is not taken in a shard that did not see the winner, nor where its later boot is missing', () => {
    const winner = entry({ name: 'w', role: 'winner' });
    const elsewhere = entry({ name: 'a', scores: [0.9, 0.9], shard: 1 });
    const apart = ranked([winner, elsewhere], standingOf(winner));
    expect([names(apart)[0], apart.undecided.size]).toEqual(['w', 1]);
    const short = entry({ name: 'w', role: 'winner', scores: [0.5] });
    const ended = ranked([short, entry({ name: 'a', scores: [0.9] })], standingOf(short));
    expect([names(ended)[0], ended.undecided.size]).toEqual(['w', 1]);
  });
});

describe('the second place', () => {
  const winner = entry({ name: 'w', role: 'winner' });
  const newcomer = (more: Partial<Draft>) => entry({ name: 'n', scores: [0.4], ...more });
  it('belongs to the dethroned winner before a challenger that beat only the old runner-up', () => {
    const runnerUp = entry({ name: 'r', role: 'runner-up', scores: [0.2] });
    const champion = entry({ name: 'c', scores: [0.8, 0.8], commitBlock: 50 });
    const copies = Array.from({ length: 10 }, (_, i) =>
      entry({ name: `copy${i}`, scores: [0.5001], commitBlock: 20 + i }),
    );
    const ranking = ranked([winner, runnerUp, champion, ...copies], standingOf(winner, runnerUp));
    expect(names(ranking)).toEqual(['c', 'w']);
  });
  it('is closed to whoever committed after the winner’s image could be seen', () => {
    const seen = entry({ name: 'w', role: 'winner', revealedAt: 30 });
    const after = (commitBlock: number) =>
      names(ranked([seen, newcomer({ commitBlock })], standingOf(seen)))[1];
    expect(after(29)).toBe('n');
    expect(after(30)).toBeNull();
    expect(after(31)).toBeNull();
  });
  it('goes from the standing runner-up only to one that is surely better', () => {
    const late = entry({ name: 'w', role: 'winner', revealedAt: 99 });
    const runnerUp = entry({ name: 'r', role: 'runner-up', scores: [0.3] });
    const after = (score: number) =>
      names(ranked([late, runnerUp, newcomer({ scores: [score] })], standingOf(late, runnerUp)))[1];
    // The scale is its floor 0.002, the bound Z 3, the margin 0.01 of the runner-up's 0.3.
    expect(after(0.3 + 0.003 + 0.0061)).toBe('n');
    expect(after(0.3 + 0.003 + 0.0059)).toBe('r');
    expect(after(0.301)).toBe('r');
  });
  it('stays with a runner-up that this round could not measure, and nobody who might have had it is done', () => {
    const late = entry({ name: 'w', role: 'winner', revealedAt: 99 });
    const runnerUp = entry({ name: 'r', role: 'runner-up', verdict: 'INFRA_HOST' });
    const ranking = ranked([late, runnerUp, newcomer({})], standingOf(late, runnerUp));
    expect(ranking.runnerUp).toMatchObject({ image: 'r', score: 0.3 });
    expect(ranking.undecided.size).toBe(1);
  });
  it('is no reason to be measured again: who has it now is in every round', () => {
    const before = entry({ name: 'w', role: 'winner', scores: [0.3, 0.3], revealedAt: 99 });
    const runnerUp = entry({ name: 'r', role: 'runner-up', verdict: 'INFRA_HOST' });
    const crowned = entry({ name: 'a', scores: [0.6, 0.6], commitBlock: 50, revealedAt: 60 });
    const second = entry({ name: 'c', scores: [0.4, 0.3], commitBlock: 40 });
    const ranking = ranked([before, runnerUp, crowned, second], standingOf(before, runnerUp));
    expect(names(ranking)).toEqual(['a', 'c']);
    expect(ranking.undecided.size).toBe(0);
  });
  it('is empty where its holder failed, or is worth nothing', () => {
    for (const draft of [{ verdict: 'E_EXIT' as const }, { scores: [0] }]) {
      const runnerUp = entry({ name: 'r', role: 'runner-up', ...draft });
      expect(names(ranked([winner, runnerUp], standingOf(winner, runnerUp)))).toEqual(['w', null]);
    }
  });
  it('goes to one that surely beats the baseline where throne and place are empty', () => {
    const [small, none] = [
      entry({ name: 'a', scores: [0.0062] }),
      entry({ name: 'b', scores: [0.0058] }),
    ];
    const ranking = ranked([small, none]);
    expect(names(ranking)[0]).toBeNull();
    // Its own try goes on: it comes first in the next plan, and holds no place meanwhile.
    expect(names(ranking)[1]).toBeNull();
    expect(ranking.undecided.size).toBe(2);
    const ended = [
      entry({ name: 'a', scores: [0.1, -0.1] }),
      entry({ name: 'b', scores: [0.004, 0] }),
    ];
    expect(names(ranked(ended))).toEqual([null, 'a']);
    expect(names(ranked([ended[1]!]))).toEqual([null, null]);
  });
});

describe('a challenger', () => {
  it('that was beaten to the throne by another is done, and one beside a measured runner-up too', () => {
    const [a, b] = [
      entry({ name: 'a', scores: [0.3, 0.3] }),
      entry({ name: 'b', scores: [0.6, 0.6] }),
    ];
    expect(ranked([a, b]).undecided.size).toBe(0);
    const winner = entry({ name: 'w', role: 'winner' });
    const runnerUp = entry({ name: 'r', role: 'runner-up', scores: [0.2] });
    const weak = entry({ name: 'n', scores: [0.1] });
    const ranking = ranked([winner, runnerUp, weak], standingOf(winner, runnerUp));
    expect(ranking.undecided.size).toBe(0);
    const late = entry({ name: 'late', scores: [0.1], commitBlock: 99 });
    const lost = entry({ name: 'r', role: 'runner-up', verdict: 'INFRA_DRIFT' });
    const copy = ranked([winner, lost, late], standingOf(winner, lost));
    expect(copy.undecided.size).toBe(0);
    const blind = entry({ name: 'r', role: 'runner-up', verdict: 'INFRA_DRIFT', shard: 1 });
    const apart = ranked([winner, blind, weak], standingOf(winner, blind));
    expect(apart.undecided.size).toBe(0);
  });
});

describe('a place', () => {
  const [w, r] = [entry({ name: 'w' }), entry({ name: 'r' })];
  const after = (...left: readonly string[]) =>
    names(afterDeregistration(standingOf(w, r), ({ image }) => !left.includes(image)));
  it('whose hotkey left is empty, and the runner-up moves up', () => {
    expect(after()).toEqual(['w', 'r']);
    expect(after('r')).toEqual(['w', null]);
    expect(after('w')).toEqual(['r', null]);
    expect(after('w', 'r')).toEqual([null, null]);
  });
});

describe('any ranking', () => {
  const drafts = fc.array(
    fc.record({
      name: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      score: fc.double({ min: -1, max: 2, noNaN: true }),
      commitBlock: fc.integer({ min: 1, max: 3 }),
      shard: fc.integer({ min: 0, max: 1 }),
      verdict: fc.constantFrom('VALID' as const, 'E_GATE' as const, 'INFRA_HOST' as const),
    }),
    { maxLength: 6 },
  );
  const entriesOf = (list: readonly { name: string; commitBlock: number; score: number }[]) =>
    [...new Map(list.map((item) => [`${item.name}${item.commitBlock}`, item])).values()].map(
      ({ score, ...rest }) => entry({ ...rest, scores: [score, score] }),
    );
  it('is the same for any order of the entries', () => {
    fc.assert(
      fc.property(drafts, fc.infiniteStream(fc.nat()), (list, random) => {
        const entries = entriesOf(list);
        const mixed = entries
          .map((item) => ({ item, at: random.next().value as number }))
          .sort((x, y) => x.at - y.at)
          .map(({ item }) => item);
        expect(ranked(mixed)).toEqual(ranked(entries));
      }),
    );
  });
  it('seats nobody who failed or scored nothing, and nobody twice', () => {
    fc.assert(
      fc.property(drafts, (list) => {
        const { winner, runnerUp } = ranked(entriesOf(list));
        for (const place of [winner, runnerUp]) if (place) expect(place.score).toBeGreaterThan(0);
        if (winner && runnerUp) expect(winner.key).not.toBe(runnerUp.key);
        if (winner) expect(list.some(({ verdict }) => verdict === 'VALID')).toBe(true);
      }),
    );
  });
});
