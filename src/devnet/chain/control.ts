// Makes a development chain build blocks up to a given height.
import type { ApiPromise } from '@polkadot/api';
import { rawSend } from '../../chain/io/storage-read.ts';

/** Lets a development chain (ours or Chopsticks) build blocks up to a height. */
export async function advanceTo(api: ApiPromise, block: number): Promise<void> {
  const head = Number((await rawSend<{ number: string }>(api, 'chain_getHeader')).number);
  if (head < block) await rawSend(api, 'dev_newBlock', { unsafeBlockHeight: block });
}
