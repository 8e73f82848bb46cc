// Whether a signed transaction sets the weights of its intent, in each way that a subnet takes them.
import { describe, expect, it } from 'vitest';
import { QUICKNET } from '../../beacon/pulses.ts';
import { compact, u16le, u64le, vecU16 } from '../../chain/scale.ts';
import { seal } from '../../chain/timelock.ts';
import { weightsCommitHash, weightsPayload } from '../../chain/weight-codec.ts';
import { concatBytes, toHex } from '../../core/bytes.ts';
import { blake2b256, sha256 } from '../../core/hash.ts';
import { encodeSs58 } from '../../core/ss58.ts';
import type { Predicate } from '../../schema/records.ts';
import { madeExtensions } from '../../testing/made-transaction.ts';
import { intentAt } from '../../testing/weights-fixture.ts';
import { transactionFault } from './transaction-fault.ts';

const key = sha256('validator');
const validator = encodeSs58(key);
const row = [
  { uid: 1, weight: 52428 },
  { uid: 2, weight: 13107 },
];
const netuid = 2;
const hexHash = (bytes: Uint8Array): string => `0x${toHex(blake2b256(bytes))}`;

/** The bytes of a signed transaction whose call ends like this, as a record holds them. */
function transaction(tail: Uint8Array, by = key) {
  const body = concatBytes(
    Uint8Array.of(0x84, 0),
    by,
    new Uint8Array(65),
    madeExtensions(5, 0),
    Uint8Array.of(7, 0),
    tail,
  );
  const bytes = concatBytes(compact(body.length), body);
  return {
    ...intentAt(5).predicate.transaction,
    extrinsic: `0x${toHex(bytes)}`,
    hash: hexHash(bytes),
    signer: validator,
    ...{ nonce: 0, firstBlock: 6, lastBlock: 36 },
  };
}
type Intended = Predicate<'weights-intent'>;
const intend = (over: Partial<Intended>): Intended => ({
  ...intentAt(5).predicate,
  validator,
  weights: row,
  versionKey: 3,
  ...over,
});
const noCommit = { firstRevealBlock: null, round: null, salt: null };

describe('a transaction', () => {
  it('lands in the blocks and under the nonce that it was signed for', () => {
    const good = transaction(
      concatBytes(u16le(netuid), vecU16([1, 2]), vecU16([52428, 13107]), u64le(3)),
    );
    expect(transactionFault(intend({ transaction: good }))).toBeNull();
    for (const change of [
      { nonce: 1 },
      { firstBlock: 7 },
      { lastBlock: 37 },
      { firstBlock: 38, lastBlock: 69 },
    ])
      expect(transactionFault(intend({ transaction: { ...good, ...change } }))).toBe(
        'its era or its nonce is another one',
      );
  });
});

describe('a plain transaction', () => {
  const tail = (weights: typeof row, net = netuid, version = 3): Uint8Array =>
    concatBytes(
      u16le(net),
      vecU16(weights.map(({ uid }) => uid)),
      vecU16(weights.map(({ weight }) => weight)),
      u64le(version),
    );
  it('sets its weights, and no others', () => {
    expect(transactionFault(intend({ transaction: transaction(tail(row)) }))).toBeNull();
    for (const other of [tail(row.toReversed()), tail(row, 3), tail(row, netuid, 4)])
      expect(transactionFault(intend({ transaction: transaction(other) }))).toBe(
        'it holds other weights',
      );
  });
  it("carries its own hash and its validator's key", () => {
    const good = transaction(tail(row));
    const hash = `0x${'1'.repeat(64)}`;
    expect(transactionFault(intend({ transaction: { ...good, hash } }))).toBe(
      'its hash is another one',
    );
    const stranger = sha256('stranger');
    for (const bad of [
      { transaction: transaction(tail(row), stranger) },
      { transaction: { ...good, signer: encodeSs58(stranger) } },
      { transaction: good, validator: 'no address' },
    ])
      expect(transactionFault(intend(bad))).toBe('another key signed it');
  });
});

describe('a commit by hash', () => {
  const salt = [1, 2, 3];
  const hash = weightsCommitHash(key, netuid, { row, salt, versionKey: 3 });
  const commit = { ...noCommit, hash: `0x${toHex(hash)}`, epoch: 1, salt };
  const good = {
    method: 'commit-reveal' as const,
    commit,
    transaction: transaction(concatBytes(u16le(netuid), hash)),
  };
  it('commits to the hash of its weights and salt', () => {
    expect(transactionFault(intend(good))).toBeNull();
    expect(transactionFault(intend({ ...good, commit: { ...commit, salt: [9] } }))).toBe(
      'its hash is not that of these weights',
    );
    const other = transaction(concatBytes(u16le(netuid), sha256('x')));
    expect(transactionFault(intend({ ...good, transaction: other }))).toBe(
      'it commits to another hash',
    );
    expect(transactionFault(intend({ ...good, commit: null }))).toBe('it commits to nothing');
  });
});

describe('a sealed commit', () => {
  const entropy = {
    sigma: new Uint8Array(32).fill(1),
    key: new Uint8Array(32).fill(2),
    nonce: new Uint8Array(12).fill(3),
  };
  const round = 1000;
  const sealed = seal(QUICKNET, round, weightsPayload(key, row, 3), entropy);
  const tail = (bytes: Uint8Array, at = round): Uint8Array =>
    concatBytes(u16le(netuid), compact(bytes.length), bytes, u64le(at), u16le(4));
  const good = {
    method: 'timelock' as const,
    commit: { ...noCommit, hash: hexHash(sealed), epoch: 1, round },
    transaction: transaction(tail(sealed)),
  };
  it('holds the bytes whose hash is on record, for the round on record', () => {
    expect(transactionFault(intend(good))).toBeNull();
    expect(transactionFault(intend({ ...good, transaction: transaction(tail(sealed, 999)) }))).toBe(
      'it names another round',
    );
    const other = sealed.toReversed();
    expect(transactionFault(intend({ ...good, transaction: transaction(tail(other)) }))).toBe(
      'it seals other bytes',
    );
  });
});
