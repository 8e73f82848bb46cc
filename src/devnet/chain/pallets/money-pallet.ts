// Balances, transfers and batched calls on the embedded chain.
import { blake2AsHex } from '@polkadot/util-crypto';
import type { Vec } from '@polkadot/types';
import type { MultiAddress, Call } from '@polkadot/types/interfaces';
import { argument, fail, type CallContext, type Handler } from './dispatch.ts';
import type { Storage } from '../storage.ts';

const EXISTENTIAL_DEPOSIT = 500n;

type AccountRecord = {
  nonce: number;
  consumers: number;
  providers: number;
  sufficients: number;
  data: { free: bigint; reserved: bigint; frozen: bigint; flags: bigint };
};

/** Balance and nonce of an account. */
export function account(storage: Storage, address: string): AccountRecord {
  const record = storage.get('system.account', address)!.toJSON() as Record<string, unknown> & {
    data: Record<string, string | number>;
  };
  const big = (value: string | number): bigint => BigInt(value);
  const { free, reserved, frozen, flags } = record.data;
  return {
    nonce: Number(record['nonce']),
    consumers: Number(record['consumers']),
    providers: Number(record['providers']),
    sufficients: Number(record['sufficients']),
    data: { free: big(free!), reserved: big(reserved!), frozen: big(frozen!), flags: big(flags!) },
  };
}

/** Writes an account back. */
export function putAccount(storage: Storage, address: string, record: AccountRecord): void {
  storage.put('system.account', [address], record);
}

/** Takes rao from an account; the runtime's token error where it cannot. */
export function withdraw(
  storage: Storage,
  address: string,
  amountRao: bigint,
  keepAlive: boolean,
): void {
  const record = account(storage, address);
  if (record.data.free < amountRao) fail('Token', 'FundsUnavailable');
  if (record.data.free - amountRao < EXISTENTIAL_DEPOSIT && keepAlive)
    fail('Token', 'NotExpendable');
  record.data.free -= amountRao;
  putAccount(storage, address, record);
}

/** Gives rao to an account, which comes into being with them. */
export function deposit(
  context: Pick<CallContext, 'storage' | 'emit'>,
  address: string,
  amountRao: bigint,
): void {
  const record = account(context.storage, address);
  if (record.providers === 0) {
    if (amountRao < EXISTENTIAL_DEPOSIT) fail('Token', 'BelowMinimum');
    record.providers = 1;
    context.emit('System', 'NewAccount', address);
    context.emit('Balances', 'Endowed', address, amountRao);
  }
  record.data.free += amountRao;
  putAccount(context.storage, address, record);
}

function transfer(keepAlive: boolean): Handler {
  return (context, call) => {
    const dest = call.args[0] as MultiAddress;
    if (dest.type !== 'Id') fail('', 'CannotLookup');
    const to = dest.value.toString();
    const amountRao = BigInt(argument(call, 1));
    withdraw(context.storage, context.who, amountRao, keepAlive);
    deposit(context, to, amountRao);
    context.emit('Balances', 'Transfer', context.who, to, amountRao);
  };
}

const batchAll: Handler = (context, call) => {
  for (const inner of call.args[0] as Vec<Call>) {
    if (inner.section === 'utility') fail('System', 'CallFiltered');
    const failure = context.inner(inner);
    if (failure) throw failure;
    context.emit('Utility', 'ItemCompleted');
  }
  context.emit('Utility', 'BatchCompleted');
};

const batch: Handler = (context, call) => {
  for (const [index, inner] of [...(call.args[0] as Vec<Call>)].entries()) {
    const failure = context.inner(inner);
    if (failure) {
      context.emit('Utility', 'BatchInterrupted', index, failure);
      return;
    }
    context.emit('Utility', 'ItemCompleted');
  }
  context.emit('Utility', 'BatchCompleted');
};

const forceBatch: Handler = (context, call) => {
  let failed = false;
  for (const inner of call.args[0] as Vec<Call>) {
    const failure = context.inner(inner);
    failed ||= failure !== null;
    if (failure) context.emit('Utility', 'ItemFailed', failure);
    else context.emit('Utility', 'ItemCompleted');
  }
  context.emit('Utility', failed ? 'BatchCompletedWithErrors' : 'BatchCompleted');
};

/** Calls of System, Balances and Utility. */
export const MONEY: Readonly<Record<string, Handler>> = {
  'system.remark': () => undefined,
  'system.remarkWithEvent': (context, call) =>
    context.emit('System', 'Remarked', context.who, blake2AsHex(call.args[0]!.toU8a(true))),
  'balances.transferKeepAlive': transfer(true),
  'balances.transferAllowDeath': transfer(false),
  'utility.batch': batch,
  'utility.batchAll': batchAll,
  'utility.forceBatch': forceBatch,
};
