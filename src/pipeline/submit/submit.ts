// A miner's submission: pays the fee and commits a container image, resumable at any point.
import { acceptedRemarks, parsePayload, renderPayload } from '../../arena/payload.ts';
import type { ChainCommitment } from '../../chain/chain.ts';
import { ChainError } from '../../chain/errors.ts';
import { utf8 } from '../../core/bytes.ts';
import { ImageError } from '../../images/errors.ts';
import { type Arena, feeRao } from '../../schema/arena.ts';
import { hasReason } from '../../schema/reasons.ts';
import { mendOf } from '../../schema/verdict-mends.ts';
import {
  assertRegistered,
  decideSubmission,
  FUTURE_PAYMENT,
  type Payment,
  SubmissionCalls,
  type SubmitPlace,
  type SubmitRequest,
} from './decide-submission.ts';
import { confirmReveal } from './reveal.ts';
import {
  assertBalance,
  assertNotCommitted,
  assertNothingLost,
  commitPayload,
  landed,
  payFee,
  standingText,
  type SubmitPorts,
  type SubmitState,
  type SubmitTerms,
} from './submit-steps.ts';

/** What `submit --json` prints. */
export type SubmitReport = {
  hotkey: string;
  uid: number;
  image: string;
  digest: string;
  payment: Payment | null;
  commitment: { tx: string; block: number; round: number | null } | null;
  revealBlock: number | null;
  /** What would be sent; empty where all of it was sent before. */
  dryRun: PlannedCall[] | null;
};
/** A call that a submission would make, and what it would cost. */
type PlannedCall = { call: string; feeRao: string; amountRao: string };

/** Throws where a validator would refuse what is to be committed: mended now, it costs nothing. */
function assertReadable({ image, digest, base }: SubmitRequest, arena: Arena): void {
  const { loopbackImages, images } = arena;
  const payload = utf8(renderPayload({ image, digest, base, payment: null }));
  const { baseRepositories } = images;
  const read = parsePayload(payload, { loopbackImages, baseRepositories, needsPayment: false });
  if (!read.ok)
    throw new ImageError(
      'BAD_IMAGE',
      'usage',
      `a validator would refuse ${image}@${digest} (${read.verdict}): ${read.reason}; nothing was paid`,
      hasReason(read, 'digest')
        ? 'give --digest sha256: and its 64 hex digits, as docker push prints it, or --image name@sha256:…'
        : (mendOf(read.verdict)?.mend ?? 'mend the reference first'),
    );
}

/** One submission: what its steps share. */
type Submitting = {
  readonly ports: SubmitPorts;
  readonly arena: Arena;
  readonly request: SubmitRequest;
  readonly place: SubmitPlace;
  readonly salt: string;
  readonly calls: SubmissionCalls;
};

/** The calls that are still to be made, with their costs; whether the coldkey can pay them. */
async function dryRun(
  submitting: Submitting,
  entry: SubmitState,
  commitFeeRao: bigint,
): Promise<PlannedCall[]> {
  const { ports, arena, calls, place } = submitting;
  const { payment, commitment } = entry;
  if (landed(commitment)) return [];
  const commit = {
    call: `commitments.setCommitment [${arena.timelock ? 'timelock' : 'plain'}]`,
    feeRao: String(commitFeeRao),
    amountRao: '0',
  };
  const pay = landed(payment) ? null : calls.pay(place.hotkey);
  if (!pay) return [commit];
  const call = 'utility.batchAll [transferKeepAlive, remark]';
  const networkFeeRao = String(await ports.coldkey.feeRao(pay));
  const planned = { call, feeRao: networkFeeRao, amountRao: String(feeRao(arena)) };
  await assertBalance(ports, arena, pay);
  return [planned, commit];
}

/** Throws where a validator would refuse a payment, say one that was given by hand. */
async function assertPaid(
  { ports, arena, request, place, salt }: Submitting,
  payment: Payment,
): Promise<void> {
  const { chain, coldkey } = ports;
  const outcome = await chain.payment({
    ...payment,
    coldkey: coldkey.address,
    treasury: arena.treasury!,
    amountRao: feeRao(arena),
    remarks: acceptedRemarks(place.hotkey, request.digest, salt),
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

/** Pays where there is a fee; gives the payment, or null. */
async function pay(submitting: Submitting, entry: SubmitState): Promise<Payment | null> {
  const { ports, arena, calls, place } = submitting;
  const call = calls.pay(place.hotkey);
  if (call) await payFee(ports, arena, entry, call);
  if (!landed(entry.payment)) return null;
  const payment = { tx: entry.payment.tx, block: entry.payment.block };
  await assertPaid(submitting, payment);
  return payment;
}

/** What is about to be sent, for the miner to agree to. */
async function termsOf(
  { ports, arena, request, place, calls }: Submitting,
  entry: SubmitState,
  { uid, commitment }: { readonly uid: number; readonly commitment: ChainCommitment },
): Promise<SubmitTerms> {
  const { chain, coldkey } = ports;
  const pay = entry.payment === null ? calls.pay(place.hotkey) : null;
  const payment = pay && {
    treasury: arena.treasury!,
    amountRao: feeRao(arena),
    networkFeeRao: await coldkey.feeRao(pay),
    balanceRao: await chain.balanceRao(coldkey.address),
  };
  const { network, netuid, timelock } = arena;
  const { image, digest } = request;
  return {
    ...{ network, netuid, hotkey: place.hotkey, uid, coldkey: coldkey.address, image, digest },
    ...{ payment, paidIn: entry.payment?.block ?? null, sealed: timelock },
    resumes: entry.payment && !landed(entry.payment) ? entry.payment.tx : null,
    replaces: standingText(commitment, calls.beginning()),
  };
}

/**
 * What was noted, unless it is of another chain: local chains begin anew with the same genesis, and
 * know nothing of what an earlier one of that name was paid. A public chain never forgets.
 */
async function notedHere(
  { ports, arena, place }: Submitting,
  commitment: ChainCommitment,
): Promise<SubmitState | null> {
  const noted = ports.journal.read();
  if (noted === null || arena.network !== 'local') return noted;
  const { number: head } = await ports.chain.finalizedHead();
  const paidIn = noted.payment?.block ?? 0;
  const committedIn = noted.commitment?.block ?? 0;
  const known = committedIn <= (commitment.lastBlock ?? 0) && paidIn <= head;
  if (known) return noted;
  ports.log.warn(
    `what was noted of ${place.hotkey} is of an earlier chain with this genesis: it begins anew`,
  );
  return null;
}

/** Pays, commits, and waits for the reveal where that was asked for. */
async function carryOut(
  submitting: Submitting,
  entry: SubmitState,
): Promise<Pick<SubmitReport, 'payment' | 'commitment' | 'revealBlock'>> {
  const { ports, arena, request, calls } = submitting;
  const { log } = ports;
  const own = calls.beginning();
  const payment = await pay(submitting, entry);
  const { netuid } = arena;
  await commitPayload(ports, entry, { netuid, replace: request.replace, own }, (now) =>
    calls.commit(payment, now),
  );
  const { transaction, block, round } = entry.commitment!;
  const wait = arena.timelock && request.wait;
  const revealBlock = wait
    ? await confirmReveal(ports, arena, entry, calls.payload(payment))
    : null;
  log.info(
    arena.timelock && revealBlock === null
      ? 'committed, sealed: run this again later to see it revealed'
      : 'done: the next scan lists it',
  );
  return { payment, commitment: { tx: transaction.hash, block: block!, round }, revealBlock };
}

/** Whether nothing is noted of it, and nothing says that a second submission is meant. */
const isFresh = (
  { payment, commitment }: SubmitState,
  { again, replace }: SubmitRequest,
): boolean => payment === null && commitment === null && !again && !replace;

/** What was reached before, as a report shows it. */
function reached({ payment, commitment }: SubmitState): Partial<SubmitReport> {
  const paid = landed(payment) ? { tx: payment.tx, block: payment.block } : null;
  const done = landed(commitment)
    ? { tx: commitment.transaction.hash, block: commitment.block, round: commitment.round }
    : null;
  return { payment: paid, commitment: done };
}

/**
 * Pays and commits one image for one hotkey; level-triggered, so that running it again finishes
 * what was begun and never pays twice.
 */
export async function submit(
  ports: SubmitPorts,
  arena: Arena,
  request: SubmitRequest,
): Promise<SubmitReport> {
  const { chain, coldkey } = ports;
  const { image, digest } = request;
  const { netuid } = arena;
  const hotkey = ports.hotkey.address;
  assertReadable(request, arena);
  const state = await chain.subnet(netuid, hotkey);
  const { genesisHash } = await chain.identity();
  assertRegistered(state, netuid, { hotkey, coldkey: coldkey.address });
  const salt = ports.salt(`${genesisHash}:${netuid}:${digest}`);
  const calls = new SubmissionCalls(arena, request, salt, ports.entropy);
  const place = { genesisHash, netuid, hotkey };
  const submitting: Submitting = { ports, arena, request, place, salt, calls };
  // Whether the payload fits and the chain takes it, before any money moves.
  const planned = calls.commit(arena.fee > 0 ? FUTURE_PAYMENT : null, state).call;
  const commitFeeRao = await ports.hotkey.feeRao(planned);
  const nothing = { payment: null, commitment: null, revealBlock: null, dryRun: null };
  const commitment = await chain.commitment(hotkey, netuid);
  const entry = decideSubmission(place, request, await notedHere(submitting, commitment));
  const uid = state.uid!;
  if (isFresh(entry, request)) assertNotCommitted(commitment, calls.beginning());
  // Before any money moves: an obstacle to the commitment is an obstacle to the payment.
  if (entry.commitment === null) assertNothingLost(commitment, calls.beginning(), request.replace);
  if (entry.commitment === null)
    await ports.agree(await termsOf(submitting, entry, { uid, commitment }));
  const done = request.dryRun
    ? { ...reached(entry), dryRun: await dryRun(submitting, entry, commitFeeRao) }
    : await carryOut(submitting, entry);
  return { hotkey, uid, image, digest, ...nothing, ...done };
}
