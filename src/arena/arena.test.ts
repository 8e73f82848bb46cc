// Tests of the competition's rules: takeover, ranking, emission, payloads and submissions.
import { because } from '../schema/reasons.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeSs58 } from '../core/ss58.ts';
import { sha256, sha256Hex } from '../core/hash.ts';
import { utf8 } from '../core/bytes.ts';
import type { VerifiedResult } from '../ledger/verified-result.ts';
import { emissionShares, toWeights } from './emission.ts';
import { checkImage } from '../schema/image-ref.ts';
import { parsePayload, paymentRemark, renderPayload } from './payload.ts';
import { dealShards } from './deal.ts';
import { rank, type Place, type RankedEntry, type RankingRules, type Standing } from './ranking.ts';
import { parseArena } from '../schema/arena.ts';
import { testArena } from '../testing/test-arena.ts';
import { listSubmissions, type Commitment, type Neuron } from './submissions.ts';
import { EMPTY_HISTORY } from './history.ts';
import { decideBoot, differences, lowerBound } from './takeover.ts';

const address = (name: string): string => encodeSs58(sha256(name));
const arena = testArena(address('treasury'));
const rules: RankingRules = { ...arena, boots: 1 };
const emission = { burnUid: 0, emission: arena.emission };

/** P(T > t) of Student's t, by Simpson's rule over the density from 0 to t. */
function upperTail(t: number, freedom: number): number {
  let density = 1 / Math.PI;
  if (freedom > 1) {
    // Gamma((n+1)/2) / (sqrt(n pi) Gamma(n/2)), by the recurrence over n in steps of 2.
    density = freedom % 2 === 0 ? 1 / (2 * Math.SQRT2) : 1 / Math.PI;
    for (let n = freedom % 2 === 0 ? 2 : 1; n < freedom; n += 2)
      density *= ((n + 1) / n) * Math.sqrt(n / (n + 2));
  }
  const pdf = (x: number): number => density * (1 + (x * x) / freedom) ** (-(freedom + 1) / 2);
  const steps = 4000;
  const h = t / steps;
  let sum = pdf(0) + pdf(t);
  for (let i = 1; i < steps; i++) sum += pdf(i * h) * (i % 2 === 0 ? 2 : 4);
  return 0.5 - (sum * h) / 3;
}

describe('takeover', () => {
  it('takes the lower bound of the rules', () => {
    const values = [0.1, 0.2, 0.3, 0.4, 0.5];
    // mean 0.3, s^2 = 0.025, t(0.95, 4) = 2.131847
    expect(lowerBound(values, 0.05)).toBeCloseTo(
      0.3 - 2.131847 * Math.sqrt(0.025 / 5 + 0.0025),
      12,
    );
    expect(lowerBound([0.5], 0.05)).toBe(-Infinity);
    expect(lowerBound([0.5, null, 0.5], 0.05)).toBe(-Infinity);
    expect(differences([0.5, null], [0.25, 1], 1.01)).toEqual([0.5 - 1.01 * 0.25, null]);
  });
  it("uses Student's one-sided 95 % quantiles, as integrating the density gives them", () => {
    // With values 1, -1 around a mean of 0 (or 0 beside them) the bound is -t * sqrt(s^2 / n).
    for (let freedom = 1; freedom <= 80; freedom++) {
      const values = Array.from({ length: freedom + 1 }, (_, i) => (i % 2 === 0 ? 1 : -1));
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
      const error = Math.sqrt(squares / freedom / values.length);
      const t = (mean - lowerBound(values, 0)) / error;
      // More degrees of freedom than the table has use its last entry.
      expect(upperTail(t, Math.min(freedom, 60))).toBeCloseTo(0.05, 6);
    }
  });
  it('counts a bound of exactly 0, and a score of exactly the bar, as no', () => {
    const even = { score: 0.6, promptScores: [0, 0, 0] };
    const exact = { takeoverMargin: 1, bootSd: 0 };
    expect(decideBoot(even, { kind: 'none' }, exact).takesOver).toBe(false);
    const zero = { kind: 'fresh', score: 0.5, promptScores: [0, 0, 0] } as const;
    expect(decideBoot(even, zero, exact).takesOver).toBe(false);
    const strong = { score: 0.505, promptScores: [0.9, 0.9, 0.9] };
    const point = { kind: 'point', score: 0.5 } as const;
    expect(decideBoot(strong, point, arena)).toMatchObject({ takesOver: false, bar: 0.505 });
    expect(decideBoot({ ...strong, score: 0.506 }, point, arena).takesOver).toBe(true);
  });
  it('meets no bar where the fresh score of the winner is 0, whatever its prompts were', () => {
    const winner = { kind: 'fresh', score: 0, promptScores: [5, 5, 5] } as const;
    const run = { score: 0.1, promptScores: [0.1, 0.1, 0.1] };
    expect(decideBoot(run, winner, arena)).toMatchObject({ takesOver: true, bar: 0 });
  });
  it('wants the point and the bound', () => {
    const winner = { kind: 'fresh', score: 0.5, promptScores: [0.5, 0.5, 0.5] } as const;
    expect(decideBoot({ score: 0.6, promptScores: [0.6, 0.6, 0.6] }, winner, arena).takesOver).toBe(
      true,
    );
    expect(
      decideBoot({ score: 0.505, promptScores: [0.6, 0.6, 0.6] }, winner, arena).takesOver,
    ).toBe(false);
    expect(decideBoot({ score: 0.6, promptScores: [1.2, 0.3, 0.3] }, winner, arena).takesOver).toBe(
      false,
    );
  });
  it('has no bar where the winner scores 0', () => {
    const bar = { kind: 'fresh', score: 0, promptScores: [-0.1, -0.1] } as const;
    expect(decideBoot({ score: 0.05, promptScores: [0.05, 0.05] }, bar, arena)).toMatchObject({
      takesOver: true,
      bar: 0,
    });
    expect(decideBoot({ score: 0, promptScores: [0.05, 0.05] }, bar, arena).takesOver).toBe(false);
  });
  it('is shut to everyone while the winner could not be measured', () => {
    expect(decideBoot({ score: 9, promptScores: [9, 9] }, { kind: 'shut' }, arena).takesOver).toBe(
      false,
    );
  });
});

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

describe('emission', () => {
  const uids = (map: Record<string, number | null>) => (hotkey: string) => map[hotkey] ?? null;
  const place = (name: string, score: number): Place => ({
    key: name,
    hotkey: name,
    commitBlock: 1,
    image: '',
    digest: '',
    score,
    infraRounds: 0,
  });
  const shareMap = (standing: Standing, map: Record<string, number | null>) =>
    Object.fromEntries(
      emissionShares(standing, uids(map), emission).map(({ uid, share }) => [uid, share]),
    );
  it('burns everything without a winner', () => {
    expect(shareMap(nobody, {})).toEqual({ 0: 1 });
    expect(toWeights(emissionShares(nobody, uids({}), emission))).toEqual([
      { uid: 0, weight: 65535 },
    ]);
  });
  it('splits the pool 80 to 20 and burns the rest', () => {
    const shares = shareMap(
      { winner: place('w', 0.05), runnerUp: place('r', 0.04) },
      { w: 3, r: 5 },
    );
    expect(shares[0]).toBeCloseTo(0.5, 12);
    expect(shares[3]).toBeCloseTo(0.4, 12);
    expect(shares[5]).toBeCloseTo(0.1, 12);
  });
  it('gives a lone winner the pool, and lets the runner-up replace a winner that left', () => {
    expect(shareMap({ winner: place('w', 2), runnerUp: null }, { w: 3 })).toEqual({ 0: 0, 3: 1 });
    const left = shareMap({ winner: place('w', 2), runnerUp: place('r', 0.05) }, { w: null, r: 5 });
    expect([left[0], left[5]]).toEqual([0.5, 0.5]);
  });
  it('rounds half to even and drops zeros', () => {
    expect(
      toWeights([
        { uid: 9, share: 1 },
        { uid: 2, share: 0.5 },
        { uid: 4, share: 1e-9 },
      ]),
    ).toEqual([
      { uid: 2, weight: 32768 },
      { uid: 9, weight: 65535 },
    ]);
    expect(toWeights([])).toEqual([]);
  });
  it('always adds up to one, keeps the burn share, and has its largest weight at 65535', () => {
    const score = fc.double({ min: 0, max: 10, noNaN: true });
    fc.assert(
      fc.property(
        score,
        score,
        fc.constantFrom(null, 0, 3),
        fc.constantFrom(null, 5, 7),
        (w, r, winnerUid, runnerUid) => {
          const shares = emissionShares(
            { winner: place('w', w), runnerUp: place('r', r) },
            uids({ w: winnerUid, r: runnerUid }),
            emission,
          );
          expect(shares.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
          const second = runnerUid !== null ? r : 0;
          const top = winnerUid !== null ? w : second;
          if (winnerUid !== 0)
            expect(shares.find(({ uid }) => uid === 0)?.share ?? 0).toBeCloseTo(
              1 - Math.min(1, top / 0.1),
              9,
            );
          const weights = toWeights(shares);
          expect(Math.max(...weights.map(({ weight }) => weight))).toBe(65535);
          expect(weights.map(({ uid }) => uid)).toEqual(
            [...weights.map(({ uid }) => uid)].sort((a, b) => a - b),
          );
        },
      ),
    );
  });
});

const digest = (name: string): string => `sha256:${sha256Hex(name)}`;

describe('image references', () => {
  it.each(['ghcr.io/acme/server', 'vllm/vllm-openai:v1', 'registry.acme.io:5000/a/b', 'ubuntu'])(
    'takes %s',
    (image) => {
      expect(checkImage({ image, digest: digest('x') }, false)).toBeNull();
    },
  );
  it.each([
    ['P05 tag instead of digest', 'ghcr.io/a/b', 'latest', 'E_REF'],
    ['P06 short digest', 'ghcr.io/a/b', 'sha256:abc', 'E_REF'],
    ['P06 upper case', 'ghcr.io/a/b', digest('x').toUpperCase(), 'E_REF'],
    ['P06 other algorithm', 'ghcr.io/a/b', digest('x').replace('256', '512'), 'E_REF'],
    ['P07 address', '10.0.0.1/a/b', digest('x'), 'E_REF_HOST'],
    ['P07 IPv6', '[::1]:5000/a', digest('x'), 'E_REF_HOST'],
    ['P07 localhost', 'localhost/a', digest('x'), 'E_REF_HOST'],
    ['P07 loopback', '127.0.0.1:5000/a', digest('x'), 'E_REF_HOST'],
    ['P07 hex address', '0x7f.1/a/b', digest('x'), 'E_REF_HOST'],
    ['P07 mixed address', '127.0x1/a/b', digest('x'), 'E_REF_HOST'],
    ['P07 metadata', 'metadata.google.internal/a', digest('x'), 'E_REF_HOST'],
    ['P07 user information', 'user:pw@ghcr.io/a', digest('x'), 'E_REF_HOST'],
    ['P08 shell', 'ghcr.io/a/$(id)', digest('x'), 'E_REF'],
    ['P08 expression', 'ghcr.io/a/${{ github.token }}', digest('x'), 'E_REF'],
    ['P08 newline', 'ghcr.io/a/b\n', digest('x'), 'E_REF'],
    ['P08 NUL', 'ghcr.io/a/b\0', digest('x'), 'E_REF'],
    ['P08 right-to-left', 'ghcr.io/a/\u202eb', digest('x'), 'E_REF'],
    ['P08 homoglyph', 'ghcr.io/\u0430/b', digest('x'), 'E_REF'],
  ])('%s', (_, image, imageDigest, verdict) => {
    expect(checkImage({ image, digest: imageDigest }, false)?.verdict).toBe(verdict);
  });
  it('takes a registry on loopback where the arena allows it', () => {
    expect(checkImage({ image: '127.0.0.1:5000/a', digest: digest('x') }, true)).toBeNull();
    expect(checkImage({ image: '10.0.0.1:5000/a', digest: digest('x') }, true)?.verdict).toBe(
      'E_REF_HOST',
    );
  });
});

const payment = { tx: `0x${'ab'.repeat(32)}`, block: 7, salt: 's1' };
const commitment = (
  name: string,
  commitBlock: number,
  image = name,
  extra: Partial<typeof payment> = {},
): Commitment => ({
  hotkey: address(name),
  commitBlock,
  revealBlock: null,
  content: {
    kind: 'payload',
    bytes: utf8(
      renderPayload({
        image: 'ghcr.io/a/b',
        digest: digest(image),
        payment: { ...payment, tx: `0x${sha256Hex(`${name}${commitBlock}`)}`, ...extra },
      }),
    ),
  },
});
const neuron = (name: string, uid: number): Neuron => ({
  uid,
  hotkey: address(name),
  coldkey: address(`${name}c`),
  registeredAt: 1,
});
const paid = (list: readonly Commitment[]) =>
  new Map(list.map((item) => [`${item.hotkey}:${item.commitBlock}`, { state: 'paid' } as const]));

describe('payloads', () => {
  const options = { loopbackImages: false, needsPayment: true };
  it.each([
    ['P02 empty', ''],
    ['P04 duplicate key', '{"image":"a","image":"b"}'],
    ['no object', '[]'],
    ['no digest', '{"image":"ghcr.io/a/b"}'],
  ])('%s is E_PAYLOAD_DECODE', (_, text) => {
    expect(parsePayload(utf8(text), options)).toMatchObject({
      ok: false,
      verdict: 'E_PAYLOAD_DECODE',
    });
  });
  it('P03 wants UTF-8', () => {
    expect(parsePayload(Uint8Array.of(0xff, 0xfe), options)).toMatchObject({
      verdict: 'E_PAYLOAD_DECODE',
    });
  });
  it('reads back what it renders, and wants a payment where there is a fee', () => {
    const payload = { image: 'ghcr.io/a/b', digest: digest('x'), payment };
    expect(parsePayload(utf8(renderPayload(payload)), options)).toEqual({ ok: true, payload });
    expect(parsePayload(utf8(renderPayload({ ...payload, payment: null })), options)).toMatchObject(
      { verdict: 'E_PAYMENT' },
    );
  });
  it('never throws on any bytes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 1100 }), fc.json().map(utf8)), (bytes) => {
        expect(typeof parsePayload(bytes, options).ok).toBe('boolean');
      }),
      { numRuns: 3000 },
    );
  });
  it('binds the remark to hotkey, digest and salt', () => {
    expect(paymentRemark('HK', 'sha256:d', 'salt')).toBe(
      `cacheon:HK:${sha256Hex('sha256:d:salt')}`,
    );
    expect(paymentRemark('HK', 'sha256:d', null)).toBe('cacheon:HK:sha256:d');
  });
});

describe('submissions', () => {
  const neurons = [neuron('a', 1), neuron('b', 2), neuron('c', 3)];
  const list = (commitments: Commitment[], payments = paid(commitments), history = EMPTY_HISTORY) =>
    listSubmissions(arena, { neurons, commitments, payments }, history).submissions;
  it('P14: lists every one, with the earliest commit keeping the claim on a digest', () => {
    const result = list([commitment('b', 20, 'a'), commitment('a', 10), commitment('c', 30)]);
    expect(result.map(({ key, status, verdict }) => [key.slice(-2), status, verdict])).toEqual([
      ['10', 'evaluate', null],
      ['20', 'rejected', 'E_COPY'],
      ['30', 'evaluate', null],
    ]);
  });
  it('lets one payment serve one submission', () => {
    const tx = `0x${'cd'.repeat(32)}`;
    const result = list([commitment('a', 10, 'a', { tx }), commitment('b', 20, 'b', { tx })]);
    expect(result[1]).toMatchObject({ status: 'rejected', verdict: 'E_PAYMENT' });
  });
  it('waits where nobody could tell about a payment, and refuses where it is wrong', () => {
    const items = [commitment('a', 10), commitment('b', 11)];
    const payments = new Map([
      [
        `${address('a')}:10`,
        { state: 'unknown', ...because('state-unknown', 'state discarded') } as const,
      ],
      [
        `${address('b')}:11`,
        { state: 'refused', ...because('payment-amount', 'too little') } as const,
      ],
    ]);
    expect(list(items, payments as never).map(({ status, verdict }) => [status, verdict])).toEqual([
      ['waiting', null],
      ['rejected', 'E_PAYMENT'],
    ]);
  });
  it('P16: leaves out hotkeys that are not registered, and commitments from before the registration', () => {
    expect(list([commitment('z', 10), commitment('a', 0)])).toEqual([]);
  });
  it('keeps a sealed commitment waiting', () => {
    const result = list([
      {
        hotkey: address('a'),
        commitBlock: 5,
        revealBlock: null,
        content: { kind: 'hidden', ...because('sealed', 'sealed until drand round 77') },
      },
    ]);
    expect(result[0]).toMatchObject({ status: 'waiting', verdict: 'SKIP_UNREVEALED' });
  });
  it('measures the incumbents again, and replaces a winner that left', () => {
    const place = (name: string): Place => ({
      key: `${address(name)}:3`,
      hotkey: address(name),
      commitBlock: 3,
      image: 'i',
      digest: digest(name),
      score: 1,
      infraRounds: 0,
    });
    const history = { ...EMPTY_HISTORY, standing: { winner: place('gone'), runnerUp: place('b') } };
    const result = listSubmissions(
      arena,
      {
        neurons,
        commitments: [commitment('a', 10)],
        payments: paid([commitment('a', 10)]),
      },
      history,
    );
    expect(result.standing).toMatchObject({ winner: { hotkey: address('b') }, runnerUp: null });
    expect(result.submissions.map(({ role }) => role)).toEqual(['challenger', 'winner']);
  });
  it('gives the same list for any order of the chain', () => {
    const items = [commitment('b', 20, 'a'), commitment('a', 10), commitment('c', 30)];
    expect(list([...items].reverse())).toEqual(list(items));
  });
  it('deals challengers out once, with the incumbents on every shard', () => {
    const entries = list([commitment('a', 10), commitment('b', 11), commitment('c', 12)]);
    const winner = { ...entries[0]!, key: 'w', role: 'winner' as const };
    const shards = dealShards([winner, ...entries], 2, new Uint8Array(32));
    expect(shards.map((shard) => shard.entries[0])).toEqual(['w', 'w']);
    expect(shards.flatMap((shard) => shard.entries.slice(1)).sort()).toEqual(
      entries.map(({ key }) => key).sort(),
    );
    expect(dealShards([winner], 2, new Uint8Array(32))).toEqual([]);
  });
});

describe('the arena file', () => {
  it('refuses unknown fields by name', () => {
    expect(() => parseArena({ ...arena, prize: 1 }, 'arena.json')).toThrow(/prize/);
    expect(() =>
      parseArena({ ...arena, deadlines: { ...arena.deadlines, strat: 1 } }, 'arena.json'),
    ).toThrow(/deadlines.*strat/);
  });
  it('wants a treasury that is an address, and a pinned genesis off loopback', () => {
    expect(() => parseArena({ ...arena, treasury: 'nobody' }, 'x')).toThrow(/treasury/);
    expect(() => parseArena({ ...arena, network: 'finney' }, 'x')).toThrow(/genesisHash/);
  });
});
