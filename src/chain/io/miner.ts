import { randomBytes } from 'node:crypto';
import type { KeyringPair } from '@polkadot/keyring/types';
import { toHex, utf8 } from '../../core/bytes.ts';
import { ChainError } from '../errors.ts';
import { signAndWait } from './submit.ts';
import type { SubtensorChain } from './subtensor.ts';

/** Largest payload of a plain field, on new and on old runtimes. */
const MAX_BIG_RAW = 512;
const MAX_RAW = 128;

/** Pays the fee and the remark in one atomic batch, and waits for finality. */
export async function pay(
  chain: SubtensorChain,
  coldkey: KeyringPair,
  treasury: string,
  amountRao: bigint,
  remark: string,
): Promise<{ tx: string; block: number }> {
  const { api } = chain;
  const calls = [
    api.tx['balances']['transferKeepAlive'](treasury, amountRao),
    api.tx['system']['remark'](`0x${toHex(utf8(remark))}`),
  ];
  const sent = await signAndWait(api, api.tx['utility']['batchAll'](calls), coldkey);
  if (!sent.ok)
    throw new ChainError('REJECTED', 'infra', `the payment was refused: ${sent.reason}`, 'check the balance of the coldkey');
  return { tx: sent.extrinsicHash, block: sent.block.number };
}

/** Commits a payload in plain, in the smallest field the runtime has for it. Returns the commit block. */
export async function commitPlain(chain: SubtensorChain, hotkey: KeyringPair, netuid: number, payload: string): Promise<number> {
  const bytes = utf8(payload);
  const value = `0x${toHex(bytes)}`;
  if (bytes.length > MAX_RAW && !chain.features.bigRaw) {
    throw new ChainError(
      'MISSING_FEATURE',
      'infra',
      `this chain takes commitments of at most ${MAX_RAW} bytes, the payload has ${bytes.length}`,
      'use a runtime with BigRaw, or an arena without a fee and a short image name',
    );
  }
  if (bytes.length > MAX_BIG_RAW)
    throw new ChainError(
      'REJECTED',
      'usage',
      `the payload has ${bytes.length} bytes, ${MAX_BIG_RAW} is the most`,
      'shorten the image name',
    );
  const field = bytes.length > MAX_RAW ? { BigRaw: value } : { [`Raw${bytes.length}`]: value };
  const info = { fields: [field] };
  const sent = await signAndWait(chain.api, chain.api.tx['commitments']!['setCommitment']!(netuid, info), hotkey);
  if (!sent.ok)
    throw new ChainError(
      'REJECTED',
      'infra',
      `the commitment was refused: ${sent.reason}`,
      'is the hotkey registered on this subnet?',
    );
  return sent.block.number;
}

/** A salt that hides the digest inside the payment's remark. */
export function newSalt(): string {
  return randomBytes(8).toString('hex');
}
