// What a chain says against recorded weights, their read-backs, its row now, and open ends.
import { describe, expect, it } from 'vitest';
import type { ChainReader } from '../../chain/chain.ts';
import { ChainError } from '../../chain/errors.ts';
import { utf8 } from '../../core/bytes.ts';
import type { AnyRecord } from '../../ledger/verify.ts';
import { because } from '../../schema/reasons.ts';
import type { Predicate } from '../../schema/records.ts';
import { type Finding, foundBy, noPorts } from '../../testing/check-bench.ts';
import { BURN, intentAt, subnetState, weightsAt } from '../../testing/weights-fixture.ts';
import { ANCHORED_CHECKS } from './audit-anchor.ts';
import { NOW_CHECKS } from './audit-now.ts';
import { READBACK_CHECKS, WEIGHTS_CHECKS } from './audit-weights.ts';
import type { Check } from './check.ts';
import type { LedgerSubject } from './subjects.ts';

const other = [{ uid: 1, weight: 65535 }];
const block = { number: 101, hash: '0x05' };
type Chain = Partial<Record<keyof ChainReader, (...args: never[]) => Promise<unknown>>>;
const sound: Chain = {
  uidOf: () => Promise.resolve(3),
  weights: () => Promise.resolve(BURN),
  extrinsics: () => Promise.resolve({ block, extrinsics: ['0x00'] }),
  outcome: () => Promise.resolve({ ok: true, refusal: null }),
  blockHash: () => Promise.resolve(intentAt(100).predicate.block.hash),
  finalizedHead: () => Promise.resolve({ number: 200, hash: '0x' }),
};
const gone = () =>
  Promise.reject(new ChainError('STATE_DISCARDED', 'infra', 'state discarded', 'use an archive'));

/** Records of a ledger, numbered in their order. */
const numbered = (records: readonly AnyRecord[]): AnyRecord[] =>
  records.map((record, seq) => ({
    ...record,
    predicate: { ...record.predicate, seq } as never,
  }));

/** Runs checks on records, or on one of them. */
async function find<S extends LedgerSubject>(
  checks: readonly Check<S>[],
  records: readonly AnyRecord[],
  chain: Chain | null,
  record?: AnyRecord,
): Promise<Finding> {
  const asked = chain as unknown as ChainReader | null;
  const ports = { ...noPorts, chain: asked };
  const ledger = { validator: 'validator', records, files: new Map(), faults: [] };
  const subject = { ledger, ports, record } as unknown as S;
  return foundBy(checks, subject, { chain: asked, path: record?.path ?? '' });
}

describe('A2 weights that the chain was asked about', () => {
  const intent = intentAt(100);
  const ask = async (chain: Chain | null, over: Partial<Predicate<'weights'>> = {}) => {
    const outcome = weightsAt(100, { includedIn: block, ...over });
    const found = await find(WEIGHTS_CHECKS, [intent, outcome], chain, outcome);
    // What a plain record of nobody's weights lacks anyway is not what is asked here.
    const faults = found.faults.filter((text) => !/shares|weights\b.*length/.test(text));
    return { faults, unchecked: found.unchecked };
  };
  it('are sound where holders, row and block agree', async () => {
    const { faults } = await ask(sound);
    expect(faults).toEqual((await ask(null)).faults);
  });
  it.each([
    ['a holder', { uidOf: () => Promise.resolve(7) }, /did not hold uid 4 at block 100/],
    ['the row', { weights: () => Promise.resolve(other) }, /the chain shows other weights/],
    [
      'the transaction',
      { extrinsics: () => Promise.resolve({ block, extrinsics: [] }) },
      /does not hold the transaction/,
    ],
    [
      'how its call ended',
      { outcome: () => Promise.resolve({ ok: false }) },
      /the transaction failed in block 101/,
    ],
  ])('are not where %s differs', async (_what, chain, fault) => {
    const { faults } = await ask({ ...sound, ...chain }, { holders: [{ hotkey: 'h', uid: 4 }] });
    expect(faults.join('\n')).toMatch(fault);
  });
  it('are set by a block, within the era of their transaction', async () => {
    expect((await ask(null, { includedIn: null })).faults.join()).toMatch(/no block took it/);
    const late = { includedIn: { number: 5000, hash: '0x05' } };
    expect((await ask(null, late)).faults.join()).toMatch(/block 5000 is outside of its/);
  });
  it('are not asked about further where no block took them, or the validator is gone', async () => {
    const asked: string[] = [];
    const chain = { ...sound, weights: () => Promise.resolve(void asked.push('row')) };
    await ask(chain, { includedIn: null });
    await ask({ ...chain, uidOf: () => Promise.resolve(null) });
    expect(asked).toEqual([]);
  });
  it('are unchecked where no node tells any longer, and that is no fault', async () => {
    const { faults, unchecked } = await ask({ ...sound, uidOf: gone });
    expect(unchecked).toEqual(['weights/100.json state discarded']);
    expect(faults).toEqual((await ask(null)).faults);
  });
});

describe('A2 a transaction that is said to have failed', () => {
  const intent = intentAt(100);
  const { extrinsic, lastBlock } = intent.predicate.transaction;
  const ask = async (records: AnyRecord[], landedIn: number, head: number) => {
    const chain: Chain = {
      finalizedHead: () => Promise.resolve({ number: head, hash: '0x' }),
      extrinsics: (number: number) =>
        Promise.resolve({
          block: { number, hash: '0x' },
          extrinsics: number === landedIn ? [extrinsic] : [],
        }),
    };
    const [landed] = WEIGHTS_CHECKS.filter(({ name }) => name === 'not-landed');
    return (await find([landed!], records, chain, intent)).faults;
  };
  const failed = weightsAt(100, { status: 'failed', includedIn: null });
  it('is in no block of its era', async () => {
    expect(await ask([intent, failed], 0, 9000)).toEqual([]);
    expect(await ask([intent, failed], lastBlock, 9000)).toEqual([
      `WEIGHT_MISMATCH weights/100.json said to have failed, and in block ${lastBlock}`,
    ]);
  });
  it('has its outcome on record within a day', async () => {
    expect(await ask([intent], lastBlock, lastBlock + 100)).toEqual([]);
    expect((await ask([intent], lastBlock, lastBlock + 7201)).join()).toMatch(/^OMISSION.*sent in/);
    expect((await ask([intent], 0, lastBlock + 7201)).join()).toMatch(/^OMISSION.*after a day/);
  });
});

describe('a read-back', () => {
  const commit = { hash: '0x0a', epoch: 6, firstRevealBlock: null, round: 1, salt: null };
  const pending = weightsAt(100, { status: 'pending', commit });
  const ask = async (
    chain: Chain | null,
    over: Partial<Predicate<'weights-readback'>> = {},
    of = pending,
  ) => {
    const record = {
      kind: 'weights-readback',
      path: 'weights/100.readback.json',
      predicate: {
        ...pending.predicate,
        weights: of.sha256,
        readAt: block,
        readBack: [...BURN],
        status: 'set',
        ...because('read-back', 'read back'),
        ...over,
      },
    } as never as AnyRecord;
    return find(READBACK_CHECKS, [weightsAt(50), of], chain, record);
  };
  it('closes pending weights, and says what the chain shows', async () => {
    expect((await ask(null)).faults).toEqual([]);
    expect((await ask(sound)).faults).toEqual([]);
  });
  it('closes nothing else', async () => {
    const faults = async (...args: Parameters<typeof ask>) => (await ask(...args)).faults.join();
    expect(await faults(null, { weights: 'f'.repeat(64) })).toMatch(/closes no pending weights/);
    expect(await faults(null, {}, weightsAt(100))).toMatch(/closes no pending weights/);
    expect(await faults(null, { readBack: other })).toMatch(/says set, but read back other/);
    expect(await faults(null, { readBack: other, status: 'failed' })).toBe('');
    expect(await faults({ ...sound, weights: () => Promise.resolve(other) })).toMatch(
      /the chain shows other weights/,
    );
    expect(await faults({ ...sound, uidOf: () => Promise.resolve(null) })).toBe('');
  });
  it('is unchecked where no node tells any longer', async () => {
    const { faults, unchecked } = await ask({ uidOf: gone });
    expect(faults).toEqual([]);
    expect(unchecked).toHaveLength(1);
  });
});

describe('A2 the row on chain now', () => {
  const set = weightsAt(100, { includedIn: block });
  const ask = async (chain: Chain, records: AnyRecord[] = [intentAt(100), set]) => {
    const lastUpdate = { subnet: () => Promise.resolve(subnetState({ lastUpdate: 101 })) };
    return (await find(NOW_CHECKS, numbered(records), { ...sound, ...lastUpdate, ...chain }))
      .faults;
  };
  it('is the one that was set last', async () => {
    expect(await ask({})).toEqual([]);
    expect((await ask({ weights: () => Promise.resolve(other) })).join()).toMatch(
      /^WEIGHT_MISMATCH weights\/100.json the chain shows another row at block 200/,
    );
  });
  it('was set by a transaction that a record tells of', async () => {
    const later = { subnet: () => Promise.resolve(subnetState({ lastUpdate: 150 })) };
    expect((await ask(later)).join()).toMatch(/^OMISSION.*set in block 150, and no record tells/);
    // What is sent and not on record yet is no omission, nor is a row of before the ledger.
    expect(await ask(later, [intentAt(100), set, intentAt(140)])).toEqual([]);
    expect(await ask({ weights: () => Promise.resolve([]) }, [])).toEqual([]);
  });
  it('of a validator that is gone is not asked for', async () => {
    expect(await ask({ uidOf: () => Promise.resolve(null) })).toEqual([]);
  });
});

describe('a commit of weights', () => {
  const commit = { hash: '0x0a', epoch: 3, firstRevealBlock: null, round: 1, salt: null };
  const pending = weightsAt(100, {
    status: 'pending',
    commit,
    method: 'timelock',
    includedIn: block,
  });
  it('is closed on record two epochs after its reveal', async () => {
    const [check] = NOW_CHECKS.filter(({ name }) => name === 'commits-closed');
    const ask = async (epoch: number) => {
      const state = subnetState();
      const epochs = { ...state.epochs!, subnetEpochIndex: epoch };
      const chain = { subnet: () => Promise.resolve({ ...state, epochs }) };
      return (await find([check!], numbered([pending]), chain)).faults;
    };
    expect(await ask(6)).toEqual([]);
    expect((await ask(7)).join()).toMatch(/^OMISSION weights\/100.json its reveal is over/);
  });
});

describe('the anchor of a ledger', () => {
  const records = numbered([intentAt(1), weightsAt(1)]);
  const [head] = ANCHORED_CHECKS.filter(({ name }) => name === 'head-anchored');
  const ask = async (text: string | null) => {
    const fields = text === null ? [] : [{ kind: 'raw', bytes: utf8(text) }];
    const chain = { commitment: () => Promise.resolve({ standing: { fields } }) };
    return (await find([head!], records, chain)).faults.join();
  };
  it('is the hash of the record that it names', async () => {
    expect(await ask(`cacheon:head:1:${records[1]!.sha256}`)).toBe('');
    expect(await ask(null)).toBe('');
    expect(await ask(`cacheon:head:0:${records[1]!.sha256}`)).toMatch(/^REWRITE weights\/1.intent/);
    expect(await ask(`cacheon:head:2:${records[1]!.sha256}`)).toMatch(
      /^CHAIN_GAP weights\/1.json the chain anchors record 2, the ledger ends with 1/,
    );
  });
  it('of an empty ledger is not asked for', async () => {
    const chain = { commitment: () => Promise.reject(new Error('no')) };
    expect(await find([head!], [], chain)).toEqual({ faults: [], unchecked: [] });
  });
});
