// What a chain says against recorded weights, their read-backs and the anchor of a ledger.
import { describe, expect, it } from 'vitest';
import type { ChainReader } from '../../chain/chain.ts';
import { utf8 } from '../../core/bytes.ts';
import { silentLog } from '../../core/log.ts';
import type { Ledger } from '../../ledger/read.ts';
import type { AnyRecord } from '../../ledger/verify.ts';
import { because } from '../../schema/reasons.ts';
import type { Predicate } from '../../schema/records.ts';
import { BURN, intentAt, weightsAt } from '../../testing/weights-fixture.ts';
import { auditAnchor, auditReadback, auditWeights } from './audit-weights.ts';

const other = [{ uid: 1, weight: 65535 }];
const block = { number: 101, hash: '0x05' };
type Chain = Partial<Record<keyof ChainReader, (...args: never[]) => Promise<unknown>>>;
const sound: Chain = {
  uidOf: () => Promise.resolve(3),
  weights: () => Promise.resolve(BURN),
  extrinsics: () => Promise.resolve({ block, extrinsics: ['0x00'] }),
};

/** Collects faults, and what was warned of. */
function bench(chain: Chain | null) {
  const faults: string[] = [];
  const warned: string[] = [];
  return {
    faults,
    warned,
    report: (code: string, path: string, message: string) =>
      void faults.push(`${code} ${path} ${message}`),
    ports: {
      chain: chain as unknown as ChainReader | null,
      log: { ...silentLog, warn: (text: string) => void warned.push(text) },
    },
  };
}

describe('weights that the chain was asked about', () => {
  const intent = intentAt(100);
  const ask = async (chain: Chain | null, over: Partial<Predicate<'weights'>> = {}) => {
    const outcome = weightsAt(100, over);
    const { report, ports, faults, warned } = bench(chain);
    await auditWeights(outcome, [intent, outcome], ports, report);
    // What a plain record of nobody's weights lacks anyway is not what is asked here.
    return { faults: faults.filter((text) => !/shares|weights\b.*length/.test(text)), warned };
  };
  it('are sound where holders, row and block agree', async () => {
    const { faults } = await ask(sound);
    const offline = await ask(null);
    expect(faults).toEqual(offline.faults);
  });
  it.each([
    ['a holder', { uidOf: () => Promise.resolve(7) }, /did not hold uid 4 at block 100/],
    ['the row', { weights: () => Promise.resolve(other) }, /the chain shows other weights/],
    [
      'the transaction',
      { extrinsics: () => Promise.resolve({ block, extrinsics: [] }) },
      /does not hold the transaction/,
    ],
  ])('are not where %s differs', async (_what, chain, fault) => {
    const { faults } = await ask({ ...sound, ...chain }, { holders: [{ hotkey: 'h', uid: 4 }] });
    expect(faults.join('\n')).toMatch(fault);
  });
  it('are not asked about further where no block took them, or the validator is gone', async () => {
    const asked: string[] = [];
    const chain = { ...sound, weights: () => Promise.resolve(void asked.push('row')) };
    await ask(chain, { includedIn: null });
    await ask({ ...chain, uidOf: () => Promise.resolve(null) });
    expect(asked).toEqual([]);
  });
  it('are warned of where no node tells any longer, and that is no fault', async () => {
    const gone = { ...sound, uidOf: () => Promise.reject(new Error('state discarded')) };
    const { faults, warned } = await ask(gone);
    expect(warned.join()).toMatch(/no longer tells about block 100 \(state discarded\)/);
    expect(faults).toEqual((await ask(null)).faults);
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
    } as never;
    const { report, ports, faults, warned } = bench(chain);
    await auditReadback(record, [weightsAt(50), of], ports, report);
    return { faults, warned };
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
  it('is warned of where no node tells any longer', async () => {
    const { faults, warned } = await ask({ uidOf: () => Promise.reject(new Error('gone')) });
    expect(faults).toEqual([]);
    expect(warned).toHaveLength(1);
  });
});

describe('the anchor of a ledger', () => {
  const records = [intentAt(1), weightsAt(1)].map((record, seq): AnyRecord => ({
    ...record,
    predicate: { ...record.predicate, seq } as never,
  }));
  const ledger = { validator: 'v', records, faults: [], files: new Map() } as Ledger;
  const ask = async (text: string | null) => {
    const fields = text === null ? [] : [{ kind: 'raw', bytes: utf8(text) }];
    const chain = { commitment: () => Promise.resolve({ standing: { fields } }) };
    const { report, ports, faults } = bench(chain);
    await auditAnchor(ledger, ports.chain!, ports.log, report);
    return faults.join();
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
    const { report, ports, faults } = bench({ commitment: () => Promise.reject(new Error('no')) });
    await auditAnchor({ ...ledger, records: [] }, ports.chain!, ports.log, report);
    expect(faults).toEqual([]);
  });
});
