// Blocks of the embedded chain: their header and hash.
import type { TypeRegistry } from '@polkadot/types';
import type { Codec } from '@polkadot/types/types';
import { compactToU8a } from '@polkadot/util';
import { blake2AsU8a } from '@polkadot/util-crypto';
import { concatBytes, toHex } from '../../core/bytes.ts';
import type { Change } from './state.ts';

/** A block: header fields as JSON-RPC shows them, and the encoded extrinsics. */
export type Block = {
  readonly number: number;
  readonly hash: string;
  readonly header: {
    parentHash: string;
    number: string;
    stateRoot: string;
    extrinsicsRoot: string;
    digest: { logs: string[] };
  };
  readonly extrinsics: readonly string[];
};

/** What a block is sealed from. */
type BlockContent = {
  readonly number: number;
  readonly parentHash: string;
  readonly extrinsics: readonly Uint8Array[];
  readonly changes: readonly Change[];
  /** Seed of a chain whose hashes repeat, as hex; null for one whose hashes follow from its content. */
  readonly seed: string | null;
};

const root = (parts: readonly Uint8Array[]): string =>
  `0x${toHex(blake2AsU8a(concatBytes(...parts)))}`;

/**
 * A seeded chain's hashes follow from seed and number alone: signatures are random, and would make
 * no two runs alike.
 */
function rootsOf({ seed, changes, extrinsics }: BlockContent): {
  stateRoot: string;
  extrinsicsRoot: string;
} {
  const salt = Buffer.from(seed ?? '', 'hex');
  if (seed !== null)
    return {
      stateRoot: root([salt, Uint8Array.of(1)]),
      extrinsicsRoot: root([salt, Uint8Array.of(2)]),
    };
  const state = changes.flatMap(([key, value]) => [
    Buffer.from(key, 'hex'),
    value ?? new Uint8Array(),
  ]);
  return { stateRoot: root(state), extrinsicsRoot: root(extrinsics) };
}

/** A block's own extrinsic, which sets the time in ms; `call` is the index of `timestamp.set`. */
export function timestampInherent(call: Uint8Array, nowMs: number): Uint8Array {
  const inherent = concatBytes(Uint8Array.of(4), call, compactToU8a(nowMs));
  return concatBytes(compactToU8a(inherent.length), inherent);
}

/** Seals a block. The state root is a stand-in. */
export function sealBlock(registry: TypeRegistry, content: BlockContent): Block {
  const { number, parentHash, extrinsics } = content;
  const slot = Buffer.alloc(8);
  slot.writeBigUInt64LE(BigInt(number));
  const logs = number === 0 ? [] : [`0x06${toHex(Buffer.from('aura'))}20${toHex(slot)}`];
  const fields = { parentHash, ...rootsOf(content), digest: { logs } };
  const header = registry.createType('Header', { ...fields, number }) as unknown as Codec;
  return {
    number,
    hash: `0x${toHex(blake2AsU8a(header.toU8a()))}`,
    header: { ...fields, number: `0x${number.toString(16)}` },
    extrinsics: extrinsics.map((bytes) => `0x${toHex(bytes)}`),
  };
}
