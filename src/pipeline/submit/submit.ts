// A miner's submission: pays the fee and commits a container image, resumable at any point.
import { checkImage } from '../../schema/image-ref.ts';
import {
  acceptedRemarks,
  paymentRemark,
  renderPayload,
  type Payload,
} from '../../arena/payload.ts';
import { ArenaError, feeRao, type Arena } from '../../schema/arena.ts';
import type { Call, SubnetState } from '../../chain/chain.ts';
import { publishedAt, pulseAfterBlocks } from '../../beacon/pulses.ts';
import { ChainError } from '../../chain/errors.ts';
import { readRevealed } from '../../chain/revealed-payload.ts';
import { compact } from '../../chain/scale.ts';
import { seal, type SealEntropy } from '../../chain/timelock.ts';
import { concatBytes, equalBytes, utf8 } from '../../core/bytes.ts';
import {
  assertBalance,
  assertNothingLost,
  commitPayload,
  landed,
  payFee,
  type SubmitPorts,
  type SubmitState,
} from './submit-steps.ts';
import { beaconFor } from '../settle/weight-row.ts';

export type SubmitRequest = {
  readonly image: string;
  readonly digest: string;
  /** A payment made before, say on another machine. */
  readonly payment: { readonly tx: string; readonly block: number } | null;
  readonly revealBlocks: number;
  /** Whether to wait until the chain shows the sealed payload. */
  readonly wait: boolean;
  /** Whether another sealed commitment of this hotkey may be destroyed. */
  readonly replace: boolean;
  /** Pays and commits once more what was submitted before: a submission of its own. */
  readonly again: boolean;
  readonly dryRun: boolean;
};
export type SubmitReport = {
  hotkey: string;
  uid: number;
  image: string;
  digest: string;
  payment: { tx: string; block: number } | null;
  commitment: { tx: string; block: number; round: number | null } | null;
  revealBlock: number | null;
  dryRun: { call: string; feeRao: string; amountRao: string }[] | null;
};

const REVEAL_POLL_MS = 6000;
/**
 * A pulse reaches the chain within seconds: a pulse that is half an hour late was skipped, and
 * never comes.
 */
const PULSE_GRACE_SECONDS = 1800;
/**
 * Stands in for a payment that is not made yet, to learn how large the payload becomes: a block
 * number of today's length.
 */
const FUTURE_PAYMENT = { tx: `0x${'00'.repeat(32)}`, block: 99_999_999 };

/**
 * Pays and commits one image for one hotkey; level-triggered, so that running it again finishes
 * what was begun and never pays twice.
 */
export async function submit(
  ports: SubmitPorts,
  arena: Arena,
  request: SubmitRequest,
): Promise<SubmitReport> {
  const { chain, hotkey, coldkey, journal, log } = ports;
  const { image, digest } = request;
  const fault = checkImage(image, digest, arena.loopbackImages);
  if (fault)
    throw new ArenaError(
      'BAD_ARENA',
      'usage',
      `${fault.verdict}: ${fault.reason}`,
      'a validator would refuse this image: mend the reference first',
    );
  const state = await chain.subnet(arena.netuid, hotkey.address);
  const { genesisHash } = await chain.identity();
  assertRegistered(state, arena, hotkey.address, coldkey.address);
  const salt = ports.salt(`${genesisHash}:${arena.netuid}:${digest}`);
  const payload = (payment: { tx: string; block: number } | null): Uint8Array => {
    const content: Payload = { image, digest, payment: payment && { ...payment, salt } };
    return utf8(renderPayload(content));
  };
  const charged = arena.fee > 0;
  const sealed = arena.timelock;
  const commitCall = (
    payment: { tx: string; block: number } | null,
    now: SubnetState,
  ): { call: Call; round: number | null } =>
    commitmentCall(
      arena,
      now,
      payload(payment),
      sealed ? request.revealBlocks : null,
      ports.entropy,
    );
  const payCall = charged ? paymentCall(arena, hotkey.address, digest, salt) : null;
  // Whether the payload fits and the chain takes it, before any money moves.
  const plannedCommit = commitCall(charged ? FUTURE_PAYMENT : null, state).call;
  const commitFeeRao = await hotkey.feeRao(plannedCommit);
  const report = (extra: Partial<SubmitReport>): SubmitReport => ({
    hotkey: hotkey.address,
    uid: state.uid!,
    image,
    digest,
    payment: null,
    commitment: null,
    revealBlock: null,
    dryRun: null,
    ...extra,
  });
  if (request.dryRun) {
    const amountRao = charged ? feeRao(arena) : 0n;
    const calls = [
      ...(payCall
        ? [
            {
              call: 'utility.batchAll [transferKeepAlive, remark]',
              feeRao: String(await coldkey.feeRao(payCall)),
              amountRao: String(amountRao),
            },
          ]
        : []),
      {
        call: `commitments.setCommitment [${sealed ? 'timelock' : 'plain'}]`,
        feeRao: String(commitFeeRao),
        amountRao: '0',
      },
    ];
    if (payCall) await assertBalance(ports, arena, payCall);
    return report({ dryRun: calls });
  }

  const fresh: SubmitState = {
    schema: 1,
    genesisHash,
    netuid: arena.netuid,
    hotkey: hotkey.address,
    image,
    digest,
    payment: null,
    commitment: null,
  };
  const noted = journal.read();
  // A new submission begins only after the one before it: the client first finishes an interrupted
  // submission, whatever the miner asked for.
  const known = request.again && landed(noted?.commitment ?? null) ? null : noted;
  if (known && known.image !== image && landed(known.commitment))
    throw new ChainError(
      'REJECTED',
      'usage',
      `this digest was submitted as ${known.image} at block ${known.commitment.block}`,
      'give --again to pay for another submission of it',
    );
  const entry = known && known.genesisHash === genesisHash && known.image === image ? known : fresh;
  if (
    known &&
    entry === fresh &&
    known.genesisHash === genesisHash &&
    known.payment &&
    !landed(known.commitment)
  ) {
    // The digest is what was paid for: a corrected image name keeps the payment.
    entry.payment = known.payment;
  }
  if (request.payment && !landed(entry.payment))
    entry.payment = { transaction: null, ...request.payment };
  // Before any money moves: an obstacle to the commitment is an obstacle to the payment.
  if (!request.replace && entry.commitment === null)
    assertNothingLost(await chain.commitment(hotkey.address, arena.netuid));
  if (payCall) await payFee(ports, arena, entry, payCall);
  const payment = landed(entry.payment)
    ? { tx: entry.payment.tx, block: entry.payment.block }
    : null;
  if (payment) {
    const outcome = await chain.payment({
      ...payment,
      coldkey: coldkey.address,
      treasury: arena.treasury!,
      amountRao: feeRao(arena),
      remarks: acceptedRemarks(hotkey.address, digest, salt),
      before: await chain.finalizedHead(),
    });
    if (outcome.state === 'refused')
      throw new ChainError(
        'REJECTED',
        'usage',
        `a validator would refuse the payment ${payment.tx}: ${outcome.reason}`,
        'give the payment of this very hotkey and digest, or none',
      );
  }
  const content = payload(payment);
  await commitPayload(ports, arena, entry, request.replace, (now) => commitCall(payment, now));
  const commitment = {
    tx: entry.commitment!.transaction.hash,
    block: entry.commitment!.block!,
    round: entry.commitment!.round,
  };
  const revealBlock =
    sealed && request.wait
      ? await confirmReveal(ports, arena, entry, content, commitment.round!)
      : null;
  log.info(
    sealed && revealBlock === null
      ? 'committed, sealed: run this again later to see it revealed'
      : 'done: the next scan lists it',
  );
  return report({ payment, commitment, revealBlock });
}

function assertRegistered(state: SubnetState, arena: Arena, hotkey: string, coldkey: string): void {
  if (state.uid === null)
    throw new ChainError(
      'NOT_REGISTERED',
      'usage',
      `the hotkey ${hotkey} is not registered on subnet ${arena.netuid}: nothing was paid`,
      `register it first: btcli subnet register --netuid ${arena.netuid}`,
    );
  if (state.coldkey !== coldkey)
    throw new ChainError(
      'REJECTED',
      'usage',
      `the hotkey ${hotkey} belongs to the coldkey ${state.coldkey ?? '(none)'}, this wallet's is ${coldkey}`,
      "pay with the hotkey's own coldkey: validators accept no other",
    );
}

/** The atomic batch of fee and remark. */
function paymentCall(arena: Arena, hotkey: string, digest: string, salt: string): Call {
  if (arena.treasury === null)
    throw new ArenaError(
      'BAD_ARENA',
      'usage',
      `the arena ${arena.name} takes a fee, but names no treasury yet`,
      'it takes no submission until it does',
    );
  return {
    kind: 'pay',
    treasury: arena.treasury,
    amountRao: feeRao(arena),
    remark: paymentRemark(hotkey, digest, salt),
  };
}

/** The commitment: sealed as the Bittensor SDK seals a text, or plain. */
function commitmentCall(
  arena: Arena,
  state: SubnetState,
  payload: Uint8Array,
  revealBlocks: number | null,
  entropy: () => SealEntropy,
): { call: Call; round: number | null } {
  if (revealBlocks === null)
    return { call: { kind: 'commit', netuid: arena.netuid, payload }, round: null };
  const beacon = beaconFor(arena.network, state.beacon);
  const round = pulseAfterBlocks(beacon, state.nowSeconds, revealBlocks, state.blockSeconds);
  const ciphertext = seal(beacon, round, concatBytes(compact(payload.length), payload), entropy());
  return { call: { kind: 'commit-sealed', netuid: arena.netuid, ciphertext, round }, round };
}

/** Waits until the chain shows the payload, and returns the block of the reveal. */
async function confirmReveal(
  { chain, hotkey, journal, clock, log }: SubmitPorts,
  arena: Arena,
  entry: SubmitState,
  content: Uint8Array,
  round: number,
): Promise<number> {
  for (let polls = 0; ; polls++) {
    const { revealed, standing, lastBlock } = await chain.commitment(hotkey.address, arena.netuid);
    const shown = revealed.find(({ bytes }) => equalBytes(readRevealed(bytes).bytes, content));
    if (shown) {
      log.info(`revealed at block ${shown.block}`);
      return shown.block;
    }
    if (standing === null || lastBlock !== entry.commitment!.block) {
      // The payment still stands: the next run commits anew.
      entry.commitment = null;
      journal.write(entry);
      throw new ChainError(
        'REJECTED',
        'infra',
        standing === null
          ? 'the sealed commitment is gone, and nothing was revealed'
          : 'a later commitment of this hotkey replaced this one before its reveal',
        'run this again to commit anew: the payment is kept',
      );
    }
    if (polls % 10 === 0) {
      const { nowSeconds, beacon } = await chain.subnet(arena.netuid, hotkey.address);
      if (nowSeconds > publishedAt(beaconFor(arena.network, beacon), round) + PULSE_GRACE_SECONDS) {
        entry.commitment = null;
        journal.write(entry);
        throw new ChainError(
          'REJECTED',
          'infra',
          `drand round ${round} is long over, and the chain never stored its pulse`,
          'run this again with --replace to commit anew: the payment is kept',
        );
      }
      log.info(`waiting for drand round ${round} to open it (safe to interrupt)`);
    }
    await clock.sleep(REVEAL_POLL_MS);
  }
}
