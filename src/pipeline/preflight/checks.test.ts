// What a validator is told before its first round: each fact that would fail it, with what to do.
import { describe, expect, it } from 'vitest';
import type { ChainCommitment, SubnetState } from '../../chain/chain.ts';
import {
  clockFinding,
  diskFinding,
  failing,
  gpuFinding,
  hotkeyFindings,
  isFit,
  passing,
  untold,
} from './checks.ts';

const state = {
  ...{ uid: 7, coldkey: '5Cold', validatorPermit: true, isOwner: false },
  ...{ stakeRao: 2_000_000_000_000n, stakeThresholdRao: 1_000_000_000_000n },
} as SubnetState;
const free: ChainCommitment = { hotkey: '5Hot', standing: null, revealed: [], lastBlock: null };
const states = (changed: Partial<SubnetState>, commitment = free) =>
  [...hotkeyFindings({ ...state, ...changed }, commitment)].map(
    ({ name, state: found }) => `${name} ${found}`,
  );

describe('a hotkey', () => {
  it('is in order with a permit, enough stake and a free commitment', () => {
    expect(states({})).toEqual(['hotkey ok', 'permit ok', 'stake ok', 'commitment ok']);
  });
  it('that is not registered says so and nothing else', () => {
    expect(states({ uid: null })).toEqual(['hotkey fail']);
  });
  it('needs a permit and stake, but for the owner of the subnet', () => {
    expect(states({ validatorPermit: false, stakeRao: 1n })).toEqual([
      ...['hotkey ok', 'permit fail', 'stake fail', 'commitment ok'],
    ]);
    const owner = { validatorPermit: false, isOwner: true, stakeRao: 1n };
    expect(states(owner)).toEqual(['hotkey ok', 'permit ok', 'stake ok', 'commitment ok']);
    expect(states({ stakeRao: null })).toContain('stake ok');
  });
  it('that committed something else cannot anchor a ledger', () => {
    const fields = [{ kind: 'raw', bytes: new Uint8Array([1, 2, 3]) }] as const;
    const taken = { ...free, standing: { block: 5, fields } };
    expect(states({}, taken)).toContain('commitment fail');
  });
});

describe('a machine', () => {
  const hardware = { 'A-H200': { gpus: 8, memoryGb: 141, models: ['H200 SXM', 'H200'] } };
  const arena = { hardware, network: 'finney' } as const;
  const eight = Array.from({ length: 8 }, () => ({ name: 'NVIDIA H200', memoryMib: 143_771 }));
  it('has the GPUs of its tier, all of them and as large', () => {
    expect(gpuFinding(eight, 'A-H200', arena).state).toBe('ok');
    for (const gpus of [
      eight.slice(1),
      eight.map((gpu) => ({ ...gpu, memoryMib: 81_559 })),
      eight.map((gpu) => ({ ...gpu, name: 'NVIDIA H100 80GB HBM3' })),
      [],
      null,
    ])
      expect(gpuFinding(gpus, 'A-H200', arena)).toMatchObject({ state: 'fail' });
  });
  it('of no tier is told which there are; a local chain needs none', () => {
    expect(gpuFinding(eight, 'unset', arena).mend).toContain('A-H200');
    expect(gpuFinding(null, 'devnet', { hardware: {}, network: 'local' }).state).toBe('ok');
  });
  it('keeps time with the chain', () => {
    expect(clockFinding({ nowSeconds: 1000 }, 1050).state).toBe('ok');
    expect(clockFinding({ nowSeconds: 1000 }, 800)).toMatchObject({
      ...{ state: 'fail', detail: "-200 s from the chain's" },
    });
  });
  it('has room for a shard’s images', () => {
    const rules = { maxImageGb: 20, shardEntries: 6 };
    expect(diskFinding(400e9, '/', rules).state).toBe('ok');
    expect(diskFinding(300e9, '/', rules).mend).toContain('docker system prune');
  });
});

describe('a preflight', () => {
  it('fails by what would fail a round, not by what cannot be told', () => {
    expect(isFit([passing('a', ''), untold('b', '', '')])).toBe(true);
    expect(isFit([passing('a', ''), failing('b', '', '')])).toBe(false);
  });
});
