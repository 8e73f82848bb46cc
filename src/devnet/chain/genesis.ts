// Initial state of the embedded chain: accounts, balances and a small registered subnet.
import { Keyring } from '@polkadot/keyring';
import { SPEC_NAME, SPEC_VERSION } from './signed-extrinsic.ts';
import { seedBeacon } from './pallets/drand-pallet.ts';
import { deposit } from './pallets/money-pallet.ts';
import { register } from './pallets/neurons-pallet.ts';
import type { Storage } from './storage.ts';

/** A dev account, as `subtensor/run.sh` prints it too. */
type DevAccount = { uri: string; address: string };
export type DevPair = { uid: number | null; coldkey: DevAccount; hotkey: DevAccount };

/**
 * Everything a chain starts from. With a `seed` (64 hex digits) block hashes and times repeat from
 * run to run.
 */
export type Genesis = {
  seed: string | null;
  startMs: number;
  netuid: number;
  /** Block time of the timer, or null: one block per extrinsic or request. */
  blockMs: number | null;
  tempo: number;
  weightsRateLimit: number;
  commitReveal: boolean;
  owner: DevPair;
  validator: DevPair;
  miners: DevPair[];
  sudo: DevAccount;
  treasury: DevAccount;
  stranger: DevAccount;
};

const keyring = new Keyring({ type: 'sr25519', ss58Format: 42 });
const dev = (uri: string): DevAccount => ({ uri, address: keyring.createFromUri(uri).address });
const pair = (name: string, uid: number | null): DevPair => ({
  uid,
  coldkey: dev(`//${name}`),
  hotkey: dev(`//${name}//hot`),
});

export type GenesisOptions = {
  seed?: string | null;
  miners?: number;
  blockMs?: number | null;
  tempo?: number;
  weightsRateLimit?: number;
  /** Whether weights are committed first and revealed an epoch later. */
  commitReveal?: boolean;
};

/**
 * The small subnet that the demo and the tests start from: owner 0, validator 1 with a permit,
 * miners from 2 on.
 */
export function devGenesis(options: GenesisOptions = {}): Genesis {
  return {
    seed: options.seed ?? null,
    startMs: 1_790_000_000_000,
    netuid: 2,
    blockMs: options.blockMs ?? null,
    tempo: options.tempo ?? 20,
    weightsRateLimit: options.weightsRateLimit ?? 0,
    commitReveal: options.commitReveal ?? false,
    owner: pair('Owner', 0),
    validator: pair('Validator', 1),
    miners: Array.from({ length: options.miners ?? 4 }, (_, i) => pair(`Miner${i}`, i + 2)),
    sudo: dev('//Alice'),
    treasury: dev('//Treasury'),
    stranger: dev('//Stranger'),
  };
}

const RICH_RAO = 1_000_000_000_000n;

/** Writes the genesis state. */
export function seedGenesis(storage: Storage, genesis: Genesis): void {
  const { netuid } = genesis;
  const silent = { storage, emit: () => undefined };
  const pairs = [genesis.owner, genesis.validator, ...genesis.miners];
  for (const { address } of [
    genesis.sudo,
    genesis.treasury,
    genesis.stranger,
    ...pairs.flatMap(({ coldkey, hotkey }) => [coldkey, hotkey]),
  ])
    deposit(silent, address, RICH_RAO);
  const put = (item: string, value: unknown): void =>
    storage.put(`subtensorModule.${item}`, [netuid], value);
  put('networksAdded', true);
  put('subnetOwner', genesis.owner.coldkey.address);
  put('subnetOwnerHotkey', genesis.owner.hotkey.address);
  put('tempo', genesis.tempo);
  put('weightsSetRateLimit', genesis.weightsRateLimit);
  put('minAllowedWeights', 1);
  put('maxAllowedUids', 256);
  put('commitRevealWeightsEnabled', genesis.commitReveal);
  put('revealPeriodEpochs', 1);
  storage.put('subtensorModule.commitRevealWeightsVersion', [], 4);
  storage.put('system.lastRuntimeUpgrade', [], { specVersion: SPEC_VERSION, specName: SPEC_NAME });
  seedBeacon(storage);
  put('burn', 1_000_000);
  for (const { hotkey, coldkey } of pairs)
    register(storage, netuid, {
      hotkey: hotkey.address,
      coldkey: coldkey.address,
      block: 0,
      permit: hotkey === genesis.validator.hotkey,
    });
}

/** The JSON line that `cacheon devnet chain` prints, with the fields of `subtensor/run.sh`. */
export function describeChain(genesis: Genesis, endpoint: string): Record<string, unknown> {
  const { netuid, sudo, treasury, stranger, owner, validator, miners } = genesis;
  return {
    endpoint,
    specName: 'node-subtensor',
    specVersion: 424,
    netuid,
    size: miners.length + 2,
    sudo,
    treasury,
    stranger,
    owner,
    validator,
    miners,
  };
}
