// Seeds of rounds: what they are hashed from, so that nobody can choose or borrow one.
import { concatBytes, u64be, utf8 } from '../core/bytes.ts';
import { sha256 } from '../core/hash.ts';

/** Everything that a seed depends on, as bytes. */
export type SeedParts = {
  /** Genesis hash of the chain, 32 bytes. */
  readonly genesisHash: Uint8Array;
  readonly netuid: number;
  /** The validator's public key, 32 bytes: its traces fit no other validator's ledger. */
  readonly publicKey: Uint8Array;
  /** sha256 of the signed plan's bytes, which were anchored before the pulse was published. */
  readonly planSha256: Uint8Array;
  /** Signature of the pulse, or the hash of a later block on chains without pulses. */
  readonly drawn: Uint8Array;
};

const ZERO = Uint8Array.of(0);

/** The seed of a round, 32 bytes (RULES "Seed"). */
export function seedFrom(parts: SeedParts): Uint8Array {
  const { genesisHash, netuid, publicKey, planSha256, drawn } = parts;
  const subnet = Uint8Array.of(netuid >> 8, netuid & 0xff);
  const hashed = [genesisHash, subnet, publicKey, planSha256, drawn];
  return sha256(concatBytes(utf8('cacheon/seed/v1'), ZERO, ...hashed));
}

/** The seed of a plan on a local chain whose arena gives one; plans are counted from 1. */
export function seedGiven(seed: Uint8Array, planNumber: number): Uint8Array {
  return sha256(concatBytes(utf8('cacheon/seed/devnet'), ZERO, seed, u64be(planNumber)));
}
