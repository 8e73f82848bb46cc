// Reading of a subnet's neurons, commitments and stake at a given block, in few requests.
import type { ApiPromise } from '@polkadot/api';
import type { Codec } from '@polkadot/types/types';
import { concatBytes, fromHex, toHex } from '../../core/bytes.ts';
import type { BlockRef, ChainNeuron, Snapshot, StandingCommitment } from '../chain.ts';
import { ChainError } from '../errors.ts';
import { u16le, vecU16 } from '../scale.ts';
import { featuresOf, type Features } from './calls.ts';
import { commitmentOf, decodeAs, standingCommitment } from './decode.ts';
import { NOBODY, numberOf, rawSend, readItems, type Item } from './storage-read.ts';

/**
 * Indexes of getSelectiveMetagraph that a scan needs. The metagraph's own block is not among them:
 * the state's number comes with the reveals.
 */
const METAGRAPH = {
  hotkeys: 52,
  coldkeys: 53,
  validatorPermit: 57,
  blockAtRegistration: 66,
  commitments: 73,
} as const;
const TOTAL_STAKE = 69;
const METHOD = 'SubnetInfoRuntimeApi_get_selective_metagraph';

type Metagraph = { neurons: ChainNeuron[]; standing: Map<string, StandingCommitment> | null };

/**
 * A subnet's neurons and commitments at one block. On a modern chain three requests: the finalized
 * head (unless a block is given), one runtime call, and one storage query for all hotkeys' last
 * commitments and reveals. The client computes each hotkey's keys: listing them costs one request
 * more.
 */
export async function readSnapshot(
  api: ApiPromise,
  features: Features,
  netuid: number,
  block?: BlockRef,
): Promise<Snapshot> {
  const hash = block?.hash ?? (await rawSend<string>(api, 'chain_getFinalizedHead'));
  const { neurons, standing } = features.selectiveMetagraph
    ? await selectiveMetagraph(api, netuid, hash)
    : await storedMetagraph(api, netuid, hash);
  const items: Record<string, Item> = { number: ['system.number'] };
  for (const { hotkey } of neurons) {
    items[`last ${hotkey}`] = ['commitments.lastCommitment', netuid, hotkey];
    items[`revealed ${hotkey}`] = ['commitments.revealedCommitments', netuid, hotkey];
    if (!standing) items[`standing ${hotkey}`] = ['commitments.commitmentOf', netuid, hotkey];
  }
  const found = await readItems(api, hash, items);
  const commitments = neurons.flatMap(({ hotkey }) => {
    const stored = found[`standing ${hotkey}`];
    const read = stored ? standingCommitment(stored) : null;
    const stands = standing ? (standing.get(hotkey) ?? null) : read;
    const commitment = commitmentOf(
      hotkey,
      stands,
      found[`last ${hotkey}`],
      found[`revealed ${hotkey}`],
    );
    return commitment.lastBlock === null && commitment.revealed.length === 0 ? [] : [commitment];
  });
  return { block: { number: numberOf(found['number']), hash }, neurons, commitments };
}

const noSubnet = (netuid: number): ChainError =>
  new ChainError(
    'WRONG_CHAIN',
    'infra',
    `the chain has no subnet ${netuid}, or no neuron is on it`,
    'check netuid in the arena',
  );

type Graph = Map<string, { isNone: boolean; unwrap(): Iterable<Codec> }>;

/**
 * Some fields of a subnet's metagraph at a block, in one request. Throws `WRONG_CHAIN` where there
 * is no such subnet.
 */
async function metagraphFields(
  api: ApiPromise,
  netuid: number,
  hash: string,
  indexes: readonly number[],
): Promise<Graph> {
  const params = `0x${toHex(concatBytes(u16le(netuid), vecU16(indexes)))}`;
  const bytes =
    fromHex(await rawSend<string>(api, 'state_call', METHOD, params, hash)) ?? new Uint8Array();
  const type = (
    api.call['subnetInfoRuntimeApi']!['getSelectiveMetagraph'] as unknown as {
      meta: { type: string };
    }
  ).meta.type;
  const decoded = decodeAs(api.registry, type, bytes) as unknown as {
    isNone: boolean;
    unwrap(): Graph;
  };
  if (decoded.isNone) throw noSubnet(netuid);
  return decoded.unwrap();
}

/**
 * Stake of a uid as permits and weights count it, in rao; null on runtimes without the metagraph
 * call.
 */
export async function readStake(
  api: ApiPromise,
  netuid: number,
  hash: string,
  uid: number,
): Promise<bigint | null> {
  if (!featuresOf(api).selectiveMetagraph) return null;
  const stakes = (await metagraphFields(api, netuid, hash, [TOTAL_STAKE])).get('totalStake');
  const stake = stakes && !stakes.isNone ? [...stakes.unwrap()][uid] : undefined;
  return stake === undefined ? null : BigInt(stake.toString());
}

async function selectiveMetagraph(
  api: ApiPromise,
  netuid: number,
  hash: string,
): Promise<Metagraph> {
  const graph = await metagraphFields(api, netuid, hash, Object.values(METAGRAPH));
  const list = (name: keyof typeof METAGRAPH): Codec[] => [...graph.get(name)!.unwrap()];
  const [coldkeys, permits, registered] = [
    list('coldkeys'),
    list('validatorPermit'),
    list('blockAtRegistration'),
  ];
  const neurons = list('hotkeys').map((hotkey, uid) => ({
    uid,
    hotkey: hotkey.toString(),
    coldkey: coldkeys[uid]!.toString(),
    registeredAt: Number(registered[uid]!.toString()),
    validatorPermit: permits[uid]!.toString() === 'true',
  }));
  if (neurons.length === 0) throw noSubnet(netuid);
  const commitments = graph.get('commitments');
  if (!commitments || commitments.isNone) return { neurons, standing: null };
  const standing = new Map(
    [...commitments.unwrap()].map((pair) => {
      const [account, bytes] = pair as unknown as [Codec, Iterable<Codec>];
      const encoded = Uint8Array.from([...bytes].map((byte) => Number(byte.toString())));
      return [
        account.toString(),
        standingCommitment(decodeAs(api.registry, 'PalletCommitmentsRegistration', encoded)),
      ];
    }),
  );
  return { neurons, standing };
}

/**
 * The same metagraph from storage, in three requests whatever the subnet's size, for runtimes
 * without the metagraph call.
 */
async function storedMetagraph(api: ApiPromise, netuid: number, hash: string): Promise<Metagraph> {
  const { n, permits } = await readItems(api, hash, {
    n: ['subtensorModule.subnetworkN', netuid],
    permits: ['subtensorModule.validatorPermit', netuid],
  });
  const size = numberOf(n);
  if (size === 0) throw noSubnet(netuid);
  const uids = Array.from({ length: size }, (_, uid) => uid);
  const slots = await readItems(
    api,
    hash,
    Object.fromEntries(
      uids.flatMap((uid): [string, Item][] => [
        [`key ${uid}`, ['subtensorModule.keys', netuid, uid]],
        [`registered ${uid}`, ['subtensorModule.blockAtRegistration', netuid, uid]],
      ]),
    ),
  );
  const hotkeys = uids.map((uid) => slots[`key ${uid}`]!.toString());
  const owners = await readItems(
    api,
    hash,
    Object.fromEntries(
      hotkeys.map((hotkey): [string, Item] => [hotkey, ['subtensorModule.owner', hotkey]]),
    ),
  );
  const permit = (permits?.toJSON() ?? []) as boolean[];
  const neurons = uids.map((uid) => ({
    uid,
    hotkey: hotkeys[uid]!,
    coldkey: owners[hotkeys[uid]!]!.toString(),
    registeredAt: numberOf(slots[`registered ${uid}`]),
    validatorPermit: permit[uid] ?? false,
  }));
  return { neurons: neurons.filter(({ hotkey }) => hotkey !== NOBODY), standing: null };
}
