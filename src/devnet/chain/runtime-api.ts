// Runtime API calls of the embedded chain: version, metadata, fees, and the subnet's state.
import type { GenericCall } from '@polkadot/types';
import type { Codec } from '@polkadot/types/types';
import { compactFromU8a, compactToU8a } from '@polkadot/util';
import { blake2AsHex } from '@polkadot/util-crypto';
import { concatBytes } from '../../core/bytes.ts';
import type { ChainNode } from './node.ts';
import { METADATA_VERSIONS, metadataBytes, type MetadataVersion } from './metadata.ts';
import { encodeOutput, SUBNET_APIS, type Api } from './subnet-api.ts';
import { decodeExtrinsic, SPEC_NAME, TRANSACTION_VERSION } from './signed-extrinsic.ts';
import { extrinsicFeeRao, isFree } from './pallets/runtime.ts';
import source from './metadata.json' with { type: 'json' };

/**
 * Names of the runtime APIs with their versions, as `state_getRuntimeVersion` lists them (blake2-64
 * of the name).
 */
const API_NAMES = source.apis.map(({ name, version }) => ({ name, version }));

const option = (bytes: Uint8Array | null): Uint8Array =>
  bytes === null ? Uint8Array.of(0) : concatBytes(Uint8Array.of(1), bytes);
const opaque = (bytes: Uint8Array): Uint8Array => concatBytes(compactToU8a(bytes.length), bytes);

/**
 * First byte of a signed extrinsic, and where its sr25519 signature begins after address and tag.
 */
const SIGNED = 0x84;
const SIGNATURE_AT = 35;

function callInfo(node: ChainNode, data: Uint8Array): { call: GenericCall; fee: bigint } {
  // query_info(uxt, len): the extrinsic is length-prefixed, a u32 follows.
  const [offset, length] = compactFromU8a(data);
  const bytes = data.slice(0, offset + length.toNumber());
  // A question for a fee may carry a signature of zeros, which the library takes for none at all,
  // and then reads the signer as a call.
  if (bytes[offset] === SIGNED) bytes[offset + SIGNATURE_AT] ||= 1;
  const extrinsic = decodeExtrinsic(node.registry, bytes);
  const call = extrinsic.method as unknown as GenericCall;
  return { call, fee: extrinsicFeeRao(call, offset + length.toNumber()) };
}

/** Runtime calls by their wire name. A missing one fails as on a node whose runtime lacks it. */
export const RUNTIME_APIS: Readonly<Record<string, Api>> = {
  Core_version: (node, _data, block) =>
    node.registry.createType('RuntimeVersion', runtimeVersion(node, block)).toU8a(),
  Metadata_metadata: () => opaque(metadataBytes(14)),
  Metadata_metadata_versions: () =>
    concatBytes(
      compactToU8a(METADATA_VERSIONS.length),
      ...METADATA_VERSIONS.map((version) => Uint8Array.of(version, 0, 0, 0)),
    ),
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
  ...SUBNET_APIS,
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
