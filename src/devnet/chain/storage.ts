// Typed access to the embedded chain's storage, by pallet and item name.
import '@polkadot/types-augment';
import { expandMetadata, type Metadata, type TypeRegistry } from '@polkadot/types';
import { unwrapStorageType } from '@polkadot/types/util';
import type { Codec } from '@polkadot/types/types';
import { compactStripLength } from '@polkadot/util';
import { toHex } from '../../core/bytes.ts';
import type { State } from './state.ts';

/**
 * Typed access to the state: `pallet.item` names as @polkadot/api spells them, values as codecs.
 */
export class Storage {
  readonly registry: TypeRegistry;
  readonly state: State;
  readonly #decorated: ReturnType<typeof expandMetadata>;

  constructor(registry: TypeRegistry, metadata: Metadata, state: State) {
    this.registry = registry;
    this.state = state;
    this.#decorated = expandMetadata(registry, metadata);
  }

  /** Index of a call as hex, for building inherents. */
  callIndex(pallet: string, call: string): Uint8Array {
    return this.#decorated.tx[pallet]![call]!.callIndex;
  }

  #entry(path: string) {
    const [pallet, item] = path.split('.') as [string, string];
    const entry = this.#decorated.query[pallet]?.[item];
    if (!entry) throw new Error(`the embedded chain has no storage ${path}`);
    return entry;
  }

  /** Storage key in hex, without a prefix. */
  key(path: string, ...args: unknown[]): string {
    return toHex(compactStripLength(this.#entry(path)(...args))[1]);
  }

  /** Key prefix of a map. */
  prefix(path: string, ...args: unknown[]): string {
    return toHex(this.#entry(path).keyPrefix(...args));
  }

  /**
   * Value in the block in work; the metadata's default where there is none; null where the item is
   * optional and absent.
   */
  get(path: string, ...args: unknown[]): Codec | null {
    return this.#decode(path, this.state.get(this.key(path, ...args)));
  }

  /** The same at the end of a block. */
  at(block: number, path: string, ...args: unknown[]): Codec | null {
    return this.#decode(path, this.state.get(this.key(path, ...args), block));
  }

  #decode(path: string, bytes: Uint8Array | null): Codec | null {
    const { meta } = this.#entry(path);
    const type = unwrapStorageType(this.registry, meta.type);
    if (bytes !== null) return this.registry.createType(type, bytes);
    return meta.modifier.isOptional
      ? null
      : this.registry.createType(type, meta.fallback.toU8a(true));
  }

  /**
   * Writes a value. Field names of objects are checked: the registry would turn a misspelt one into
   * zeros without a word.
   */
  put(path: string, args: readonly unknown[], value: unknown): void {
    const type = unwrapStorageType(this.registry, this.#entry(path).meta.type);
    const codec = this.registry.createType(type, value);
    assertNames(codec, value, path);
    this.state.set(this.key(path, ...args), codec.toU8a());
  }

  remove(path: string, ...args: unknown[]): void {
    this.state.set(this.key(path, ...args), null);
  }

  /** A number item. */
  number(path: string, ...args: unknown[]): number {
    const value = this.get(path, ...args);
    return value === null ? 0 : Number(value.toString());
  }
}

/** Throws where an object has a field that its type lacks. */
function assertNames(codec: Codec, value: unknown, where: string): void {
  if (
    typeof value !== 'object' ||
    value === null ||
    Array.isArray(value) ||
    value instanceof Uint8Array ||
    value instanceof Map ||
    value instanceof Set
  )
    return;
  if ('toU8a' in value || !(codec instanceof Map)) return;
  for (const name of Object.keys(value))
    if (!codec.has(name)) throw new Error(`${where} has no field ${name}`);
}
