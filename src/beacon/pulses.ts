// Pulses of a drand randomness beacon: whether one is genuine, and when it is published.
import { bls12_381 as bls } from '@noble/curves/bls12-381';
import { fromHex, toHex, u64be } from '../core/bytes.ts';
import { sha256 } from '../core/hash.ts';
import { QUICKNET_BEACON } from '../core/quicknet.ts';

/** A randomness beacon: each pulse is a signature in G1 by one key in G2, every `periodSeconds`. */
export type Beacon = {
  readonly publicKey: Uint8Array;
  readonly genesisSeconds: number;
  readonly periodSeconds: number;
};

/**
 * drand quicknet, the beacon of finney and test (RULES "Drand beacon"). Pinned: a chain that
 * names another key could read sealed bids.
 */
export const QUICKNET: Beacon = {
  publicKey: fromHex(QUICKNET_BEACON.publicKey)!,
  genesisSeconds: QUICKNET_BEACON.genesisSeconds,
  periodSeconds: QUICKNET_BEACON.periodSeconds,
};

/** Bytes of a pulse's signature: a compressed point of G1. */
export const SIGNATURE_BYTES = 48;
/** Bytes of a beacon's public key: a compressed point of G2. */
export const PUBLIC_KEY_BYTES = 96;

const DST = 'BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_';

/**
 * What a beacon signs for a pulse: sha256 of the pulse number, 8 bytes big-endian, hashed to G1.
 */
export function pulsePoint(pulse: number) {
  return bls.shortSignatures.hash(sha256(u64be(pulse)), DST);
}

/** Pulses that were verified before, by everything that decides it: each takes 15 ms. */
const verified = new Map<string, boolean>();
const MOST_VERIFIED = 10_000;

/**
 * Whether a signature is the beacon's for a pulse. False also for bytes that are no point of G1.
 */
export function verifyPulse(beacon: Beacon, pulse: number, signature: Uint8Array): boolean {
  const key = [pulse, toHex(signature), toHex(beacon.publicKey)].join();
  const before = verified.get(key);
  if (before !== undefined) return before;
  const genuine = isGenuine(beacon, pulse, signature);
  if (verified.size >= MOST_VERIFIED) verified.clear();
  verified.set(key, genuine);
  return genuine;
}

function isGenuine(beacon: Beacon, pulse: number, signature: Uint8Array): boolean {
  try {
    return bls.shortSignatures.verify(signature, pulsePoint(pulse), beacon.publicKey);
  } catch {
    return false;
  }
}

/** The newest pulse that is published at a moment (unix seconds); 0 before the first. */
export function latestPulse(beacon: Beacon, nowSeconds: number): number {
  return Math.max(0, Math.floor((nowSeconds - beacon.genesisSeconds) / beacon.periodSeconds) + 1);
}

/**
 * The first pulse that is published at or after a moment: the one that a seed is drawn from (RULES
 * "Seed"). A moment before the beacon's first pulse gives that one.
 */
export function pulseAfter(beacon: Beacon, atMs: number, delaySeconds: number): number {
  const sinceMs = atMs + (delaySeconds - beacon.genesisSeconds) * 1000;
  return Math.max(1, 1 + Math.ceil(sinceMs / (beacon.periodSeconds * 1000)));
}

/** When a pulse is published, unix seconds. Pulse 1 comes at genesis. */
export function publishedAt(beacon: Beacon, pulse: number): number {
  return beacon.genesisSeconds + (pulse - 1) * beacon.periodSeconds;
}

/**
 * The pulse of a commitment that opens after some blocks, as the Bittensor SDK counts it (integer
 * division, at least 1).
 */
export function pulseAfterBlocks(
  beacon: Beacon,
  nowSeconds: number,
  blocks: number,
  blockSeconds: number,
): number {
  return Math.max(
    1,
    Math.floor(
      (Math.floor(nowSeconds) - beacon.genesisSeconds + Math.round(blocks * blockSeconds)) /
        beacon.periodSeconds,
    ),
  );
}
