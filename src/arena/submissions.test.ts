// Every submission at a block: claims, payments, seals, incumbents.
import { address, rulesArena as arena, digest, payment } from '../testing/arena-fixture.ts';
import { because } from '../schema/reasons.ts';
import { describe, expect, it } from 'vitest';

import { sha256Hex } from '../core/hash.ts';
import { utf8 } from '../core/bytes.ts';
import { renderPayload } from './payload.ts';
import { dealShards } from './deal.ts';
import type { Place } from '../schema/standing.ts';

import { listSubmissions, type Commitment, type Neuron } from './submissions.ts';
import { EMPTY_HISTORY } from './history.ts';

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
        base: null,
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

const RULES = { rulesSha256: 'rules', kept: null };

describe('submissions', () => {
  const neurons = [neuron('a', 1), neuron('b', 2), neuron('c', 3)];
  const list = (commitments: Commitment[], payments = paid(commitments), history = EMPTY_HISTORY) =>
    listSubmissions(arena, { neurons, commitments, payments }, history, RULES).submissions;
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
      revealedAt: 3,
      base: null,
      score: 1,
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
      RULES,
    );
    expect(result.standing).toMatchObject({ winner: { hotkey: address('b') }, runnerUp: null });
    expect(result.submissions.map(({ role }) => role)).toEqual(['challenger', 'winner']);
  });
  it('forgets of a challenger that became an incumbent that a machine broke off under it', () => {
    const own = commitment('b', 3);
    const key = `${address('b')}:3`;
    const winner = { key, hotkey: address('b'), commitBlock: 3, image: 'i', digest: digest('b') };
    const place = { ...winner, revealedAt: 3, base: null, score: 1 };
    const seen = (runnerUp: Place | null) =>
      listSubmissions(
        arena,
        { neurons, commitments: [own], payments: paid([own]) },
        {
          ...EMPTY_HISTORY,
          suspects: new Map([[key, 1]]),
          standing: { winner: runnerUp, runnerUp: null },
        },
        RULES,
      ).submissions[0]!;
    expect(seen(null).suspect).toBe(1);
    expect(seen(place).role).toBe('winner');
    expect('suspect' in seen(place)).toBe(false);
  });
  it('replays a failure of the same image under the same rules, and under no others', () => {
    const failure = {
      ...{ verdict: 'E_EXIT' as const, block: 7, rulesSha256: 'rules' },
      ...because('exit', 'exit: code 1'),
    };
    const after = (rulesSha256: string) => {
      const failures = new Map([[`${digest('a')} `, { ...failure, rulesSha256 }]]);
      return list([commitment('a', 10)], undefined, { ...EMPTY_HISTORY, failures })[0];
    };
    expect(after('rules')).toMatchObject({
      ...{ status: 'rejected', verdict: 'E_EXIT' },
      reason: 'the same image ended so in round 7: exit: code 1',
      reasons: [{ code: 'replayed', value: 7 }],
    });
    expect(after('other rules')).toMatchObject({ status: 'evaluate' });
  });
  it('decides once whose copy an image is: at its first plan', () => {
    const earlier = { digest: digest('b'), hotkey: address('a'), commitBlock: 5 };
    const later = (admitted: readonly string[]) => {
      const history = { ...EMPTY_HISTORY, claims: [earlier], admitted: new Set(admitted) };
      return list([commitment('b', 20)], undefined, history)[0]!.status;
    };
    expect(later([])).toBe('rejected');
    expect(later([`${address('b')}:20`])).toBe('evaluate');
  });
  it('knows an anchor from a submission', () => {
    const anchor = { ...commitment('a', 10), revealBlock: null };
    const bytes = utf8(`cacheon:head:3:${'0'.repeat(64)}`);
    const written = { ...anchor, content: { kind: 'payload', bytes } as const };
    expect(list([written, commitment('b', 11)]).map(({ hotkey }) => hotkey)).toEqual([
      address('b'),
    ]);
  });
  it('S04 takes two of a coldkey, and leaves the others waiting with their place', () => {
    const one = neurons.map((item) => ({ ...item, coldkey: address('one') }));
    const items = [commitment('a', 10), commitment('b', 11), commitment('c', 12)];
    const view = { neurons: one, commitments: items, payments: paid(items) };
    const { submissions } = listSubmissions(arena, view, EMPTY_HISTORY, RULES);
    expect(submissions.map(({ status }) => status)).toEqual(['evaluate', 'evaluate', 'waiting']);
    expect(submissions[2]).toMatchObject({
      ...{ role: null, verdict: null },
      reasons: [{ code: 'queued', value: 3, detail: 'waits for its turn, 3. of 3 in the queue' }],
    });
  });
  it('gives the same list for any order of the chain', () => {
    const items = [commitment('b', 20, 'a'), commitment('a', 10), commitment('c', 30)];
    expect(list([...items].reverse())).toEqual(list(items));
  });
  it('deals challengers out once, with the incumbents on every shard', () => {
    const entries = list([commitment('a', 10), commitment('b', 11), commitment('c', 12)]);
    const winner = { ...entries[0]!, key: 'w', role: 'winner' as const };
    const shards = dealShards(
      [winner, ...entries],
      { shardEntries: 2, maxShards: 4 },
      new Uint8Array(32),
    );
    expect(shards.map((shard) => shard.entries[0])).toEqual(['w', 'w']);
    expect(shards.flatMap((shard) => shard.entries.slice(1)).sort()).toEqual(
      entries.map(({ key }) => key).sort(),
    );
    expect(dealShards([winner], arena, new Uint8Array(32))).toEqual([]);
  });
});
