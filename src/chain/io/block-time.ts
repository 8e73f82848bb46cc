// When a block was built, also where a node no longer keeps the block's state.
import { ChainError } from '../errors.ts';
import { timestampOf } from '../extrinsic-bytes.ts';

/**
 * Unix ms of a block: by its state, else by the inherent in its body, which nodes keep for good.
 * Throws the state's error where the body sets no time either.
 */
export async function blockTimeMs(
  state: () => Promise<number>,
  body: () => Promise<{ readonly extrinsics: readonly string[] } | null>,
): Promise<number> {
  try {
    return await state();
  } catch (error) {
    if (!(error instanceof ChainError) || error.code !== 'STATE_DISCARDED') throw error;
    const timeMs = timestampOf((await body())?.extrinsics ?? []);
    if (timeMs === null) throw error;
    return timeMs;
  }
}
