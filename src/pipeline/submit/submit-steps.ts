// The steps of a submission, payment and commitment, each safe to repeat after a crash.
import type {
  Call,
  ChainCommitment,
  ChainReader,
  SignedTransaction,
  SubnetState,
  ExtrinsicSigner,
} from '../../chain/chain.ts';
import { deliverExtrinsic, type Delivery } from '../../chain/delivery.ts';
import type { ChainRefusal } from '../../chain/dispatch-errors.ts';
import { ChainError } from '../../chain/errors.ts';
import type { SealEntropy } from '../../chain/timelock.ts';
import { equalBytes, fromUtf8 } from '../../core/bytes.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { type Arena, feeRao } from '../../schema/arena.ts';
import { anchorOf } from '../anchor/anchor-text.ts';

/**
 * What a submission has reached, kept on disk before each step: after any interruption the next run
 * goes on here. Holds nothing secret.
 */
export type SubmitState = {
  readonly schema: 1;
  readonly genesisHash: string;
  readonly netuid: number;
  readonly hotkey: string;
  readonly image: string;
  readonly digest: string;
  /** `block` is null until the payment is in a finalized block. */
  payment: {
    readonly transaction: SignedTransaction | null;
    readonly tx: string;
    block: number | null;
  } | null;
  commitment: {
    readonly transaction: SignedTransaction;
    readonly round: number | null;
    block: number | null;
  } | null;
};
/** One submission's state on disk. `write` returns once it is safe there. */
export interface Journal {
  read(): SubmitState | null;
  write(state: SubmitState): void;
}

/** What a submission is about to send, for its miner to agree to. */
export type SubmitTerms = {
  readonly network: Arena['network'];
  readonly netuid: number;
  readonly hotkey: string;
  readonly uid: number;
  readonly coldkey: string;
  readonly image: string;
  readonly digest: string;
  /** What is paid now; null where it was paid before, or nothing is to be paid. */
  readonly payment: null | {
    readonly treasury: string;
    readonly amountRao: bigint;
    readonly networkFeeRao: bigint;
    readonly balanceRao: bigint;
  };
  /** Block of a payment that was made before; null: none. */
  readonly paidIn: number | null;
  /** A payment that was signed before and is in no block yet: it is sent again, never another. */
  readonly resumes: string | null;
  readonly sealed: boolean;
  /** What stands in the hotkey's commitment, and is replaced; null: nothing. */
  readonly replaces: string | null;
};

export type SubmitPorts = {
  /** Asked once, before anything is sent. Throws where the miner, or a look at the image, says no. */
  readonly agree: (terms: SubmitTerms) => Promise<void>;
  readonly chain: ChainReader;
  readonly coldkey: ExtrinsicSigner;
  readonly hotkey: ExtrinsicSigner;
  /**
   * A salt that only the hotkey's holder can tell, the same each time for the same text: a lost
   * journal loses no payment.
   */
  readonly salt: (text: string) => string;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly entropy: () => SealEntropy;
  readonly log: Log;
};
/** What a transfer must leave behind. */
const EXISTENTIAL_DEPOSIT_RAO = 500n;

/** Rao as people read it. */
export const taoText = (rao: bigint): string => `${Number(rao) / 1e9} TAO`;

/** Whether a step is done: in a finalized block. */
export function landed<T extends { block: number | null }>(
  step: T | null,
): step is T & { block: number } {
  return step !== null && step.block !== null;
}

/** Refuses a coldkey that cannot pay fee, network fee and the least balance. */
export async function assertBalance(
  { chain, coldkey }: SubmitPorts,
  arena: Arena,
  call: Call,
): Promise<void> {
  const balance = await chain.balanceRao(coldkey.address);
  const needed = feeRao(arena) + (await coldkey.feeRao(call)) + EXISTENTIAL_DEPOSIT_RAO;
  if (balance < needed)
    throw new ChainError(
      'INSUFFICIENT_BALANCE',
      'usage',
      `the coldkey ${coldkey.address} has ${taoText(balance)}, the submission needs ${taoText(needed)}`,
      'send it some TAO; nothing was paid',
    );
}

/**
 * Brings the payment into a block. Signed bytes are on disk before they are sent, and new ones are
 * signed only once the old can never land.
 */
export async function payFee(
  ports: SubmitPorts,
  arena: Arena,
  entry: SubmitState,
  call: Call,
): Promise<void> {
  const { chain, coldkey, journal, log } = ports;
  let again = entry.payment !== null;
  while (!landed(entry.payment)) {
    if (entry.payment === null) {
      await assertBalance(ports, arena, call);
      const transaction = await coldkey.sign(call);
      entry.payment = { transaction, tx: transaction.hash, block: null };
      journal.write(entry);
    }
    const { transaction, tx } = entry.payment;
    log.info(`paying ${arena.fee} TAO: ${tx}`);
    const delivery = await deliverExtrinsic(ports, transaction!, again);
    const done = settledBy(delivery, 'the payment');
    if (done.state === 'done') {
      entry.payment = { transaction, tx, block: done.block };
      journal.write(entry);
      log.info(`paid in block ${done.block}`);
      return;
    }
    // Before a second payment is signed, a second endpoint must agree that the first one's time is
    // over.
    await chain.confirm(await chain.finalizedHead());
    entry.payment = null;
    journal.write(entry);
    if (done.state === 'failed')
      throw new ChainError(
        'REJECTED',
        'infra',
        `the payment failed: ${done.refusal.name}; no fee was moved`,
        done.refusal.hint,
      );
    log.warn('no block took the payment in time: signing it anew');
    again = false;
  }
}

/**
 * What a delivery means for a step: done, failed for good, or to be signed anew. Throws where the
 * chain refused it, or no node can tell.
 */
function settledBy(
  delivery: Delivery,
  what: string,
):
  | { state: 'done'; block: number }
  | { state: 'failed'; refusal: ChainRefusal }
  | { state: 'over' } {
  if (delivery.state === 'expired') return { state: 'over' };
  if (delivery.state === 'refused')
    throw new ChainError(
      'REJECTED',
      'infra',
      `${what} was refused: ${delivery.refusal.name}`,
      `${delivery.refusal.hint}; then run this again`,
    );
  const { block, outcome } = delivery;
  if (outcome === null)
    throw new ChainError(
      'STATE_DISCARDED',
      'infra',
      `${what} is in block ${block.number}, and the node no longer knows whether it succeeded`,
      'run this again with an archive endpoint',
    );
  return outcome.ok
    ? { state: 'done', block: block.number }
    : { state: 'failed', refusal: outcome.refusal };
}

/** Brings the commitment into a block, in the same way. */
export async function commitPayload(
  ports: SubmitPorts,
  entry: SubmitState,
  { netuid, replace, own }: { netuid: number; replace: boolean; own: Uint8Array },
  build: (state: SubnetState) => { call: Call; round: number | null },
): Promise<void> {
  const { chain, hotkey, journal, log } = ports;
  let again = entry.commitment !== null;
  while (!landed(entry.commitment)) {
    if (entry.commitment === null) {
      assertNothingLost(await chain.commitment(hotkey.address, netuid), own, replace);
      const { call, round } = build(await chain.subnet(netuid, hotkey.address));
      entry.commitment = { transaction: await hotkey.sign(call), round, block: null };
      journal.write(entry);
    }
    const { transaction, round } = entry.commitment;
    log.info(
      `committing: ${transaction.hash}${round === null ? '' : `, sealed until drand round ${round}`}`,
    );
    const done = settledBy(await deliverExtrinsic(ports, transaction, again), 'the commitment');
    if (done.state === 'done') {
      entry.commitment = { transaction, round, block: done.block };
      journal.write(entry);
      log.info(`committed in block ${done.block}`);
      return;
    }
    entry.commitment = null;
    journal.write(entry);
    if (done.state === 'failed')
      throw new ChainError(
        'REJECTED',
        'infra',
        `the commitment failed: ${done.refusal.name}`,
        `${done.refusal.hint}; the payment is kept`,
      );
    log.warn('no block took the commitment in time: signing it anew');
    again = false;
  }
}

/** What stands in a hotkey's commitment that a new one would destroy; null: nothing. */
export function standingText(
  { standing }: Pick<ChainCommitment, 'standing'>,
  own: Uint8Array,
): string | null {
  const [field] = standing?.fields ?? [];
  if (!field) return null;
  if (field.kind === 'timelock') return `one that is sealed until drand round ${field.revealRound}`;
  if (anchorOf({ standing })) return 'the anchor of a validator’s ledger';
  // The image's own name and digest are the beginning of every payload for it.
  if (field.kind === 'raw' && startsWith(field.bytes, own)) return null;
  const text = field.kind === 'raw' ? fromUtf8(field.bytes) : null;
  const shown = text ?? `of the kind ${field.kind}`;
  return `another one: ${shown.length > 160 ? `${shown.slice(0, 160)}…` : shown}`;
}

const startsWith = (bytes: Uint8Array, beginning: Uint8Array): boolean =>
  equalBytes(bytes.subarray(0, beginning.length), beginning);

/**
 * Where the notes of a submission are lost, the chain still tells that this very image was committed:
 * nobody pays for it a second time without saying so.
 */
export function assertNotCommitted(
  { standing, revealed, lastBlock }: ChainCommitment,
  own: Uint8Array,
): void {
  const plain = standing?.fields.some(
    (field) => field.kind === 'raw' && startsWith(field.bytes, own),
  );
  if (plain !== true && !revealed.some(({ bytes }) => startsWith(bytes, own))) return;
  throw new ChainError(
    'REJECTED',
    'usage',
    `this hotkey has committed this very image before (its last commitment is of block ${lastBlock ?? '?'}), though no note of it is here`,
    'cacheon status shows where it stands; --again pays for another submission of it',
  );
}

/** A new commitment destroys what stands for good: the chain keeps one per hotkey. */
export function assertNothingLost(
  commitment: ChainCommitment,
  own: Uint8Array,
  replace: boolean,
): void {
  const lost = standingText(commitment, own);
  if (lost === null) return;
  if (anchorOf(commitment))
    throw new ChainError(
      'REJECTED',
      'usage',
      `the hotkey's commitment holds ${lost}, which a new one would destroy`,
      'a validator needs a hotkey of its own: submit with another',
    );
  if (replace) return;
  throw new ChainError(
    'REJECTED',
    'usage',
    `the hotkey's commitment holds ${lost}, which a new one would destroy`,
    'wait until a plan lists it (cacheon status tells), or give --replace: an entry that no plan has listed is lost with its fee',
  );
}
