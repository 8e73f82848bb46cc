// Reading of a subnet's newest state before a validator sets weights.
import type { ApiPromise } from '@polkadot/api';
import type { Codec } from '@polkadot/types/types';
import type { SubnetState } from '../chain.ts';
import { PUBLIC_KEY_BYTES, type Beacon } from '../../beacon/pulses.ts';
import { ChainError } from '../errors.ts';
import { readStake } from './snapshot.ts';
import { hasItem, type Item, NOBODY, numberOf, rawSend, readItems } from './storage-read.ts';

const DEFAULT_BLOCK_SECONDS = 12;

/** Storage items that a subnet's state is read from. */
const itemsOf = (netuid: number, hotkey: string) => {
  const subtensor = (item: string): [string, number] => [`subtensorModule.${item}`, netuid];
  return {
    number: ['system.number'],
    now: ['timestamp.now'],
    added: subtensor('networksAdded'),
    size: subtensor('subnetworkN'),
    uid: ['subtensorModule.uids', netuid, hotkey],
    permits: subtensor('validatorPermit'),
    owner: subtensor('subnetOwnerHotkey'),
    coldkey: ['subtensorModule.owner', hotkey],
    lastUpdate: subtensor('lastUpdate'),
    rateLimit: subtensor('weightsSetRateLimit'),
    minAllowed: subtensor('minAllowedWeights'),
    versionKey: subtensor('weightsVersionKey'),
    commitReveal: subtensor('commitRevealWeightsEnabled'),
    timelockVersion: ['subtensorModule.commitRevealWeightsVersion'],
    revealPeriod: subtensor('revealPeriodEpochs'),
    tempo: subtensor('tempo'),
    lastEpochBlock: subtensor('lastEpochBlock'),
    pendingEpochAt: subtensor('pendingEpochAt'),
    subnetEpochIndex: subtensor('subnetEpochIndex'),
    blocksSinceLastStep: subtensor('blocksSinceLastStep'),
    beacon: ['drand.beaconConfig'],
    stakeThreshold: ['subtensorModule.stakeThreshold'],
  } as const satisfies Record<string, Item>;
};
type Found = Record<keyof ReturnType<typeof itemsOf>, Codec | null | undefined>;

/** What the subnet says of the hotkey itself. */
function ownState(
  found: Found,
  hotkey: string,
): Pick<SubnetState, 'uid' | 'coldkey' | 'validatorPermit' | 'isOwner' | 'lastUpdate'> {
  const uid = found.uid ? numberOf(found.uid) : null;
  const coldkey = found.coldkey?.toString() ?? NOBODY;
  const at = (list: Codec | null | undefined): unknown =>
    uid === null ? undefined : ((list?.toJSON() ?? []) as unknown[])[uid];
  return {
    uid,
    coldkey: coldkey === NOBODY ? null : coldkey,
    validatorPermit: at(found.permits) === true,
    isOwner: found.owner?.toString() === hotkey,
    lastUpdate: Number(at(found.lastUpdate) ?? 0),
  };
}

/** The subnet's counted epochs; null on runtimes whose epochs follow from the block number. */
function epochsOf(found: Found): SubnetState['epochs'] {
  if (found.subnetEpochIndex === undefined) return null;
  return {
    head: numberOf(found.number),
    tempo: numberOf(found.tempo),
    lastEpochBlock: numberOf(found.lastEpochBlock),
    pendingEpochAt: numberOf(found.pendingEpochAt),
    subnetEpochIndex: numberOf(found.subnetEpochIndex),
    blocksSinceLastStep: numberOf(found.blocksSinceLastStep),
    revealPeriodEpochs: numberOf(found.revealPeriod, 1),
  };
}

/** A subnet as a hotkey sees it at the newest block, in two requests. */
export async function readSubnet(
  api: ApiPromise,
  netuid: number,
  hotkey: string,
): Promise<SubnetState> {
  const hash = await rawSend<string>(api, 'chain_getBlockHash');
  const found: Found = await readItems(api, hash, itemsOf(netuid, hotkey));
  if (found.added?.toString() !== 'true')
    throw new ChainError(
      'WRONG_CHAIN',
      'infra',
      `the chain has no subnet ${netuid}`,
      'check netuid in the arena',
    );
  const own = ownState(found, hotkey);
  const stakeThresholdRao = BigInt(found.stakeThreshold?.toString() ?? 0);
  const told = stakeThresholdRao > 0n && own.uid !== null;
  const slotMs = numberOf(api.consts['aura']?.['slotDuration'], DEFAULT_BLOCK_SECONDS * 1000);
  const timelocks =
    hasItem(api, 'subtensorModule.timelockedWeightCommits') && found.timelockVersion !== undefined;
  return {
    ...own,
    head: { number: numberOf(found.number), hash },
    size: numberOf(found.size),
    stakeRao: told ? await readStake(api, netuid, hash, own.uid) : null,
    stakeThresholdRao,
    weightsRateLimit: numberOf(found.rateLimit),
    minAllowedWeights: numberOf(found.minAllowed),
    versionKey: numberOf(found.versionKey),
    commitReveal: found.commitReveal?.toString() === 'true',
    timelockVersion: timelocks ? numberOf(found.timelockVersion) : null,
    tempo: numberOf(found.tempo),
    revealPeriodEpochs: numberOf(found.revealPeriod, 1),
    epochs: epochsOf(found),
    nowSeconds: numberOf(found.now) / 1000,
    blockSeconds: slotMs / 1000,
    beacon: beaconOf(found.beacon),
  };
}

function beaconOf(config: Codec | null | undefined): Beacon | null {
  if (!config) return null;
  const field = (name: string): Codec => (config as unknown as Map<string, Codec>).get(name)!;
  const publicKey = field('publicKey').toU8a(true);
  if (publicKey.length !== PUBLIC_KEY_BYTES) return null;
  return {
    publicKey,
    genesisSeconds: numberOf(field('genesisTime')),
    periodSeconds: numberOf(field('period'), 3),
  };
}
