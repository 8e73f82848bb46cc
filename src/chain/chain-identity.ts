// Whether a chain is the one that an arena names.
import type { ChainIdentity, ChainReader } from './chain.ts';
import { ChainError } from './errors.ts';

/**
 * Checks that a chain is the arena's. Throws `WRONG_CHAIN`: weights for another chain would move
 * other people's money.
 */
export async function assertChain(
  chain: ChainReader,
  genesisHash: string | null,
): Promise<ChainIdentity> {
  const identity = await chain.identity();
  const wrong = (what: string): ChainError =>
    new ChainError('WRONG_CHAIN', 'infra', what, 'check the endpoint');
  if (identity.specName !== 'node-subtensor')
    throw wrong(`the chain runs ${identity.specName}, not node-subtensor`);
  if (genesisHash !== null && identity.genesisHash !== genesisHash)
    throw wrong(`the chain's genesis is ${identity.genesisHash}, the arena pins ${genesisHash}`);
  return identity;
}
