// Reads of many chain storage items in a single request, also at old blocks.
import type { ApiPromise } from '@polkadot/api';
import { unwrapStorageType } from '@polkadot/types/util';
import type { StorageEntry } from '@polkadot/types/primitive/types';
import type { Codec, Registry } from '@polkadot/types/types';
import { fromHex } from '../../core/bytes.ts';
import { messageOf } from '../../core/errors.ts';
import { encodeSs58 } from '../../core/ss58.ts';
import { ChainError } from '../errors.ts';
import { decodeAs } from './decode.ts';

/**
 * Sends a request as it is: the library's own methods ask for a block's runtime first, which is two
 * requests more.
 */
export async function rawSend<T>(
  api: ApiPromise,
  method: string,
  ...params: unknown[]
): Promise<T> {
  return (await api.rpc(method, ...params)) as T;
}

/** A storage item by `pallet.item` as the library spells it, with the keys of a map. */
export type Item = readonly [path: string, ...keys: unknown[]];
type Query = Record<string, Record<string, StorageEntry | undefined> | undefined>;

/** What an absent map entry of account ids decodes to. */
export const NOBODY = encodeSs58(new Uint8Array(32));

/**
 * What nodes say of state that they no longer keep: an hour or so of it, unless they are archives.
 */
const DISCARDED = /discarded|unknown block|not found|pruned|4003/i;
const ARCHIVE_HINT =
  'ask again with an archive endpoint: on finney wss://archive.chain.opentensor.ai:443';

/** An error of reading old state, told from others. */
export function stateError(error: unknown, what: string): ChainError {
  if (error instanceof ChainError) return error;
  const gone = DISCARDED.test(messageOf(error));
  return gone
    ? new ChainError(
        'STATE_DISCARDED',
        'infra',
        `the node no longer keeps ${what}`,
        ARCHIVE_HINT,
      ).causedBy(error)
    : new ChainError(
        'UNREACHABLE',
        'infra',
        `${what} could not be read: ${messageOf(error).slice(0, 200)}`,
        'try again',
      ).causedBy(error);
}

function entryOf(query: Query, path: string): StorageEntry | undefined {
  const [pallet, item] = path.split('.') as [string, string];
  return query[pallet]?.[item];
}

/** Whether the runtime has a storage item. */
export function hasItem(api: ApiPromise, path: string): boolean {
  return entryOf(api.query as unknown as Query, path) !== undefined;
}

/**
 * A stored value: the metadata's default where there is none, null where the item is optional and
 * absent.
 */
function decode(registry: Registry, entry: StorageEntry, bytes: string | null): Codec | null {
  const { meta } = (entry as unknown as { creator: StorageEntry }).creator;
  const type = unwrapStorageType(registry, meta.type);
  // As bytes: a number in hex would be read the other way round.
  if (bytes !== null) return decodeAs(registry, type, fromHex(bytes) ?? new Uint8Array());
  return meta.modifier.isOptional ? null : registry.createType(type, meta.fallback.toU8a(true));
}

const VERSION = 'system.lastRuntimeUpgrade';

/**
 * Many storage items at one block in one request. An item that the runtime lacks is undefined. The
 * block's own spec version comes in the same answer: where it is not the connected one (an upgrade
 * in between), everything is decoded again by that block's metadata.
 */
export async function readItems<Name extends string>(
  api: ApiPromise,
  blockHash: string,
  items: Readonly<Record<Name, Item>>,
): Promise<Record<Name, Codec | null | undefined>> {
  const names = Object.keys(items) as Name[];
  const ask = async (
    query: Query,
    registry: Registry,
    stop: (spec: number | null) => boolean,
  ): Promise<{ spec: number | null; values: Record<Name, Codec | null | undefined> }> => {
    const entries = names.map((name) => entryOf(query, items[name][0]));
    const keys = entries.map((entry, i) => entry && keyOf(entry, items[names[i]!].slice(1)));
    const version = entryOf(query, VERSION)!;
    const wanted = [keyOf(version, []), ...keys.flatMap((key) => key ?? [])];
    const [answer] = await rawSend<{ changes: [string, string | null][] }[]>(
      api,
      'state_queryStorageAt',
      wanted,
      blockHash,
    );
    const found = new Map(answer?.changes ?? []);
    const spec = decode(registry, version, found.get(wanted[0]!) ?? null) as unknown as Map<
      string,
      Codec
    > | null;
    const specVersion = spec && Number(spec.get('specVersion')!.toString());
    const values = {} as Record<Name, Codec | null | undefined>;
    // Of another runtime than this registry's: decoding would only fail, or worse, succeed.
    if (stop(specVersion)) return { spec: specVersion, values };
    for (const [i, name] of names.entries())
      values[name] =
        entries[i] === undefined
          ? undefined
          : decode(registry, entries[i], found.get(keys[i]!) ?? null);
    return { spec: specVersion, values };
  };
  const connected = api.runtimeVersion.specVersion.toNumber();
  const other = (spec: number | null): boolean => spec !== null && spec !== connected;
  const now = await ask(api.query as unknown as Query, api.registry, other);
  if (!other(now.spec)) return now.values;
  const at = await api.at(blockHash);
  return (await ask(at.query as unknown as Query, at.registry, () => false)).values;
}

function keyOf(entry: StorageEntry, keys: readonly unknown[]): string {
  return (entry as unknown as { key(...args: unknown[]): string }).key(...keys);
}

/** A number from a stored value; the fallback where the runtime lacks the item. */
export function numberOf(value: Codec | null | undefined, fallback = 0): number {
  return value ? Number(value.toString()) : fallback;
}
