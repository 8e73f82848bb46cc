// Verification of a miner's entry fee from the block that holds the payment.
import type { ApiPromise } from '@polkadot/api';
import type { Call, EventRecord, Extrinsic } from '@polkadot/types/interfaces';
import type { Vec } from '@polkadot/types';
import { utf8, toHex } from '../../core/bytes.ts';
import type { PaymentClaim, PaymentOutcome } from '../chain.ts';
import { because, type Reasoned } from '../../schema/reasons.ts';
import { isTransport } from './connect.ts';
import { eventsOf } from './chain-events.ts';
import { stateError } from './storage-read.ts';

/** The hash that a node gives for a block that it does not have. */
const NO_BLOCK = /^0x0+$/;

const refused = (...why: Parameters<typeof because>): PaymentOutcome => ({
  state: 'refused',
  ...because(...why),
});

/** The block that a claim names, or why it counts for nothing. */
async function blockHashOf(
  api: ApiPromise,
  { block, before }: PaymentClaim,
): Promise<{ hash: string } | PaymentOutcome> {
  if (typeof block === 'number') {
    if (block > before.number)
      return refused(
        'payment-late',
        `payment block ${block} is after block ${before.number}, by which it had to be paid`,
      );
    const hash = (await api.rpc.chain.getBlockHash(block)).toHex();
    // The plan's block is final and no earlier than this one: a node that lacks it lags, and tells
    // nothing.
    return NO_BLOCK.test(hash)
      ? {
          state: 'unknown',
          ...because('block-unknown', `the node does not know block ${block} yet`),
        }
      : { hash };
  }
  const header = await api.rpc.chain.getHeader(block);
  const canonical = await api.rpc.chain.getBlockHash(header.number.toNumber());
  if (canonical.toHex() !== block)
    return refused('payment-block', `payment block ${block} is not canonical`);
  if (header.number.toNumber() > before.number)
    return refused(
      'payment-late',
      `the payment block is after block ${before.number}, by which it had to be paid`,
    );
  return NO_BLOCK.test(block)
    ? refused('payment-block', `there is no block ${block}`)
    : { hash: block };
}

/** What is wrong with an extrinsic as a payment; null where it is the claimed one. */
function extrinsicFault(extrinsic: Extrinsic, claim: PaymentClaim): Reasoned | null {
  if (!extrinsic.isSigned || extrinsic.signer.toString() !== claim.coldkey)
    return because('payment-signer', `not signed by the hotkey's coldkey ${claim.coldkey}`);
  const { section, method, args } = extrinsic.method;
  if (section !== 'utility' || method !== 'batchAll')
    return because('payment-call', `${section}.${method} is not utility.batchAll`);
  const calls = [...(args[0] as Vec<Call>)];
  const find = (pallet: string, names: readonly string[]): Call | undefined =>
    calls.find((call) => call.section === pallet && names.includes(call.method));
  const transfer = find('balances', ['transferKeepAlive']);
  const remark = find('system', ['remark', 'remarkWithEvent']);
  if (calls.length !== 2 || !transfer || !remark)
    return because('payment-call', 'the batch is not one transfer and one remark');
  if (transfer.args[0]!.toString() !== claim.treasury)
    return because(
      'payment-treasury',
      `paid to ${transfer.args[0]!.toString()}, not to the treasury`,
    );
  const amountRao = BigInt(transfer.args[1]!.toString());
  if (amountRao < claim.amountRao)
    return because('payment-amount', `paid ${amountRao} rao, the fee is ${claim.amountRao}`, {
      value: Number(amountRao),
      limit: Number(claim.amountRao),
    });
  const said = toHex(remark.args[0]!.toU8a(true));
  return claim.remarks.some((text) => said === toHex(utf8(text)))
    ? null
    : because('payment-remark', 'the remark belongs to another submission');
}

/** Whether the events of an extrinsic say that it succeeded and moved the fee. */
function hasMoved(events: readonly EventRecord['event'][], claim: PaymentClaim): boolean {
  const moved = events.some(
    ({ section, method, data }) =>
      section === 'balances' &&
      method === 'Transfer' &&
      data[0]?.toString() === claim.coldkey &&
      data[1]?.toString() === claim.treasury &&
      BigInt(data[2]!.toString()) >= claim.amountRao,
  );
  const succeeded = events.some(
    ({ section, method }) => section === 'system' && method === 'ExtrinsicSuccess',
  );
  return moved && succeeded;
}

async function lookUp(api: ApiPromise, claim: PaymentClaim): Promise<PaymentOutcome> {
  const found = await blockHashOf(api, claim);
  if ('state' in found) return found;
  const { block } = await api.rpc.chain.getBlock(found.hash);
  const index = block.extrinsics.findIndex((extrinsic) => extrinsic.hash.toHex() === claim.tx);
  if (index < 0)
    return refused(
      'payment-absent',
      `extrinsic ${claim.tx} is not in block ${String(claim.block)}`,
    );
  const fault = extrinsicFault(block.extrinsics[index]!, claim);
  if (fault) return { state: 'refused', ...fault };
  const at = { number: block.header.number.toNumber(), hash: found.hash };
  const events = await eventsOf(api, at, index);
  return hasMoved(events, claim)
    ? { state: 'paid' }
    : refused('payment-failed', 'the extrinsic failed on chain');
}

/**
 * Verifies a payment by block and extrinsic hash (RULES "Payment of the fee"): a top-level batchAll
 * signed by the hotkey's coldkey, a transfer of at least the fee to the treasury, the remark that
 * binds it to this submission, and the events that say it happened. Wrappers (proxy, multisig) are
 * refused.
 */
export async function verifyPayment(api: ApiPromise, claim: PaymentClaim): Promise<PaymentOutcome> {
  try {
    return await lookUp(api, claim);
  } catch (error) {
    // A lost connection says nothing of the payment: the caller asks another endpoint.
    if (isTransport(error)) throw error;
    const { message, hint } = stateError(error, `block ${String(claim.block)}`);
    return { state: 'unknown', ...because('state-unknown', `${message}: ${hint}`) };
  }
}
