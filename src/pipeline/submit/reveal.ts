// Waits until the chain shows a sealed payload, and tells when it never will.
import { publishedAt } from '../../beacon/pulses.ts';
import type { ChainCommitment, SubnetState } from '../../chain/chain.ts';
import { ChainError } from '../../chain/errors.ts';
import { readRevealed } from '../../chain/revealed-payload.ts';
import { equalBytes } from '../../core/bytes.ts';
import type { Arena } from '../../schema/arena.ts';
import { beaconFor } from '../settle/weight-row.ts';
import type { SubmitPorts, SubmitState } from './submit-steps.ts';

const REVEAL_POLL_MS = 6000;
/** Polls between two looks at the chain's clock. */
const CLOCK_POLLS = 10;
/**
 * A pulse reaches the chain within seconds: a pulse that is half an hour late was skipped, and
 * never comes.
 */
const PULSE_GRACE_SECONDS = 1800;

/** A sealed commitment that a miner waits for: what it says, its block and its drand round. */
type Sealed = { readonly content: Uint8Array; readonly block: number; readonly round: number };

/** What the chain shows of a sealed commitment. */
export type RevealSeen =
  | { readonly state: 'shown'; readonly block: number }
  | { readonly state: 'sealed' }
  | { readonly state: 'lost'; readonly message: string; readonly hint: string };

const COMMIT_ANEW = 'run this again to commit anew: the payment is kept';

/** Reads a hotkey's commitments for a sealed one. */
export function revealSeen(
  { revealed, standing, lastBlock }: ChainCommitment,
  { content, block }: Sealed,
): RevealSeen {
  const shown = revealed.find(({ bytes }) => equalBytes(readRevealed(bytes).bytes, content));
  if (shown) return { state: 'shown', block: shown.block };
  const lost = (message: string): RevealSeen => ({ state: 'lost', message, hint: COMMIT_ANEW });
  if (standing === null) return lost('the sealed commitment is gone, and nothing was revealed');
  if (lastBlock !== block)
    return lost('a later commitment of this hotkey replaced this one before its reveal');
  return { state: 'sealed' };
}

/** Whether the pulse of a seal is so late that it never comes; null while it may. */
export function pulseLost(
  network: Arena['network'],
  { nowSeconds, beacon }: Pick<SubnetState, 'nowSeconds' | 'beacon'>,
  { round }: Pick<Sealed, 'round'>,
): RevealSeen | null {
  const due = publishedAt(beaconFor(network, beacon), round) + PULSE_GRACE_SECONDS;
  if (nowSeconds <= due) return null;
  return {
    state: 'lost',
    message: `drand round ${round} is long over, and the chain never stored its pulse`,
    hint: 'run this again with --replace to commit anew: the payment is kept',
  };
}

/**
 * Waits until the chain shows the payload, and returns the block of the reveal. Throws `REJECTED`
 * where it never will: the payment then still stands, and the next run commits anew.
 */
export async function confirmReveal(
  ports: SubmitPorts,
  arena: Pick<Arena, 'netuid' | 'network'>,
  entry: SubmitState,
  content: Uint8Array,
): Promise<number> {
  const { chain, hotkey, journal, clock, log } = ports;
  const { netuid, network } = arena;
  const sealed = { content, block: entry.commitment!.block!, round: entry.commitment!.round! };
  for (let polls = 0; ; polls++) {
    let seen = revealSeen(await chain.commitment(hotkey.address, netuid), sealed);
    if (seen.state === 'sealed' && polls % CLOCK_POLLS === 0)
      seen = pulseLost(network, await chain.subnet(netuid, hotkey.address), sealed) ?? seen;
    if (seen.state === 'shown') {
      log.info(`revealed at block ${seen.block}`);
      return seen.block;
    }
    if (seen.state === 'lost') {
      entry.commitment = null;
      journal.write(entry);
      throw new ChainError('REJECTED', 'infra', seen.message, seen.hint);
    }
    if (polls % CLOCK_POLLS === 0)
      log.info(`waiting for drand round ${sealed.round} to open it (safe to interrupt)`);
    await clock.sleep(REVEAL_POLL_MS);
  }
}
