// Forgeries that only a chain shows: sealed rows that say something else, submissions left out.
import { beforeAll, describe, expect, it } from 'vitest';
import type { ChainReader, Snapshot } from '../../chain/chain.ts';
import { ChainError } from '../../chain/errors.ts';
import { compact, u16le, u64le } from '../../chain/scale.ts';
import { seal } from '../../chain/timelock.ts';
import { weightsPayload } from '../../chain/weight-codec.ts';
import { concatBytes, toHex } from '../../core/bytes.ts';
import { blake2b256 } from '../../core/hash.ts';
import { decodeSs58 } from '../../core/ss58.ts';
import { DEVNET_BEACON, signPulse } from '../../devnet/chain/pallets/drand-pallet.ts';
import { drawnPlan } from '../../judge/drawn-plan.ts';
import { readLedger, recordsOf } from '../../ledger/read.ts';
import { parseArena } from '../../schema/arena.ts';
import { because } from '../../schema/reasons.ts';
import { foundBy, noPorts } from '../../testing/check-bench.ts';
import { keyOf, viewAt } from '../../testing/contestants.ts';
import { forge } from '../../testing/forger.ts';
import { ledgerFixture, type LedgerFixture } from '../../testing/ledger-fixture.ts';
import { BURN, intentAt, subnetState } from '../../testing/weights-fixture.ts';
import { SEALED_CHECKS } from './audit-now.ts';
import { PLAN_CHECKS } from './audit-plan.ts';
import { ROUND_CHECKS } from './audit-round.ts';

let honest: LedgerFixture;
beforeAll(async () => {
  honest = await ledgerFixture();
});

describe('A3 a sealed row', () => {
  const round = 1000;
  const entropy = {
    ...{ sigma: new Uint8Array(32).fill(1), key: new Uint8Array(32).fill(2) },
    nonce: new Uint8Array(12).fill(3),
  };
  /** An intent whose transaction seals some row, and says that it is another one. */
  const sealing = (row: typeof BURN, key = decodeSs58(honest.validator)!) => {
    const ciphertext = seal(DEVNET_BEACON, round, weightsPayload(key, row, 0), entropy);
    const body = concatBytes(
      ...[Uint8Array.of(0x84, 0), decodeSs58(honest.validator)!, new Uint8Array(65)],
      ...[compact(ciphertext.length), ciphertext, u64le(round), u16le(4)],
    );
    const bytes = concatBytes(compact(body.length), body);
    const hash = `0x${toHex(blake2b256(ciphertext))}`;
    const { transaction } = intentAt(100).predicate;
    return intentAt(100, {
      method: 'timelock',
      commit: { hash, round, epoch: 1, firstRevealBlock: null, salt: null },
      transaction: { ...transaction, extrinsic: `0x${toHex(bytes)}` },
    });
  };
  const ask = async (record: ReturnType<typeof sealing>, chain: Partial<ChainReader> = {}) => {
    const pulse = () => Promise.resolve(`0x${toHex(signPulse(round))}`);
    const asked = { pulse, ...chain } as unknown as ChainReader;
    const ledger = { validator: honest.validator, records: [record], files: new Map(), faults: [] };
    const subject = { ledger, ports: { ...noPorts, chain: asked }, record };
    return foundBy(SEALED_CHECKS, subject, { chain: asked, path: record.path });
  };
  it('is opened with the pulse of its round, and is the one on record', async () => {
    expect(await ask(sealing(BURN))).toEqual({ faults: [], unchecked: [] });
  });
  it('that pays a friend is found, as is another validator’s', async () => {
    const friend = [{ uid: 7, weight: 65_535 }];
    expect((await ask(sealing(friend))).faults.join()).toMatch(
      /^WEIGHT_MISMATCH weights\/100.intent.json its sealed row is another one: sealed.row.0.uid/,
    );
    expect((await ask(sealing(BURN, new Uint8Array(32).fill(9)))).faults.join()).toMatch(
      /seals no row of this validator/,
    );
  });
  it('that no pulse opens is found; one whose pulse is gone is unchecked', async () => {
    const other = `0x${toHex(signPulse(round + 1))}`;
    const wrong = await ask(sealing(BURN), { pulse: () => Promise.resolve(other) });
    expect(wrong.faults.join()).toMatch(/does not open with the pulse of its round/);
    const now = { subnet: () => Promise.resolve(subnetState({ nowSeconds: 2e9 })) };
    const gone = await ask(sealing(BURN), { pulse: () => Promise.resolve(null), ...now });
    expect(gone).toMatchObject({ faults: [], unchecked: [expect.stringMatching(/pulse 1000/)] });
  });
});

describe('A5 submissions on the chain', () => {
  /** A chain that shows the contestants of the made-up ledger. */
  const chainOf = (more: Partial<ChainReader> = {}, permit = true) => {
    const snapshot = (_netuid: number, block?: { number: number; hash: string }) => {
      const { neurons, commitments } = viewAt(block!);
      const shown: Snapshot = {
        block: block!,
        neurons: [
          ...neurons.map((neuron) => ({ ...neuron, validatorPermit: false })),
          { ...neurons[0]!, uid: 99, hotkey: honest.validator, validatorPermit: permit },
        ],
        commitments: commitments.map(({ hotkey, commitBlock, content }) => ({
          ...{ hotkey, revealed: [], lastBlock: commitBlock },
          standing: {
            block: commitBlock,
            fields: content.kind === 'payload' ? [{ kind: 'raw', bytes: content.bytes }] : [],
          },
        })),
      };
      return Promise.resolve(shown);
    };
    const blockHash = (number: number) => Promise.resolve(viewBlock(number));
    const payment = () => Promise.resolve({ state: 'paid' as const });
    return { snapshot, blockHash, payment, ...more } as unknown as ChainReader;
  };
  const viewBlock = (number: number) =>
    recordsOf(readLedger(honest.validator, honest.files), 'plan').find(
      ({ predicate }) => predicate.block.number === number,
    )?.predicate.block.hash ?? null;
  const ask = async (
    files: LedgerFixture['files'],
    chain: ChainReader,
    name: 'submissions' | 'plan-block' = 'submissions',
  ) => {
    const ledger = readLedger(honest.validator, files);
    const plan = recordsOf(ledger, 'plan')[0]!;
    const before = { records: [] };
    const ports = { ...noPorts, chain };
    const subject = { ledger, plan, before, ports, arena: honest.arena };
    const [check] = PLAN_CHECKS.filter((item) => item.name === name);
    return foundBy([check!], subject, { chain, path: plan.path });
  };
  const leftOut = () =>
    forge(honest, ({ records }) => {
      const { predicate } = records[0]!;
      predicate.submissions = predicate.submissions.filter(
        ({ key }: { key: string }) => key !== keyOf('slow'),
      );
    });
  const rejected = () =>
    forge(honest, ({ records }) => {
      const line = records[0]!.predicate.submissions.find(
        ({ key }: { key: string }) => key === keyOf('slow'),
      );
      Object.assign(line, { status: 'rejected', verdict: 'E_REF', role: null });
    });
  it('A9 were read from the runtime that the plan names', async () => {
    const { network } = recordsOf(readLedger(honest.validator, honest.files), 'plan')[0]!.predicate;
    const chain = (specVersion: number) =>
      chainOf({ identity: () => Promise.resolve({ ...network, specVersion }) });
    expect((await ask(honest.files, chain(network.specVersion), 'plan-block')).faults).toEqual([]);
    expect((await ask(honest.files, chain(425), 'plan-block')).faults.join()).toMatch(
      /^WRONG_CONTEXT .* ran on node-subtensor 425, the plan says node-subtensor 424$/,
    );
  });
  it('T23 are all in the plan, as they are, of a validator that had its permit then', async () => {
    expect(await ask(honest.files, chainOf())).toEqual({ faults: [], unchecked: [] });
    expect((await ask(leftOut(), chainOf())).faults.join()).toMatch(/^OMISSION .*had a submission/);
    expect((await ask(rejected(), chainOf())).faults.join()).toMatch(/^RECOMPUTE_MISMATCH/);
    expect((await ask(honest.files, chainOf({}, false))).faults.join()).toMatch(
      /^WRONG_KEY .* had no validator permit at block 100$/,
    );
  });
  it('are compared one by one where a node cannot tell one payment', async () => {
    let asked = 0;
    const payment = () =>
      Promise.resolve(
        asked++ === 0
          ? ({ state: 'unknown', ...because('unknown', 'gone') } as const)
          : ({ state: 'paid' } as const),
      );
    const { faults, unchecked } = await ask(rejected(), chainOf({ payment }));
    expect(unchecked).toHaveLength(1);
    expect(faults.join()).toMatch(/^RECOMPUTE_MISMATCH/);
  });
  it('are unchecked where no node has the state', async () => {
    const gone = new ChainError('STATE_DISCARDED', 'infra', 'state discarded', 'use an archive');
    const found = await ask(leftOut(), chainOf({ snapshot: () => Promise.reject(gone) }));
    expect(found).toEqual({ faults: [], unchecked: ['rounds/100/plan.json state discarded'] });
  });
});

describe('A15 what the arena decides', () => {
  it('is whether images need fingerprints, not a field that the validator writes', async () => {
    const ledger = readLedger(honest.validator, honest.files);
    const plan = recordsOf(ledger, 'plan')[0]!;
    const round = recordsOf(ledger, 'round')[0]!;
    const ask = async (network: 'local' | 'finney') => {
      const arena =
        network === 'local'
          ? honest.arena
          : parseArena(
              { ...honest.arena, network, genesisHash: `0x${'1'.repeat(64)}`, beacon: undefined },
              'x',
            );
      const [check] = ROUND_CHECKS.filter(({ name }) => name === 'copies');
      const drawn = drawnPlan(plan, round.predicate.seed);
      const evidence = { traces: new Map(), bodies: new Map() };
      const subject = { ledger, plan, round, arena, drawn, evidence, before: { records: [] } };
      return foundBy([check!], { ...subject, ports: noPorts, readPrint: () => null });
    };
    expect((await ask('local')).faults).toEqual([]);
    expect((await ask('finney')).faults.join()).toMatch(
      /^OMISSION rounds\/100\/images\/0\/.*nothing says what is in its image/,
    );
  });
});
