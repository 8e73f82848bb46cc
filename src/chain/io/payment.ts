import type { ApiPromise } from '@polkadot/api';
import type { Call, EventRecord } from '@polkadot/types/interfaces';
import type { Vec } from '@polkadot/types';
import { utf8, toHex } from '../../core/bytes.ts';
import { messageOf } from '../../core/errors.ts';
import type { PaymentClaim, PaymentOutcome } from '../chain.ts';

const refused = (reason: string): PaymentOutcome => ({ state: 'refused', reason });

/** Nodes keep state for an hour or so; what is older is nobody's fault and needs another endpoint. */
const DISCARDED = /discarded|unknown block|not found|pruned/i;

/**
 * Verifies a payment by block and extrinsic hash: a top-level batchAll signed by the hotkey's coldkey, a transfer of at least the fee to the
 * treasury, the remark that binds it to this submission, and the events that say it happened. Wrappers (proxy, multisig) are refused.
 */
export async function verifyPayment(api: ApiPromise, claim: PaymentClaim): Promise<PaymentOutcome> {
  const number = typeof claim.block === 'number' ? claim.block : null;
  if (number !== null && number > claim.before.number) return refused(`payment block ${number} is after the plan's block`);
  try {
    let blockHash: string;
    if (number !== null) blockHash = (await api.rpc.chain.getBlockHash(number)).toHex();
    else {
      blockHash = String(claim.block);
      const header = await api.rpc.chain.getHeader(blockHash);
      const canonical = await api.rpc.chain.getBlockHash(header.number.toNumber());
      if (canonical.toHex() !== blockHash) return refused(`payment block ${blockHash} is not canonical`);
      if (header.number.toNumber() > claim.before.number) return refused('the payment block is not finalized');
    }
    if (/^0x0+$/.test(blockHash)) return refused(`there is no block ${String(claim.block)}`);
    const { block } = await api.rpc.chain.getBlock(blockHash);
    const index = block.extrinsics.findIndex((extrinsic) => extrinsic.hash.toHex() === claim.tx);
    if (index < 0) return refused(`extrinsic ${claim.tx} is not in block ${String(claim.block)}`);
    const extrinsic = block.extrinsics[index]!;
    if (!extrinsic.isSigned || extrinsic.signer.toString() !== claim.coldkey)
      return refused(`not signed by the hotkey's coldkey ${claim.coldkey}`);
    const { section, method, args } = extrinsic.method;
    if (section !== 'utility' || method !== 'batchAll') return refused(`${section}.${method} is not utility.batchAll`);
    const calls = [...(args[0] as Vec<Call>)];
    const transfer = calls.find((call) => call.section === 'balances' && call.method === 'transferKeepAlive');
    const remark = calls.find(
      (call) => call.section === 'system' && (call.method === 'remark' || call.method === 'remarkWithEvent'),
    );
    if (calls.length !== 2 || !transfer || !remark) return refused('the batch is not one transfer and one remark');
    if (transfer.args[0]!.toString() !== claim.treasury)
      return refused(`paid to ${transfer.args[0]!.toString()}, not to the treasury`);
    const amountRao = BigInt(transfer.args[1]!.toString());
    if (amountRao < claim.amountRao) return refused(`paid ${amountRao} rao, the fee is ${claim.amountRao}`);
    if (toHex(remark.args[0]!.toU8a(true)) !== toHex(utf8(claim.remark)))
      return refused('the remark belongs to another submission');
    const at = await api.at(blockHash);
    const records = (await at.query['system']['events']()) as unknown as Vec<EventRecord>;
    const events = records
      .filter(({ phase }) => phase.isApplyExtrinsic && phase.asApplyExtrinsic.toNumber() === index)
      .map(({ event }) => event);
    const moved = events.some(
      (event) =>
        event.section === 'balances' &&
        event.method === 'Transfer' &&
        event.data[1]?.toString() === claim.treasury &&
        BigInt(event.data[2]!.toString()) >= claim.amountRao,
    );
    const succeeded = events.some((event) => event.section === 'system' && event.method === 'ExtrinsicSuccess');
    return moved && succeeded ? { state: 'paid' } : refused('the extrinsic failed on chain');
  } catch (error) {
    const text = messageOf(error);
    const gone = DISCARDED.test(text);
    return {
      state: 'unknown',
      reason: gone
        ? `the node no longer keeps block ${String(claim.block)}: use an archive endpoint`
        : `the payment could not be looked up: ${text.slice(0, 200)}`,
    };
  }
}
