// Decoding of the events and the dispatch error of a transaction in a block.
import type { ApiPromise } from '@polkadot/api';
import type { Vec } from '@polkadot/types';
import type { DispatchError, EventRecord } from '@polkadot/types/interfaces';
import type { BlockRef } from '../chain.ts';
import { readItems, stateError } from './storage-read.ts';

/** Events of one extrinsic, decoded by its own block's metadata. Throws `STATE_DISCARDED`. */
export async function eventsOf(
  api: ApiPromise,
  block: BlockRef,
  index: number,
): Promise<EventRecord['event'][]> {
  try {
    const { events } = await readItems(api, block.hash, { events: ['system.events'] });
    return [...(events as unknown as Vec<EventRecord>)]
      .filter(({ phase }) => phase.isApplyExtrinsic && phase.asApplyExtrinsic.toNumber() === index)
      .map(({ event }) => event);
  } catch (error) {
    throw stateError(error, `the events of block ${block.number}`);
  }
}

/** Name of a dispatch error, as the runtime's metadata has it. */
export function dispatchErrorName(api: ApiPromise, error: DispatchError): string {
  if (error.isToken) return `Token.${error.asToken.type}`;
  if (!error.isModule) return error.type;
  const { section, name } = api.registry.findMetaError(error.asModule);
  return `${section}.${name}`;
}
