// What a plan, a round and a void add to a ledger, and what they leave as it is.
import { Keyring } from '@polkadot/keyring';
import { describe, expect, it } from 'vitest';
import { sha256Hex } from '../core/hash.ts';
import { silentLog } from '../core/log.ts';
import { signerOf } from '../ledger/io/signing-key.ts';
import { OwnLedger } from '../ledger/own-ledger.ts';
import { openPlan, planOf } from '../ledger/plans.ts';
import { recordsOf } from '../ledger/read.ts';
import { memoryStore } from '../testing/memory-store.ts';
import { planDraftAt } from '../testing/plan-fixture.ts';
import { publishJudged, publishPlan, publishRound, publishVoid } from './publish.ts';

const signer = signerOf(
  new Keyring({ type: 'sr25519', ss58Format: 42 }).createFromUri('//Validator'),
);
const body = {
  entries: [],
  decisions: [],
  control: null,
  standing: { winner: null, runnerUp: null },
};
const evidence = new Map([['logs/1/1/baseline.log.gz', new Uint8Array([1])]]);

/** A ledger in memory, and what publishing does to it. */
function bench() {
  const store = memoryStore(signer.address);
  const ledger = new OwnLedger(store, signer);
  const ports = { ledger, log: silentLog };
  const plan = (block: number, shards = 1) =>
    publishPlan(ports, planDraftAt(signer.address, block, shards));
  return { store, ledger, ports, plan, paths: () => [...store.files().keys()].sort() };
}

describe('publishing a plan', () => {
  it('signs it, and resumes it until its last block', async () => {
    const { plan, store } = bench();
    expect(await plan(100)).toMatchObject({
      outcome: 'signed',
      plan: { path: 'rounds/100/plan.json' },
    });
    expect(await plan(400)).toMatchObject({
      outcome: 'resumed',
      plan: { path: 'rounds/100/plan.json' },
    });
    expect(store.log).toEqual(['Plan round 100']);
  });
  it('declares an overdue one void in the commit of its successor', async () => {
    const { plan, store, ledger } = bench();
    await plan(100);
    expect(await plan(401)).toMatchObject({
      outcome: 'signed',
      plan: { path: 'rounds/401/plan.json' },
    });
    const kinds = (await ledger.read()).records.map(({ kind, path }) => `${kind} ${path}`);
    expect(kinds).toEqual([
      'plan rounds/100/plan.json',
      'void rounds/100/void.json',
      'plan rounds/401/plan.json',
    ]);
    expect(store.log).toHaveLength(2);
  });
  it('commits none without entries, but still the void of an overdue one', async () => {
    const { plan, paths, ledger } = bench();
    expect(await plan(100, 0)).toEqual({ outcome: 'empty', plan: null });
    expect(paths()).toEqual([]);
    await plan(101);
    expect(await plan(900, 0)).toEqual({ outcome: 'empty', plan: null });
    expect((await ledger.read()).records.at(-1)!.path).toBe('rounds/101/void.json');
    expect(openPlan(await ledger.read())).toBeNull();
  });
});

describe('publishing what became of a plan', () => {
  it('commits a round once, with its evidence and their hashes', async () => {
    const { plan, ports, ledger, paths, store } = bench();
    const signed = (await plan(100)).plan!;
    await publishRound(ports, signed, body, evidence);
    await publishRound(ports, signed, body, new Map());
    const round = recordsOf(await ledger.read(), 'round');
    expect(round).toHaveLength(1);
    expect(round[0]!.predicate).toMatchObject({
      plan: signed.sha256,
      files: { 'logs/1/1/baseline.log.gz': sha256Hex(new Uint8Array([1])) },
    });
    expect(paths()).toContain('rounds/100/logs/1/1/baseline.log.gz');
    expect(store.log).toEqual(['Plan round 100', 'Judge round 100']);
  });
  it('commits a void once, and none for a plan that has ended', async () => {
    const { plan, ports, ledger, store } = bench();
    const signed = (await plan(100)).plan!;
    await publishVoid(ports, signed, 'the runner was lost');
    await publishVoid(ports, signed, 'again');
    await publishRound(ports, signed, body, evidence);
    expect(recordsOf(await ledger.read(), 'void').map(({ predicate }) => predicate.reason)).toEqual(
      ['the runner was lost'],
    );
    expect(recordsOf(await ledger.read(), 'round')).toEqual([]);
    expect(store.log).toHaveLength(2);
  });
  it('is a round or a void, as the judge handed it over', async () => {
    const judged = async (block: number, made: Parameters<typeof publishJudged>[2]) => {
      const { plan, ports, ledger } = bench();
      await publishJudged(ports, (await plan(block)).plan!, made, evidence);
      return (await ledger.read()).records.at(-1)!.path;
    };
    expect(await judged(100, { body })).toBe('rounds/100/round.json');
    expect(await judged(100, { void: 'nothing' })).toBe('rounds/100/void.json');
  });
  it('finds the signed plan of a block, and says so where there is none', async () => {
    const { plan, ledger } = bench();
    await plan(100);
    expect(planOf(await ledger.read(), 100).path).toBe('rounds/100/plan.json');
    expect(() => planOf(ledgerless, 100)).toThrow('no signed plan for block 100');
  });
});

const ledgerless = { validator: signer.address, records: [] };
