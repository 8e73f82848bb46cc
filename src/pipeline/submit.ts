import { checkImage } from '../arena/image-ref.ts';
import { paymentRemark, renderPayload, type Payload } from '../arena/payload.ts';
import { ArenaError, feeRao, type Arena } from '../arena/schema.ts';
import type { Call, ChainCommitment, ChainReader, SignedTransaction, SubnetState, Transactor } from '../chain/chain.ts';
import { commitmentLines } from '../chain/commitments.ts';
import { roundAfterBlocks } from '../chain/drand.ts';
import { ChainError } from '../chain/errors.ts';
import { compact } from '../chain/scale.ts';
import { seal, type SealEntropy } from '../chain/timelock.ts';
import { concatBytes, equalBytes, utf8 } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { deliver } from './deliver.ts';
import { beaconFor } from './weights.ts';

/** What a submission has reached, kept on disk before each step: after any interruption the next run goes on here. Holds nothing secret. */
export type SubmitState = {
  readonly schema: 1;
  readonly genesisHash: string;
  readonly netuid: number;
  readonly hotkey: string;
  readonly image: string;
  readonly digest: string;
  /** `block` is null until the payment is in a finalized block. */
  payment: { readonly transaction: SignedTransaction | null; readonly tx: string; block: number | null } | null;
  commitment: { readonly transaction: SignedTransaction; readonly round: number | null; block: number | null } | null;
};
/** One submission's state on disk. `write` returns once it is safe there. */
export interface Journal {
  read(): SubmitState | null;
  write(state: SubmitState): void;
}

export type SubmitPorts = {
  readonly chain: ChainReader;
  readonly coldkey: Transactor;
  readonly hotkey: Transactor;
  /** A salt that only the hotkey's holder can tell, the same each time for the same text: a lost journal loses no payment. */
  readonly salt: (text: string) => string;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly entropy: () => SealEntropy;
  readonly log: Log;
};
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

/** What a transfer must leave behind. */
const EXISTENTIAL_DEPOSIT_RAO = 500n;
const REVEAL_POLL_MS = 6000;
/** Stands in for a payment that is not made yet, to learn how large the payload becomes: a block number of today's length. */
const FUTURE_PAYMENT = { tx: `0x${'00'.repeat(32)}`, block: 99_999_999 };

const tao = (rao: bigint): string => `${Number(rao) / 1e9} TAO`;

/** Pays and commits one image for one hotkey; level-triggered, so that running it again finishes what was begun and never pays twice. */
export async function submit(ports: SubmitPorts, arena: Arena, request: SubmitRequest): Promise<SubmitReport> {
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
  const commitCall = (payment: { tx: string; block: number } | null, now: SubnetState): { call: Call; round: number | null } =>
    commitmentCall(arena, now, payload(payment), sealed ? request.revealBlocks : null, ports.entropy);
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
      { call: `commitments.setCommitment [${sealed ? 'timelock' : 'plain'}]`, feeRao: String(commitFeeRao), amountRao: '0' },
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
  const known = request.again ? null : journal.read();
  const entry = known && known.genesisHash === genesisHash && known.image === image ? known : fresh;
  if (known && entry === fresh && known.genesisHash === genesisHash && known.payment && !landed(known.commitment)) {
    // The digest is what was paid for: a corrected image name keeps the payment.
    entry.payment = known.payment;
  }
  if (request.payment && !landed(entry.payment)) entry.payment = { transaction: null, ...request.payment };
  if (payCall) await pay(ports, arena, entry, payCall);
  const payment = landed(entry.payment) ? { tx: entry.payment.tx, block: entry.payment.block } : null;
  if (payment) {
    const outcome = await chain.payment({
      ...payment,
      coldkey: coldkey.address,
      treasury: arena.treasury!,
      amountRao: feeRao(arena),
      remark: paymentRemark(hotkey.address, digest, salt),
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
  await commit(ports, arena, entry, request, content, (now) => commitCall(payment, now));
  const commitment = { tx: entry.commitment!.transaction.hash, block: entry.commitment!.block!, round: entry.commitment!.round };
  const revealBlock = sealed && request.wait ? await confirmReveal(ports, arena, content, commitment.round!) : null;
  log.info(
    sealed && revealBlock === null
      ? 'committed, sealed: run this again later to see it revealed'
      : 'done: the next scan lists it',
  );
  return report({ payment, commitment, revealBlock });
}

/** Whether a step is done: in a finalized block. */
function landed<T extends { block: number | null }>(step: T | null): step is T & { block: number } {
  return step !== null && step.block !== null;
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
      `the hotkey ${hotkey} belongs to the coldkey ${state.coldkey ?? 'of nobody'}, this wallet's is ${coldkey}`,
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
  return { kind: 'pay', treasury: arena.treasury, amountRao: feeRao(arena), remark: paymentRemark(hotkey, digest, salt) };
}

/** The commitment: sealed as the Bittensor SDK seals a text, or plain. */
function commitmentCall(
  arena: Arena,
  state: SubnetState,
  payload: Uint8Array,
  revealBlocks: number | null,
  entropy: () => SealEntropy,
): { call: Call; round: number | null } {
  if (revealBlocks === null) return { call: { kind: 'commit', netuid: arena.netuid, payload }, round: null };
  const beacon = beaconFor(arena.network, state.beacon);
  const round = roundAfterBlocks(beacon, state.nowSeconds, revealBlocks, state.blockSeconds);
  const ciphertext = seal(beacon, round, concatBytes(compact(payload.length), payload), entropy());
  return { call: { kind: 'commit-sealed', netuid: arena.netuid, ciphertext, round }, round };
}

async function assertBalance({ chain, coldkey }: SubmitPorts, arena: Arena, call: Call): Promise<void> {
  const balance = await chain.balanceRao(coldkey.address);
  const needed = feeRao(arena) + (await coldkey.feeRao(call)) + EXISTENTIAL_DEPOSIT_RAO;
  if (balance < needed)
    throw new ChainError(
      'INSUFFICIENT_BALANCE',
      'usage',
      `the coldkey ${coldkey.address} has ${tao(balance)}, the submission needs ${tao(needed)}`,
      'send it some TAO; nothing was paid',
    );
}

/** Brings the payment into a block. Signed bytes are on disk before they are sent, and new ones are signed only once the old can never land. */
async function pay(ports: SubmitPorts, arena: Arena, entry: SubmitState, call: Call): Promise<void> {
  const { coldkey, journal, log } = ports;
  while (!landed(entry.payment)) {
    if (entry.payment === null) {
      await assertBalance(ports, arena, call);
      const transaction = await coldkey.sign(call);
      entry.payment = { transaction, tx: transaction.hash, block: null };
      journal.write(entry);
    }
    const { transaction, tx } = entry.payment;
    log.info(`paying ${arena.fee} TAO: ${tx}`);
    const delivery = await deliver(ports, transaction!);
    if (delivery.state === 'included' && delivery.outcome.ok) {
      entry.payment = { transaction, tx, block: delivery.block.number };
      journal.write(entry);
      log.info(`paid in block ${delivery.block.number}`);
      return;
    }
    if (delivery.state === 'refused')
      throw new ChainError(
        'REJECTED',
        'infra',
        `the payment was refused: ${delivery.refusal.name}`,
        `${delivery.refusal.hint}; then run this again`,
      );
    entry.payment = null;
    journal.write(entry);
    if (delivery.state === 'included' && !delivery.outcome.ok)
      throw new ChainError(
        'REJECTED',
        'infra',
        `the payment failed: ${delivery.outcome.refusal.name}; no fee was moved`,
        delivery.outcome.refusal.hint,
      );
    log.warn('no block took the payment in time: signing it anew');
  }
}

/** Brings the commitment into a block, in the same way. */
async function commit(
  ports: SubmitPorts,
  arena: Arena,
  entry: SubmitState,
  request: SubmitRequest,
  content: Uint8Array,
  build: (state: SubnetState) => { call: Call; round: number | null },
): Promise<void> {
  const { chain, hotkey, journal, log } = ports;
  while (!landed(entry.commitment)) {
    if (entry.commitment === null) {
      const standing = await chain.commitment(hotkey.address, arena.netuid);
      if (!request.replace) assertNothingLost(standing, content);
      const { call, round } = build(await chain.subnet(arena.netuid, hotkey.address));
      entry.commitment = { transaction: await hotkey.sign(call), round, block: null };
      journal.write(entry);
    }
    const { transaction, round } = entry.commitment;
    log.info(`committing: ${transaction.hash}${round === null ? '' : `, sealed until drand round ${round}`}`);
    const delivery = await deliver(ports, transaction);
    if (delivery.state === 'included' && delivery.outcome.ok) {
      entry.commitment = { transaction, round, block: delivery.block.number };
      journal.write(entry);
      log.info(`committed in block ${delivery.block.number}`);
      return;
    }
    if (delivery.state === 'refused')
      throw new ChainError(
        'REJECTED',
        'infra',
        `the commitment was refused: ${delivery.refusal.name}`,
        `${delivery.refusal.hint}; the payment is kept`,
      );
    entry.commitment = null;
    journal.write(entry);
    if (delivery.state === 'included' && !delivery.outcome.ok)
      throw new ChainError(
        'REJECTED',
        'infra',
        `the commitment failed: ${delivery.outcome.refusal.name}`,
        `${delivery.outcome.refusal.hint}; the payment is kept`,
      );
    log.warn('no block took the commitment in time: signing it anew');
  }
}

/** A new commitment destroys a sealed one for good: the chain keeps one per hotkey. */
function assertNothingLost(commitment: ChainCommitment, content: Uint8Array): void {
  const sealed = commitmentLines(commitment, commitment.lastBlock).find(
    (line) => line.content.kind === 'hidden' && commitment.standing,
  );
  const same = commitmentLines(commitment, commitment.lastBlock).some(
    (line) => line.content.kind === 'payload' && equalBytes(line.content.bytes, content),
  );
  if (sealed && !same)
    throw new ChainError(
      'REJECTED',
      'usage',
      `the hotkey has a commitment that is ${sealed.content.kind === 'hidden' ? sealed.content.reason : 'sealed'}, which a new one would destroy`,
      'wait for its reveal, or give --replace; the payment is kept',
    );
}

/** Waits until the chain shows the payload, and returns the block of the reveal. */
async function confirmReveal(
  { chain, hotkey, clock, log }: SubmitPorts,
  arena: Arena,
  content: Uint8Array,
  round: number,
): Promise<number> {
  for (let polls = 0; ; polls++) {
    const commitment = await chain.commitment(hotkey.address, arena.netuid);
    const line = commitmentLines(commitment, commitment.lastBlock).find(
      ({ revealBlock, content: shown }) => revealBlock !== null && shown.kind === 'payload' && equalBytes(shown.bytes, content),
    );
    if (line) {
      log.info(`revealed at block ${line.revealBlock!}`);
      return line.revealBlock!;
    }
    if (commitment.standing === null)
      throw new ChainError(
        'REJECTED',
        'infra',
        'the sealed commitment is gone, and nothing was revealed',
        'run this again: the payment is kept',
      );
    if (polls % 10 === 0) log.info(`waiting for drand round ${round} to open it (safe to interrupt)`);
    await clock.sleep(REVEAL_POLL_MS);
  }
}
