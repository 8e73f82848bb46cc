import type { Codec } from '@polkadot/types/types';
import type { GenericCall, Vec } from '@polkadot/types';
import { compactFromU8a, compactToU8a } from '@polkadot/util';
import { blake2AsHex } from '@polkadot/util-crypto';
import { concatBytes } from '../../core/bytes.ts';
import type { ChainNode } from './node.ts';
import { METADATA_VERSIONS, metadataBytes, type MetadataVersion } from './metadata.ts';
import { decodeExtrinsic, SPEC_NAME, TRANSACTION_VERSION } from './extrinsic.ts';
import { feeRao, isFree } from './pallets/runtime.ts';
import source from './metadata.json' with { type: 'json' };

/** Names of the runtime APIs with their versions, as `state_getRuntimeVersion` lists them (blake2-64 of the name). */
export const API_NAMES = source.apis.map(({ name, version }) => ({ name, version }));

type Api = (node: ChainNode, data: Uint8Array, block: number) => Uint8Array;

/** Type of a runtime call's answer, from the metadata. */
function encodeOutput(node: ChainNode, api: string, method: string, value: unknown): Uint8Array {
  const output = source.apis.find((item) => item.name === api)!.methods.find((item) => item.name === method)!.output;
  return node.registry.createType(node.registry.createLookupType(output), value).toU8a();
}

const u16 = (data: Uint8Array): number => Buffer.from(data).readUInt16LE(0);
const option = (bytes: Uint8Array | null): Uint8Array =>
  bytes === null ? Uint8Array.of(0) : concatBytes(Uint8Array.of(1), bytes);
const opaque = (bytes: Uint8Array): Uint8Array => concatBytes(compactToU8a(bytes.length), bytes);

/** The parts of a metagraph that a validator asks for, by the metadata's field name. Others stay None. */
function metagraphField(node: ChainNode, netuid: number, block: number, field: string): unknown {
  const get = (item: string, ...args: unknown[]): Codec | null =>
    node.storage.at(block, `subtensorModule.${item}`, netuid, ...args);
  const size = Number(get('subnetworkN')!.toString());
  const uids = Array.from({ length: size }, (_, uid) => uid);
  const hotkeys = (): string[] => uids.map((uid) => get('keys', uid)!.toString());
  const padded = (item: string): string[] => {
    const list = [...(get(item) as Vec<Codec>)].map((entry) => entry.toString());
    return uids.map((uid) => list[uid] ?? '0');
  };
  const plain: Record<string, string> = {
    tempo: 'tempo',
    last_step: 'lastMechansimStepBlock',
    max_uids: 'maxAllowedUids',
    num_uids: 'subnetworkN',
    weights_version: 'weightsVersionKey',
    weights_rate_limit: 'weightsSetRateLimit',
    min_allowed_weights: 'minAllowedWeights',
    max_weights_limit: 'maxWeightsLimit',
    max_validators: 'maxAllowedValidators',
    commit_reveal_weights_enabled: 'commitRevealWeightsEnabled',
    commit_reveal_period: 'revealPeriodEpochs',
    immunity_period: 'immunityPeriod',
    burn: 'burn',
    owner_hotkey: 'subnetOwnerHotkey',
    owner_coldkey: 'subnetOwner',
    activity_cutoff: 'activityCutoff',
    blocks_since_last_step: 'blocksSinceLastStep',
  };
  if (plain[field] !== undefined) return get(plain[field]);
  switch (field) {
    case 'block':
      return block;
    case 'hotkeys':
      return hotkeys();
    case 'coldkeys':
      return hotkeys().map((hotkey) => node.storage.at(block, 'subtensorModule.owner', hotkey)!.toString());
    case 'active':
      return [...(get('active') as Vec<Codec>)];
    case 'validator_permit':
      return [...(get('validatorPermit') as Vec<Codec>)];
    case 'last_update':
      return padded('lastUpdate');
    case 'block_at_registration':
      return uids.map((uid) => get('blockAtRegistration', uid)!.toString());
    case 'alpha_stake':
    case 'tao_stake':
    case 'total_stake':
      return uids.map(() => 0);
    case 'commitments':
      return hotkeys().flatMap((hotkey) => {
        const entry = node.storage.at(block, 'commitments.commitmentOf', netuid, hotkey);
        return entry === null ? [] : [[hotkey, [...entry.toU8a()]]];
      });
    default:
      return null;
  }
}

function selectiveMetagraph(node: ChainNode, netuid: number, block: number, indexes: readonly number[]): unknown {
  if (node.storage.at(block, 'subtensorModule.networksAdded', netuid)!.toString() !== 'true') return null;
  const struct = source.types.find(({ type }) => type.path.at(-1) === 'SelectiveMetagraph')!;
  const fields = (struct.type.def as { composite: { fields: { name: string }[] } }).composite.fields.map(({ name }) => name);
  return Object.fromEntries(
    fields.map((name, index) => [
      name,
      name === 'netuid' ? netuid : indexes.includes(index) ? metagraphField(node, netuid, block, name) : null,
    ]),
  );
}

function callInfo(node: ChainNode, data: Uint8Array): { call: GenericCall; fee: bigint } {
  // query_info(uxt, len): the extrinsic is length-prefixed, a u32 follows.
  const [offset, length] = compactFromU8a(data);
  const extrinsic = decodeExtrinsic(node.registry, data.subarray(0, offset + length.toNumber()));
  const call = extrinsic.method as unknown as GenericCall;
  return { call, fee: feeRao(call, offset + length.toNumber()) };
}

/** Runtime calls by their wire name. A missing one fails as on a node whose runtime lacks it. */
export const RUNTIME_APIS: Readonly<Record<string, Api>> = {
  Core_version: (node, _data, block) => node.registry.createType('RuntimeVersion', runtimeVersion(node, block)).toU8a(),
  Metadata_metadata: () => opaque(metadataBytes(14)),
  Metadata_metadata_versions: () =>
    concatBytes(compactToU8a(METADATA_VERSIONS.length), ...METADATA_VERSIONS.map((version) => Uint8Array.of(version, 0, 0, 0))),
  Metadata_metadata_at_version: (_node, data) => {
    const version = Buffer.from(data).readUInt32LE(0) as MetadataVersion;
    return option(METADATA_VERSIONS.includes(version) ? opaque(metadataBytes(version)) : null);
  },
  AccountNonceApi_account_nonce: (node, data, block) => {
    const record = node.storage.at(block, 'system.account', data)!;
    return (record as unknown as Map<string, Codec>).get('nonce')!.toU8a();
  },
  TransactionPaymentApi_query_info: (node, data) => {
    const { call, fee } = callInfo(node, data);
    return encodeOutput(node, 'TransactionPaymentApi', 'query_info', {
      weight: { refTime: 100_000_000, proofSize: 3593 },
      class: 'Normal',
      partialFee: isFree(call) ? 0 : fee,
    });
  },
  TransactionPaymentApi_query_fee_details: (node, data) => {
    const { fee } = callInfo(node, data);
    return encodeOutput(node, 'TransactionPaymentApi', 'query_fee_details', {
      inclusionFee: { baseFee: fee, lenFee: 0, adjustedWeightFee: 0 },
      tip: 0,
    });
  },
  SubnetInfoRuntimeApi_get_selective_metagraph: (node, data, block) => {
    const indexes = node.registry.createType('Vec<u16>', data.subarray(2)).map((index) => index.toNumber());
    return encodeOutput(
      node,
      'SubnetInfoRuntimeApi',
      'get_selective_metagraph',
      selectiveMetagraph(node, u16(data), block, indexes),
    );
  },
  SubnetInfoRuntimeApi_get_next_epoch_start_block: (node, data, block) => {
    const number = (item: string): number => Number(node.storage.at(block, `subtensorModule.${item}`, u16(data))!.toString());
    const next = number('lastEpochBlock') + number('tempo');
    return encodeOutput(node, 'SubnetInfoRuntimeApi', 'get_next_epoch_start_block', number('tempo') === 0 ? null : next);
  },
};

/** `state_getRuntimeVersion`. */
export function runtimeVersion(node: ChainNode, block: number): Record<string, unknown> {
  return {
    specName: SPEC_NAME,
    implName: 'node-subtensor',
    authoringVersion: 1,
    specVersion: node.specVersion(block),
    implVersion: 1,
    apis: API_NAMES.map(({ name, version }) => [blake2AsHex(name, 64), version]),
    transactionVersion: TRANSACTION_VERSION,
    stateVersion: 1,
    systemVersion: 1,
  };
}
