// The embedded chain's own drand-like randomness beacon, which opens timelocked data.
import type { Codec } from '@polkadot/types/types';
import { bls12_381 as bls } from '@noble/curves/bls12-381';
import { toHex } from '../../../core/bytes.ts';
import { sha256, sha256Hex } from '../../../core/hash.ts';
import { latestPulse, QUICKNET, pulsePoint, type Beacon } from '../../../beacon/pulses.ts';
import { open } from '../../../chain/timelock.ts';
import type { Storage } from '../storage.ts';
import type { BlockContext } from './dispatch.ts';

/** Rounds for which a chain keeps pulses: seven and a half days. */
const KEPT_ROUNDS = 216_000;

// The key of the embedded chain's own beacon. It is public on purpose: the operator of this chain
// may open any round, which real beacons forbid.
const SECRET = bls.fields.Fr.create(BigInt(`0x${sha256Hex('cacheon devnet beacon')}`));

/** The embedded chain's beacon: quicknet's clock, a key of its own. */
export const DEVNET_BEACON: Beacon = {
  ...QUICKNET,
  publicKey: bls.G2.Point.BASE.multiply(SECRET).toBytes(),
};

/** The beacon's signature of a round. */
export function signPulse(round: number): Uint8Array {
  return pulsePoint(round).multiply(SECRET).toBytes();
}

/** Writes the beacon's configuration. */
export function seedBeacon(storage: Storage): void {
  storage.put('drand.beaconConfig', [], {
    publicKey: `0x${toHex(DEVNET_BEACON.publicKey)}`,
    period: DEVNET_BEACON.periodSeconds,
    genesisTime: DEVNET_BEACON.genesisSeconds,
    groupHash: '0x',
    schemeId: '0x',
    metadata: { beaconId: '0x' },
  });
}

export function lastStoredPulse(storage: Storage): number {
  return storage.number('drand.lastStoredRound');
}

/** Signature of a stored pulse, or null where the chain has none (yet). */
export function pulseSignature(storage: Storage, round: number): Uint8Array | null {
  const pulse = storage.get('drand.pulses', round) as unknown as Map<string, Codec> | null;
  return pulse ? pulse.get('signature')!.toU8a(true) : null;
}

/** A ciphertext opened, or null where it cannot be. */
export function tryOpen(ciphertext: Uint8Array, signature: Uint8Array): Uint8Array | null {
  try {
    return open(ciphertext, signature);
  } catch {
    return null;
  }
}

/** Stores the pulse of a round. */
export function storePulse(
  { storage, emit }: Pick<BlockContext, 'storage' | 'emit'>,
  round: number,
): void {
  if (pulseSignature(storage, round) !== null) return;
  const signature = signPulse(round);
  storage.put('drand.pulses', [round], {
    round,
    randomness: `0x${toHex(sha256(signature))}`,
    signature: `0x${toHex(signature)}`,
  });
  emit('Drand', 'NewPulse', [round]);
}

/**
 * Takes in the rounds that the beacon has published by now. A real chain stores every round;
 * signing each would cost hours after an idle night, so this pallet stores only rounds that a
 * sealed field or row waits for, and notes the newest number.
 */
export function importPulses(
  context: BlockContext,
  nowMs: number,
  awaited: readonly number[],
): void {
  const { storage } = context;
  const latest = latestPulse(DEVNET_BEACON, nowMs / 1000);
  for (const round of awaited)
    if (round >= 1 && round <= latest && round > latest - KEPT_ROUNDS) storePulse(context, round);
  if (latest > lastStoredPulse(storage)) storage.put('drand.lastStoredRound', [], latest);
  storage.put('drand.oldestStoredRound', [], Math.max(1, latest - KEPT_ROUNDS));
}
