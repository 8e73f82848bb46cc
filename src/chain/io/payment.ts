// Verification of a miner's entry fee from the block that holds the payment.
import type { ApiPromise } from '@polkadot/api';
import type { Call } from '@polkadot/types/interfaces';
import type { Vec } from '@polkadot/types';
import { utf8, toHex } from '../../core/bytes.ts';
import type { PaymentClaim, PaymentOutcome } from '../chain.ts';
import { isTransport } from './connect.ts';
import { eventsOf } from './chain-events.ts';
import { stateError } from './storage-read.ts';

const refused = (reason: string): PaymentOutcome => ({ state: 'refused', reason });

/**
 * Verifies a payment by block and extrinsic hash: a top-level batchAll signed by the hotkey's
 * coldkey, a transfer of at least the fee to the treasury, the remark that binds it to this
 * submission, and the events that say it happened. Wrappers (proxy, multisig) are refused.
 */
export async function verifyPayment(api: ApiPromise, claim: PaymentClaim): Promise<PaymentOutcome> {
  const number = typeof claim.block === 'number' ? claim.block : null;
  if (number !== null && number > claim.before.number)
    return refused(`payment block ${number} is after the plan's block`);
  try {
    let blockHash: string;
    if (number !== null) blockHash = (await api.rpc.chain.getBlockHash(number)).toHex();
    else {
      blockHash = String(claim.block);
      const header = await api.rpc.chain.getHeader(blockHash);
      const canonical = await api.rpc.chain.getBlockHash(header.number.toNumber());
      if (canonical.toHex() !== blockHash)
        return refused(`payment block ${blockHash} is not canonical`);
      if (header.number.toNumber() > claim.before.number)
        return refused('the payment block is not finalized');
    }
    // The plan's block is final and later than this one: a node that lacks it lags, and tells
    // nothing.
    if (/^0x0+$/.test(blockHash))
      return number === null
        ? refused(`there is no block ${String(claim.block)}`)
        : { state: 'unknown', reason: `the node does not know block ${number} yet` };
    const { block } = await api.rpc.chain.getBlock(blockHash);
    const index = block.extrinsics.findIndex((extrinsic) => extrinsic.hash.toHex() === claim.tx);
    if (index < 0) return refused(`extrinsic ${claim.tx} is not in block ${String(claim.block)}`);
    const extrinsic = block.extrinsics[index]!;
    if (!extrinsic.isSigned || extrinsic.signer.toString() !== claim.coldkey)
      return refused(`not signed by the hotkey's coldkey ${claim.coldkey}`);
    const { section, method, args } = extrinsic.method;
    if (section !== 'utility' || method !== 'batchAll')
      return refused(`${section}.${method} is not utility.batchAll`);
    const calls = [...(args[0] as Vec<Call>)];
    const transfer = calls.find(
      (call) => call.section === 'balances' && call.method === 'transferKeepAlive',
    );
    const remark = calls.find(
      (call) =>
        call.section === 'system' &&
        (call.method === 'remark' || call.method === 'remarkWithEvent'),
    );
    if (calls.length !== 2 || !transfer || !remark)
      return refused('the batch is not one transfer and one remark');
    if (transfer.args[0]!.toString() !== claim.treasury)
      return refused(`paid to ${transfer.args[0]!.toString()}, not to the treasury`);
    const amountRao = BigInt(transfer.args[1]!.toString());
    if (amountRao < claim.amountRao)
      return refused(`paid ${amountRao} rao, the fee is ${claim.amountRao}`);
    if (toHex(remark.args[0]!.toU8a(true)) !== toHex(utf8(claim.remark)))
      return refused('the remark belongs to another submission');
    const events = await eventsOf(
      api,
      { number: number ?? block.header.number.toNumber(), hash: blockHash },
      index,
    );
    const moved = events.some(
      (event) =>
        event.section === 'balances' &&
        event.method === 'Transfer' &&
        event.data[0]?.toString() === claim.coldkey &&
        event.data[1]?.toString() === claim.treasury &&
        BigInt(event.data[2]!.toString()) >= claim.amountRao,
    );
    const succeeded = events.some(
      (event) => event.section === 'system' && event.method === 'ExtrinsicSuccess',
    );
    return moved && succeeded ? { state: 'paid' } : refused('the extrinsic failed on chain');
  } catch (error) {
    // A lost connection says nothing of the payment: the caller asks another endpoint.
    if (isTransport(error)) throw error;
    const { message, hint } = stateError(error, `block ${String(claim.block)}`);
    return { state: 'unknown', reason: `${message}: ${hint}` };
  }
}
