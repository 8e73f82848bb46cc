// Which runtime a block ran on.
import type { ApiPromise } from '@polkadot/api';
import type { BlockRef, ChainIdentity } from '../chain.ts';
import { isTransport } from './connect.ts';
import { rawSend, stateError } from './storage-read.ts';

type Runtime = Omit<ChainIdentity, 'genesisHash'>;

/**
 * The runtime that a block's state holds: the chain may have upgraded since. Throws
 * `STATE_DISCARDED` where the node has that state no more.
 */
export async function runtimeAt(api: ApiPromise, { number, hash }: BlockRef): Promise<Runtime> {
  try {
    const { specName, specVersion } = await rawSend<Runtime>(api, 'state_getRuntimeVersion', hash);
    return { specName, specVersion };
  } catch (error) {
    if (isTransport(error)) throw error;
    throw stateError(error, `the runtime of block ${number}`);
  }
}
