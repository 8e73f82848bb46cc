// Known networks with their public endpoints, and the opening of an arena's chain.
import type { Log } from '../../core/log.ts';
import { EndpointPool } from './endpoints.ts';

export type Network = 'finney' | 'test' | 'local';

/**
 * Public endpoints of each network; a local chain is where `devnet
 * chain` and `subtensor/run.sh` put it.
 */
const ENDPOINTS: Readonly<Record<Network, readonly string[]>> = {
  finney: [
    'wss://entrypoint-finney.opentensor.ai:443',
    'wss://lite.chain.opentensor.ai:443',
    'wss://archive.chain.opentensor.ai:443',
  ],
  test: ['wss://test.finney.opentensor.ai:443'],
  local: ['ws://127.0.0.1:9944'],
};

/** Accepts any chain: an audit compares each record with the genesis that the record names. */
export const ANY_CHAIN = { network: 'local', genesisHash: null } as const;

/** Endpoints as people write them: separated by commas. */
function endpointList(text: string | undefined): string[] | null {
  const list = (text ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  return list.length === 0 ? null : list;
}

/**
 * The chain of an arena, over one endpoint or several. With `witness`, two must agree before a plan
 * or weights follow on a public chain.
 */
export function openEndpoints(
  endpoints: string | undefined,
  arena: { readonly network: Network; readonly genesisHash: string | null },
  log: Log,
  witness: boolean | 'if-any' = true,
): Promise<EndpointPool> {
  return EndpointPool.open(endpointList(endpoints) ?? ENDPOINTS[arena.network], {
    genesisHash: arena.genesisHash,
    witness: arena.network === 'local' ? false : witness,
    log,
  });
}
