// Decides where a submission goes on, and which calls it makes. Pure.
import { paymentRemark, renderPayload } from '../../arena/payload.ts';
import { pulseAfterBlocks } from '../../beacon/pulses.ts';
import type { Call, SubnetState } from '../../chain/chain.ts';
import { ChainError } from '../../chain/errors.ts';
import { compact } from '../../chain/scale.ts';
import { seal, type SealEntropy } from '../../chain/timelock.ts';
import { concatBytes, utf8 } from '../../core/bytes.ts';
import { type Arena, ArenaError, feeRao } from '../../schema/arena.ts';
import { beaconFor } from '../settle/weight-row.ts';
import { landed, type SubmitState } from './submit-steps.ts';

/** What a miner asks for. */
export type SubmitRequest = {
  readonly image: string;
  readonly digest: string;
  /** The public engine that the image builds on, `image@sha256:…`; null: none. */
  readonly base: string | null;
  /** A payment made before, say on another machine. */
  readonly payment: Payment | null;
  readonly revealBlocks: number;
  /** Whether to wait until the chain shows the sealed payload. */
  readonly wait: boolean;
  /** Whether another sealed commitment of this hotkey may be destroyed. */
  readonly replace: boolean;
  /** Pays and commits once more what was submitted before: a submission of its own. */
  readonly again: boolean;
  readonly dryRun: boolean;
};
export type Payment = { readonly tx: string; readonly block: number };

/** Whose submission it is, and on which subnet. */
export type SubmitPlace = Pick<SubmitState, 'genesisHash' | 'netuid' | 'hotkey'>;

/**
 * Stands in for a payment that is not made yet, to learn how large the payload becomes: a block
 * number of today's length.
 */
export const FUTURE_PAYMENT: Payment = { tx: `0x${'00'.repeat(32)}`, block: 99_999_999 };

/** Throws where this wallet may not submit for this hotkey: nothing was paid yet. */
export function assertRegistered(
  { uid, coldkey: owner }: Pick<SubnetState, 'uid' | 'coldkey'>,
  netuid: number,
  { hotkey, coldkey }: { readonly hotkey: string; readonly coldkey: string },
): void {
  if (uid === null)
    throw new ChainError(
      'NOT_REGISTERED',
      'usage',
      `the hotkey ${hotkey} is not registered on subnet ${netuid}: nothing was paid`,
      `register it first: btcli subnet register --netuid ${netuid}`,
    );
  if (owner !== coldkey)
    throw new ChainError(
      'REJECTED',
      'usage',
      `the hotkey ${hotkey} belongs to the coldkey ${owner ?? '(none)'}, this wallet's is ${coldkey}`,
      "pay with the hotkey's own coldkey: validators accept no other",
    );
}

/**
 * The state that a submission goes on from: what was noted of it before, or a fresh one. A new
 * submission begins only after the one before it: an interrupted one is finished first, whatever
 * the miner asked for. Throws `REJECTED` where the digest was submitted under another name.
 */
export function decideSubmission(
  place: SubmitPlace,
  request: Pick<SubmitRequest, 'image' | 'digest' | 'payment' | 'again'>,
  noted: SubmitState | null,
): SubmitState {
  const { image, digest } = request;
  const known = request.again && landed(noted?.commitment ?? null) ? null : noted;
  if (known && known.image !== image && landed(known.commitment))
    throw new ChainError(
      'REJECTED',
      'usage',
      `this digest was submitted as ${known.image} at block ${known.commitment.block}`,
      'give --again to pay for another submission of it',
    );
  const entry = goOn(place, { image, digest }, known);
  if (request.payment && !landed(entry.payment))
    entry.payment = { transaction: null, ...request.payment };
  return entry;
}

function goOn(
  place: SubmitPlace,
  image: Pick<SubmitState, 'image' | 'digest'>,
  known: SubmitState | null,
): SubmitState {
  const fresh = { schema: 1 as const, ...place, ...image, payment: null, commitment: null };
  if (known?.genesisHash !== place.genesisHash) return fresh;
  if (known.image === image.image) return known;
  // The digest is what was paid for: a corrected image name keeps the payment.
  return { ...fresh, payment: known.payment };
}

/** The calls of a submission, for a hotkey and its salt. */
export class SubmissionCalls {
  readonly #arena: Arena;
  readonly #request: Pick<SubmitRequest, 'image' | 'digest' | 'base' | 'revealBlocks'>;
  readonly #salt: string;
  readonly #entropy: () => SealEntropy;

  constructor(
    arena: Arena,
    request: Pick<SubmitRequest, 'image' | 'digest' | 'base' | 'revealBlocks'>,
    salt: string,
    entropy: () => SealEntropy,
  ) {
    this.#arena = arena;
    this.#request = request;
    this.#salt = salt;
    this.#entropy = entropy;
  }

  /** The bytes that the commitment says, with their payment. */
  payload(payment: Payment | null): Uint8Array {
    const { image, digest, base } = this.#request;
    const salted = payment && { ...payment, salt: this.#salt };
    return utf8(renderPayload({ image, digest, base, payment: salted }));
  }

  /** How every payload of this image begins, whatever payment it names. */
  beginning(): Uint8Array {
    return this.payload(null).slice(0, -1);
  }

  /** The atomic batch of fee and remark; null where the arena takes no fee. */
  pay(hotkey: string): Call | null {
    const { fee, name, treasury } = this.#arena;
    if (fee <= 0) return null;
    if (treasury === null)
      throw new ArenaError(
        'BAD_ARENA',
        'usage',
        `the arena ${name} takes a fee, but names no treasury yet`,
        'it takes no submission until it does',
      );
    return {
      kind: 'pay',
      treasury,
      amountRao: feeRao(this.#arena),
      remark: paymentRemark(hotkey, this.#request.digest, this.#salt),
    };
  }

  /** The commitment: sealed as the Bittensor SDK seals a text, or plain. */
  commit(payment: Payment | null, state: SubnetState): { call: Call; round: number | null } {
    const { netuid, network, timelock } = this.#arena;
    const payload = this.payload(payment);
    if (!timelock) return { call: { kind: 'commit', netuid, payload }, round: null };
    const beacon = beaconFor(network, state.beacon);
    const { nowSeconds, blockSeconds } = state;
    const round = pulseAfterBlocks(beacon, nowSeconds, this.#request.revealBlocks, blockSeconds);
    const text = concatBytes(compact(payload.length), payload);
    const ciphertext = seal(beacon, round, text, this.#entropy());
    return { call: { kind: 'commit-sealed', netuid, ciphertext, round }, round };
  }
}
