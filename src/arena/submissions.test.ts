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
