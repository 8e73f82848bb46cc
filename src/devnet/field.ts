import type { KeyringPair } from '@polkadot/keyring/types';
import { Keyring } from '@polkadot/keyring';
import { paymentRemark, renderPayload } from '../arena/payload.ts';
import { feeRao, type Arena } from '../arena/schema.ts';
import { commitPlain, newSalt, pay } from '../chain/io/miner.ts';
import type { SubtensorChain } from '../chain/io/subtensor.ts';
import { sha256Hex } from '../core/hash.ts';
import { engineDigest, engineImage } from './images.ts';

/** A miner of the demo: who, with what server, and from which round on. */
export type Contestant = { readonly name: string; readonly variant: string; readonly round: 1 | 2 };

/** The field: honest servers, a resubmitted baseline, a copy, and cheats. The newcomer enters in the second round. */
export const CONTESTANTS: readonly Contestant[] = [
  { name: 'fast', variant: 'fast', round: 1 },
  { name: 'speculative', variant: 'speculative', round: 2 },
  { name: 'int4', variant: 'int4', round: 1 },
  { name: 'copycat', variant: 'fast', round: 1 },
  { name: 'baseline again', variant: 'plain', round: 1 },
  { name: 'early-eos', variant: 'early-eos', round: 1 },
  { name: 'sampled', variant: 'sampled', round: 1 },
  { name: 'role-chunk', variant: 'role-chunk', round: 1 },
  { name: 'burst', variant: 'burst', round: 1 },
  { name: 'other-weights', variant: 'other-weights', round: 1 },
];

/** Key pair of a dev account. Secret URIs like //Alice are public: for local chains only. */
export function devPair(uri: string): KeyringPair {
  return new Keyring({ type: 'sr25519', ss58Format: 42 }).createFromUri(uri);
}

/** Pays (where the arena has a fee) and commits a contestant's image, as a miner would. */
export async function enter(
  chain: SubtensorChain,
  arena: Arena,
  netuid: number,
  contestant: Contestant,
  uris: { coldkey: string; hotkey: string },
  seed: string | null,
): Promise<void> {
  const hotkey = devPair(uris.hotkey);
  const digest = engineDigest(contestant.variant);
  const image = engineImage(contestant.variant);
  let payment = null;
  if (arena.fee > 0) {
    const salt = seed === null ? newSalt() : sha256Hex(`${seed}${contestant.name}`).slice(0, 16);
    const paid = await pay(
      chain,
      devPair(uris.coldkey),
      arena.treasury!,
      feeRao(arena),
      paymentRemark(hotkey.address, digest, salt),
    );
    payment = { ...paid, salt };
  }
  await commitPlain(chain, hotkey, netuid, renderPayload({ image, digest, payment }));
}
