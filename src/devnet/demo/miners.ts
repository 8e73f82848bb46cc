// The demo's miners, honest and cheating, and how they enter the competition.
import type { KeyringPair } from '@polkadot/keyring/types';
import { Keyring } from '@polkadot/keyring';
import type { Arena } from '../../schema/arena.ts';
import { sealEntropy } from '../../chain/io/entropy.ts';
import { saltOf } from '../../chain/io/key-pairs.ts';
import type { SubtensorChain } from '../../chain/io/subtensor.ts';
import type { Log } from '../../core/log.ts';
import { monotonicClock } from '../../node/monotonic-clock.ts';
import { submit } from '../../pipeline/submit/submit.ts';
import type { SubmitState } from '../../pipeline/submit/submit-steps.ts';
import type { DevnetImage } from '../engine-names.ts';

/** A miner of the demo: its account, its server, and the round in which it enters. */
export type DemoMiner = {
  readonly name: string;
  readonly variant: string;
  readonly round: 1 | 2;
  /** Name of the miner's image where images are real; else that of the variant. */
  readonly image?: string;
};

/**
 * The field: honest servers, a resubmitted baseline, a copy, and cheats. The newcomer enters in the
 * second round.
 */
export const DEMO_MINERS: readonly DemoMiner[] = [
  { name: 'fast', variant: 'fast', round: 1 },
  { name: 'speculative', variant: 'speculative', round: 2 },
  { name: 'int4', variant: 'int4', round: 1 },
  { name: 'copycat', variant: 'fast', round: 1, image: 'copycat' },
  { name: 'baseline again', variant: 'plain', round: 1 },
  { name: 'early-eos', variant: 'early-eos', round: 1 },
  { name: 'sampled', variant: 'sampled', round: 1 },
  { name: 'guess', variant: 'guess', round: 1 },
  { name: 'burst', variant: 'burst', round: 1 },
  { name: 'other-weights', variant: 'other-weights', round: 1 },
];

/** Key pair of a dev account. Secret URIs like //Alice are public: for local chains only. */
export function devPair(uri: string): KeyringPair {
  return new Keyring({ type: 'sr25519', ss58Format: 42 }).createFromUri(uri);
}

/**
 * Enters an image, as a miner does with `cacheon submit`: pays (where the arena has a fee) and
 * commits.
 */
export async function submitImage(
  { chain, arena, log }: { chain: SubtensorChain; arena: Arena; log: Log },
  image: DevnetImage,
  uris: { coldkey: string; hotkey: string },
): Promise<void> {
  const hotkey = devPair(uris.hotkey);
  let kept: SubmitState | null = null;
  await submit(
    {
      agree: () => Promise.resolve(),
      chain,
      coldkey: chain.transactor(devPair(uris.coldkey)),
      hotkey: chain.transactor(hotkey),
      salt: (text) => saltOf(hotkey, text),
      journal: {
        read: () => kept,
        write: (state) => {
          kept = state;
        },
      },
      clock: monotonicClock,
      entropy: sealEntropy,
      log,
    },
    arena,
    {
      ...image,
      base: null,
      payment: null,
      revealBlocks: 1,
      wait: false,
      replace: true,
      again: false,
      dryRun: false,
    },
  );
}
