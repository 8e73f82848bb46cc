// SCALE metadata of the embedded chain, in the versions that clients ask for.
import { Metadata, TypeRegistry } from '@polkadot/types';
import { concatBytes, utf8 } from '../../core/bytes.ts';
import source from './metadata.json' with { type: 'json' };

const MAGIC = utf8('meta');
/**
 * Metadata versions that clients ask for: @polkadot/api takes the largest, the Python SDK 14 and
 * 15.
 */
export const METADATA_VERSIONS = [14, 15, 16] as const;
export type MetadataVersion = (typeof METADATA_VERSIONS)[number];

/**
 * Encodes metadata.json as SCALE metadata, magic and version byte in front. V14 and V15 are V16
 * with what they lack left out.
 */
function encodeMetadata(version: MetadataVersion): Uint8Array {
  const registry = new TypeRegistry();
  const { types, pallets, extrinsic, apis, outerEnums } = source;
  const callType = types.find(
    ({ type }) =>
      type.path.join('::') === 'sp_runtime::generic::unchecked_extrinsic::UncheckedExtrinsic',
  )!.id;
  const extra = types.find(({ type }) => type.path.at(-1) === 'AccountId32')!.id;
  const extensions = extrinsic.transactionExtensions;
  const old = {
    version: 4,
    signedExtensions: extensions.map(({ identifier, type, implicit }) => ({
      identifier,
      type,
      additionalSigned: implicit,
    })),
  };
  const common = { lookup: { types }, pallets };
  const api = { apis, outerEnums, custom: { map: {} } };
  const bodies = {
    14: { ...common, extrinsic: { ...old, type: callType }, type: callType },
    15: {
      ...common,
      extrinsic: { ...extrinsic, ...old, extraType: extra },
      type: callType,
      ...api,
    },
    16: { ...common, extrinsic, ...api },
  };
  const body = bodies[version];
  return concatBytes(
    MAGIC,
    Uint8Array.of(version),
    registry.createType(`MetadataV${version}`, body).toU8a(),
  );
}

const encoded = new Map<MetadataVersion, Uint8Array>();

/** SCALE metadata of the embedded chain, encoded once. */
export function metadataBytes(version: MetadataVersion): Uint8Array {
  const known = encoded.get(version) ?? encodeMetadata(version);
  encoded.set(version, known);
  return known;
}

/** A registry that knows the embedded chain's types. */
export function chainRegistry(): { registry: TypeRegistry; metadata: Metadata } {
  const registry = new TypeRegistry();
  const metadata = new Metadata(registry, metadataBytes(16));
  // Subtensor's own extensions carry no data: naming them keeps the library from warning about
  // each.
  const none = { extrinsic: {}, payload: {} };
  const own = [
    'SudoTransactionExtension',
    'CheckShieldedTxValidity',
    'SubtensorTransactionExtension',
    'DrandPriority',
  ];
  registry.setMetadata(metadata, undefined, Object.fromEntries(own.map((name) => [name, none])));
  return { registry, metadata };
}
