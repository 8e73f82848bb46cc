// Encodes events and dispatch errors of the embedded chain in SCALE.
import type { Metadata, TypeRegistry } from '@polkadot/types';
import { concatBytes } from '../../core/bytes.ts';
import { DispatchFailure } from './pallets/dispatch.ts';

/** Encodes events by pallet and variant name, as the metadata numbers them. */
export class EventEncoder {
  readonly #registry: TypeRegistry;
  readonly #metadata: Metadata;

  constructor(registry: TypeRegistry, metadata: Metadata) {
    this.#registry = registry;
    this.#metadata = metadata;
  }

  #pallet(name: string) {
    const pallet = this.#metadata.asLatest.pallets.find((item) => item.name.toString() === name);
    if (!pallet) throw new Error(`the embedded chain has no pallet ${name}`);
    return pallet;
  }

  #variants(type: Parameters<TypeRegistry['lookup']['getSiType']>[0]) {
    return this.#registry.lookup.getSiType(type).def.asVariant.variants;
  }

  /** Pallet index, variant index, then each field by its type. */
  encode(palletName: string, event: string, fields: readonly unknown[]): Uint8Array {
    const pallet = this.#pallet(palletName);
    const variant = this.#variants(pallet.events.unwrap().type).find(
      (item) => item.name.toString() === event,
    );
    if (!variant || variant.fields.length !== fields.length)
      throw new Error(
        `the embedded chain has no event ${palletName}.${event} of ${fields.length} fields`,
      );
    const parts = variant.fields.map((field, i) => {
      const value = fields[i];
      const type = this.#registry.createLookupType(field.type);
      return this.#registry
        .createType(type, value instanceof DispatchFailure ? this.dispatchError(value) : value)
        .toU8a();
    });
    return concatBytes(Uint8Array.of(pallet.index.toNumber(), variant.index.toNumber()), ...parts);
  }

  /** The runtime's DispatchError for a failure: a module's own, `Token`, or a bare one. */
  dispatchError(failure: DispatchFailure): unknown {
    if (failure.pallet === '') return { [failure.error]: null };
    if (failure.pallet === 'Token') return { Token: failure.error };
    const pallet =
      failure.pallet === 'System' ? this.#pallet('System') : this.#pallet(failure.pallet);
    const errors = pallet.errors.isSome ? this.#variants(pallet.errors.unwrap().type) : [];
    const variant = [...errors].find((item) => item.name.toString() === failure.error);
    if (!variant)
      throw new Error(`the embedded chain has no error ${failure.pallet}.${failure.error}`);
    return {
      Module: { index: pallet.index.toNumber(), error: [variant.index.toNumber(), 0, 0, 0] },
    };
  }
}
