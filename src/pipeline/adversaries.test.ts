// Scripted adversaries over many rounds of a ledger: what hiding, dying, breaking and flooding earn.
import { describe, expect, it } from 'vitest';
import { type Deed, type Miner, Season, times } from '../testing/season.ts';

const honest = (
  name: string,
  enters: number,
  factor: number,
  more: Partial<Miner> = {},
): Miner => ({
  ...{ name, enters },
  deed: () => times(factor),
  ...more,
});
/** Names of the standing's holders after a round. */
const holders = (season: Season) => {
  const { winner, runnerUp } = season.history.standing;
  return [season.nameOf(winner?.key), season.nameOf(runnerUp?.key)];
};
const verdicts = (season: Season, name: string, rounds: number) =>
  Array.from({ length: rounds }, () => {
    const { body } = season.play();
    return body.entries.find(({ key }) => season.nameOf(key) === name)?.verdict ?? null;
  });

describe('a winner that hides behind its own registry', () => {
  it('S02 loses its place in the second round, and the rival that met the shut door takes it in the next', () => {
    const hides: Miner = honest('winner', 1, 2, {
      deed: ({ round }): Deed => (round === 1 ? times(2) : { event: 'image-gone' }),
    });
    const other = (enters: number) => honest(`other ${enters}`, enters, 1.05);
    const season = new Season([hides, honest('rival', 2, 3), ...[2, 3, 4].map(other)]);
    season.play();
    expect(holders(season)).toEqual(['winner', null]);
    const second = season.play();
    expect(season.entry(second.body, 'winner').verdict).toBe('INFRA_REGISTRY');
    expect(season.entry(second.body, 'rival')).toMatchObject({ verdict: 'VALID', final: false });
    expect(holders(season)[0]).toBe('winner');
    const third = season.play();
    expect(season.entry(third.body, 'winner')).toMatchObject({ verdict: 'E_REF' });
    expect(season.entry(third.body, 'winner').reason).toMatch(/in 2 rounds, first at block 4000/);
    expect(season.entry(third.body, 'rival').final).toBe(false);
    season.play();
    expect(holders(season)[0]).toBe('rival');
  });
  it('keeps it for fifty rounds where nothing else could be fetched either: then the network failed', () => {
    const hides = honest('winner', 1, 2, {
      deed: ({ round }): Deed => (round === 1 ? times(2) : { event: 'registry' }),
    });
    const down = honest('rival', 2, 3, { deed: () => ({ event: 'registry' }) });
    const season = new Season([hides, down]);
    for (let round = 1; round <= 50; round++) season.play();
    expect(holders(season)).toEqual(['winner', null]);
  });
});

describe('a winner that dies in chosen boots', () => {
  it('ends the takeover once, and loses its place as its repetition dies too', () => {
    const dies = honest('winner', 1, 2, {
      deed: ({ round, boot }): Deed => (round > 1 && boot === 2 ? { event: 'exit' } : times(2)),
    });
    const season = new Season([dies, honest('rival', 2, 3)]);
    season.play();
    const { body } = season.play();
    expect(season.entry(body, 'rival')).toMatchObject({ verdict: 'VALID', final: false });
    expect(season.entry(body, 'winner').verdict).toBe('E_EXIT');
    expect(holders(season)).toEqual([null, null]);
    const { drawn } = season.play();
    expect(drawn.shards.flatMap(({ entries }) => entries)).toEqual([
      season.key({ name: 'rival', enters: 2 }),
    ]);
    expect(holders(season)).toEqual(['rival', null]);
  });
  it.each(['E_CONTENT', 'E_GATE'] as const)('loses it by %s in one later boot too', (fault) => {
    const cheats = honest('winner', 1, 2, {
      deed: ({ round, boot }): Deed =>
        round > 1 && boot === 2
          ? { ...times(2), ...(fault === 'E_GATE' ? { marginNats: 5 } : { broken: true }) }
          : times(2),
    });
    const season = new Season([cheats, honest('rival', 2, 3)]);
    season.play();
    const { body } = season.play();
    expect(season.entry(body, 'winner').verdict).toBe(fault);
    expect(season.entry(body, 'rival')).toMatchObject({ verdict: 'VALID', final: false });
    season.play();
    expect(holders(season)[0]).toBe('rival');
  });
  it.each([2, 3])('gains nothing by sleeping in boot %i: it counts as never answering', (late) => {
    const sleeps = honest('winner', 1, 2, {
      deed: ({ round, boot }): Deed => times(round > 1 && boot === late ? 0.2 : 2),
    });
    const season = new Season([sleeps, honest('rival', 2, late === 2 ? 3 : 2.03)]);
    season.play();
    const { body } = season.play();
    expect(season.entry(body, 'winner').verdict).toBe('VALID');
    if (late === 2) expect(holders(season)[0]).toBe('rival');
  });
  it('keeps it where the repetition answers', () => {
    const stumbles = honest('winner', 1, 2, {
      deed: ({ round, run }): Deed => (round > 1 && run === 1 ? { event: 'exit' } : times(2)),
    });
    const season = new Season([stumbles, honest('rival', 2, 1.5)]);
    season.play();
    const { body } = season.play();
    expect(season.entry(body, 'winner')).toMatchObject({ verdict: 'VALID' });
    expect(holders(season)[0]).toBe('winner');
  });
  it('gains nothing by being slow in one boot, and nothing against a far faster rival', () => {
    const slows = honest('winner', 1, 2, {
      deed: ({ round, boot }): Deed => times(round > 1 && boot === 2 ? 1.2 : 2),
    });
    const season = new Season([slows, honest('rival', 2, 3)]);
    season.play();
    season.play();
    expect(holders(season)[0]).toBe('rival');
  });
});

describe('a runner-up behind a busy registry', () => {
  it('loses its place, and keeps nobody from being done', () => {
    const busy = honest('second', 1, 1.5, {
      deed: ({ round }): Deed => (round === 1 ? times(1.5) : { event: 'registry-busy' }),
    });
    const others = [2, 3, 4].map((enters) => honest(`other ${enters}`, enters, 1.1));
    const season = new Season([honest('winner', 1, 2), busy, ...others]);
    season.play();
    expect(holders(season)).toEqual(['winner', 'second']);
    const { body } = season.play();
    expect(season.entry(body, 'other 2')).toMatchObject({ verdict: 'VALID', final: true });
    season.play();
    expect(holders(season)).toEqual(['winner', null]);
  });
});

describe('a server that breaks the machine', () => {
  it('S03 runs last and alone after two rounds, and ends with E_EXIT in the third', () => {
    const bomb = honest('bomb', 1, 1, { deed: () => 'breaks the host' });
    const season = new Season([bomb, honest('victim', 1, 2), honest('later', 3, 3)]);
    expect(verdicts(season, 'bomb', 2)).toEqual(['INFRA_HOST', 'INFRA_HOST']);
    expect(holders(season)).toEqual([null, null]);
    const third = season.play();
    const last = third.drawn.shards.at(-1)!.entries;
    expect(last.map((key) => season.nameOf(key))).toEqual(['bomb']);
    expect(season.entry(third.body, 'bomb')).toMatchObject({
      verdict: 'E_EXIT',
      reasons: [{ code: 'breaks-host', value: 3 }],
    });
    expect(season.entry(third.body, 'victim').verdict).toBe('VALID');
    expect(holders(season)[0]).toBe('later');
  });
});

describe('a flood', () => {
  const flood = Array.from({ length: 40 }, (_, i) =>
    honest(`slow ${i}`, 1, 0.2, { coldkey: 'flooder' }),
  );
  it('S01 S04 of forty entries that are as slow as allowed takes two places a plan, and no time beyond 3x', () => {
    const season = new Season([...flood, honest('newcomer', 2, 2)]);
    const first = season.play();
    const measured = ({ shards }: typeof first.drawn) =>
      shards.flatMap(({ entries }) => entries).map((key) => season.nameOf(key));
    expect(measured(first.drawn)).toHaveLength(2);
    const waiting = first.plan.predicate.submissions.filter(({ status }) => status === 'waiting');
    expect(waiting).toHaveLength(38);
    expect(waiting.every(({ reasons }) => reasons[0]!.code === 'queued')).toBe(true);
    expect(first.body.entries[0]).toMatchObject({ verdict: 'VALID', score: 0, final: true });
    expect(first.body.entries[0]!.reasons[0]).toMatchObject({ code: 'too-slow' });
    const second = season.play();
    expect(measured(second.drawn)).toContain('newcomer');
    expect(holders(season)[0]).toBe('newcomer');
  });
});

describe('padded copies', () => {
  it('S06 of the winner take neither its throne nor the second place', () => {
    const copies = Array.from({ length: 10 }, (_, i) =>
      honest(`copy ${i}`, 2, 2 + i / 1000, { coldkey: `copier ${i}` }),
    );
    const season = new Season([honest('winner', 1, 2), honest('second', 1, 1.5), ...copies]);
    season.play();
    expect(holders(season)).toEqual(['winner', 'second']);
    for (let round = 2; round <= 4; round++) season.play();
    expect(holders(season)).toEqual(['winner', 'second']);
  });
});

describe('one miner with two hotkeys', () => {
  it('gets no more than with one: both places together are the pool', () => {
    const twin = (name: string) => honest(name, 1, 2, { coldkey: 'one' });
    const season = new Season([twin('first'), twin('again')]);
    season.play();
    const [winner, runnerUp] = holders(season);
    expect([winner, runnerUp].sort()).toEqual(['again', 'first']);
    const { emission } = season.arena;
    expect(emission.winnerShare + emission.runnerUpShare).toBe(1);
  });
});

describe('an image that failed', () => {
  it('fails again without being measured under another hotkey or in another submission', () => {
    const cheat = (enters: number, name: string) =>
      honest(name, enters, 5, {
        image: `ghcr.io/${name}/x`,
        digest: `sha256:${'c'.repeat(64)}`,
        deed: () => ({ ...times(5), marginNats: 5 }),
      });
    const season = new Season([cheat(1, 'cheat'), cheat(2, 'again'), honest('other', 2, 2)]);
    const first = season.play();
    expect(season.entry(first.body, 'cheat').verdict).toBe('E_GATE');
    const { plan } = season.play();
    const again = plan.predicate.submissions.find(({ key }) => season.nameOf(key) === 'again')!;
    expect(again).toMatchObject({ status: 'rejected', verdict: 'E_COPY' });
  });
});

describe('a registry', () => {
  const closed = (event: 'registry' | 'registry-busy' | 'image-gone') => {
    const shut = honest('shut', 1, 2, { deed: () => ({ event }) });
    const others = [1, 2, 3, 4].map((enters) => honest(`other ${enters}`, enters, 1.1));
    return verdicts(new Season([shut, ...others]), 'shut', 4);
  };
  it('that fails a challenger alone for three rounds is the challenger’s own, but never a busy one', () => {
    expect(closed('image-gone')).toEqual(['INFRA_REGISTRY', 'INFRA_REGISTRY', 'E_REF', null]);
    expect(closed('registry')).toEqual(['INFRA_REGISTRY', 'INFRA_REGISTRY', 'E_REF', null]);
    expect(closed('registry-busy')).toEqual(Array.from({ length: 4 }, () => 'INFRA_REGISTRY'));
  });
  it('that failed for all is nobody’s fault', () => {
    const shut = (name: string) => honest(name, 1, 2, { deed: () => ({ event: 'registry' }) });
    expect(verdicts(new Season([shut('a'), shut('b')]), 'a', 5)).toEqual(
      Array.from({ length: 5 }, () => 'INFRA_REGISTRY'),
    );
  });
});
