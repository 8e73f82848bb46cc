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
import type { PlanPredicate } from '../schema/records.ts';
import { planDraftAt } from '../testing/plan-fixture.ts';
import { anchorPlan, drawFor } from '../testing/anchor-fixture.ts';
import { publishJudged, publishRound, publishVoid, signPlan } from './publish.ts';

const signer = signerOf(
  new Keyring({ type: 'sr25519', ss58Format: 42 }).createFromUri('//Validator'),
);
const body = {
  shards: [],
  promptSuites: [],
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
  const operator = {
    ...{ validator: signer.address, tree: 'unknown', node: 'v24', run: null, host: {} },
    tier: 'test',
  };
  const ports = { ledger, log: silentLog, operator };
  const plan = (block: number, shards = 1, more: Partial<PlanPredicate> = {}) => {
    const draft = planDraftAt(signer.address, block, shards);
    return signPlan(ports, { ...draft, predicate: { ...draft.predicate, ...more } });
  };
  /** Signs a plan, anchors it in the next block, and draws its seed. */
  const anchored = async (block: number, more: Partial<PlanPredicate> = {}) => {
    const signed = (await plan(block, 1, more)).plan!;
    await anchorPlan(ledger, signed);
    const draw = drawFor(await ledger.read(), signed);
    return { signed, draw, measured: { body, draw, evidence } };
  };
  return { store, ledger, ports, plan, anchored, paths: () => [...store.files().keys()].sort() };
}

describe('publishing a plan', () => {
  it('signs it, and resumes it until its last block', async () => {
    const { plan, anchored, store } = bench();
    await anchored(100);
    // The anchor's block and 1.5 times forty minutes.
    expect(await plan(401)).toMatchObject({
      outcome: 'resumed',
      plan: { path: 'rounds/100/plan.json' },
    });
    expect(store.log).toEqual(['Plan round 100', 'Anchor']);
  });
  it('F18 declares an overdue one void in the commit of its successor, which keeps its entries', async () => {
    const { plan, anchored, store, ledger } = bench();
    const { signed } = await anchored(100);
    expect(await plan(402, 1, { follows: signed.sha256 })).toMatchObject({
      outcome: 'signed',
      plan: { path: 'rounds/402/plan.json' },
    });
    const kinds = (await ledger.read()).records.map(({ kind, path }) => `${kind} ${path}`);
    expect(kinds).toEqual([
      'plan rounds/100/plan.json',
      'anchor rounds/100/anchor.json',
      'void rounds/100/void.json',
      'plan rounds/402/plan.json',
    ]);
    expect(store.log).toHaveLength(3);
  });
  it('draws the seed of a voided plan again, through any number of voids', async () => {
    const { plan, anchored, ledger, ports } = bench();
    const { signed, draw } = await anchored(100);
    await publishVoid(ports, signed, { reason: 'the runner was lost', draw: null });
    const second = (await plan(110, 1, { follows: signed.sha256 })).plan!;
    await publishVoid(ports, second, { reason: 'not anchored', draw: null });
    const third = (await plan(120, 1, { follows: second.sha256 })).plan!;
    await anchorPlan(ledger, third);
    expect(drawFor(await ledger.read(), third)).toEqual({ ...draw, plan: third.sha256 });
  });
  it('voids one that was not anchored in time, and its successor has a seed of its own', async () => {
    const { plan, ledger } = bench();
    await plan(100);
    expect(await plan(700)).toMatchObject({ outcome: 'resumed' });
    expect(await plan(701)).toMatchObject({ outcome: 'signed' });
    expect(recordsOf(await ledger.read(), 'void')[0]!.predicate.reason).toBe(
      'not anchored in time',
    );
  });
  it('voids one of other code: no round is of two versions', async () => {
    const { plan, anchored, ledger } = bench();
    const { signed } = await anchored(100);
    const { harness } = signed.predicate;
    const newer = { harness: { ...harness, tree: 'newer' }, follows: signed.sha256 };
    expect(await plan(110, 1, newer)).toMatchObject({ outcome: 'signed' });
    expect(recordsOf(await ledger.read(), 'void')[0]!.predicate.reason).toBe(
      'the code changed from unknown to newer',
    );
  });
  it('refuses a draft that was made beside another state of the ledger', async () => {
    const { plan } = bench();
    await expect(plan(100, 1, { follows: '5'.repeat(64) })).rejects.toMatchObject({
      code: 'STALE',
    });
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
  it('commits a round once, with its seed, its evidence and their hashes', async () => {
    const { anchored, ports, ledger, paths, store } = bench();
    const { signed, draw, measured } = await anchored(100);
    await publishRound(ports, signed, measured);
    await publishRound(ports, signed, { ...measured, evidence: new Map() });
    const round = recordsOf(await ledger.read(), 'round');
    expect(round).toHaveLength(1);
    expect(round[0]!.predicate).toMatchObject({
      plan: signed.sha256,
      seed: draw.seed,
      pulse: draw.pulse,
      files: { 'logs/1/1/baseline.log.gz': sha256Hex(new Uint8Array([1])) },
    });
    expect(paths()).toContain('rounds/100/logs/1/1/baseline.log.gz');
    expect(store.log).toEqual(['Plan round 100', 'Anchor', 'Judge round 100']);
  });
  it('signs no round of a seed that is not its plan’s, nor of other code', async () => {
    const { plan, anchored, ports } = bench();
    const { signed, draw, measured } = await anchored(100);
    const pulse = { ...(draw.pulse as { round: number; signature: string }), round: 5 };
    for (const wrong of [
      { ...draw, seed: `0x${'7'.repeat(64)}` },
      { ...draw, pulse },
      { ...draw, pulse: null },
      { ...draw, plan: '8'.repeat(64) },
    ])
      await expect(publishRound(ports, signed, { ...measured, draw: wrong })).rejects.toMatchObject(
        { code: 'BAD_DRAW' },
      );
    const newer = { ...ports, operator: { ...ports.operator, tree: 'newer' } };
    await expect(publishRound(newer, signed, measured)).rejects.toMatchObject({
      code: 'CODE_CHANGED',
    });
    const bare = bench();
    const unanchored = (await bare.plan(100)).plan!;
    await expect(publishRound(bare.ports, unanchored, measured)).rejects.toMatchObject({
      code: 'BAD_DRAW',
    });
    expect((await plan(110)).outcome).toBe('resumed');
  });
  it('commits a void once, and none for a plan that has ended', async () => {
    const { anchored, ports, ledger, store } = bench();
    const { signed, measured } = await anchored(100);
    await publishVoid(ports, signed, { reason: 'the runner was lost', draw: null });
    await publishVoid(ports, signed, { reason: 'again', draw: null });
    await publishRound(ports, signed, measured);
    expect(recordsOf(await ledger.read(), 'void').map(({ predicate }) => predicate.reason)).toEqual(
      ['the runner was lost'],
    );
    expect(recordsOf(await ledger.read(), 'round')).toEqual([]);
    expect(store.log).toHaveLength(3);
  });
  it('is a round or a void, as the judge handed it over', async () => {
    const judged = async (made: Parameters<typeof publishJudged>[2], drawn = true) => {
      const { anchored, ports, ledger } = bench();
      const { signed, draw } = await anchored(100);
      await publishJudged(ports, signed, made, { draw: drawn ? draw : null, evidence });
      return (await ledger.read()).records.at(-1)!.path;
    };
    expect(await judged({ body })).toBe('rounds/100/round.json');
    expect(await judged({ void: 'nothing' })).toBe('rounds/100/void.json');
    expect(await judged({ body }, false)).toBe('rounds/100/void.json');
  });
  it('finds the signed plan of a block, and says so where there is none', async () => {
    const { plan, ledger } = bench();
    await plan(100);
    expect(planOf(await ledger.read(), 100).path).toBe('rounds/100/plan.json');
    expect(() => planOf(ledgerless, 100)).toThrow('no signed plan for block 100');
  });
});

const ledgerless = { validator: signer.address, records: [] };
