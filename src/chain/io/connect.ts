import type {} from '@polkadot/api-augment/substrate';
import { ApiPromise, WsProvider } from '@polkadot/api';
import type { ProviderInterface } from '@polkadot/rpc-provider/types';
import { messageOf } from '../../core/errors.ts';
import { ChainError } from '../errors.ts';

/** How long a connection may take before it counts as unreachable. */
const CONNECT_MS = 10_000;

/** Connects to one endpoint, or throws `UNREACHABLE` after ten seconds. The caller disconnects. */
export async function connect(endpoint: string, timeoutMs = CONNECT_MS): Promise<ApiPromise> {
  const unreachable = (cause: unknown): ChainError =>
    new ChainError(
      'UNREACHABLE',
      'infra',
      `no chain answers at ${endpoint}: ${messageOf(cause)}`,
      'check the address, or start one with: scripts/cacheon devnet chain',
      cause,
    );
  if (!/^wss?:\/\/[^\s/]+/.test(endpoint))
    throw new ChainError(
      'BAD_ENDPOINT',
      'usage',
      `${endpoint} is not a chain endpoint`,
      'an endpoint starts with ws:// or wss://',
    );
  // Without auto-connect: the library would print every failed attempt and retry for ever.
  const provider = new WsProvider(endpoint, false, {}, timeoutMs);
  let timer: NodeJS.Timeout | undefined;
  try {
    const expired = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no connection within ${timeoutMs / 1000} s`)), timeoutMs);
      provider.on('error', (error: Error) => reject(new Error(error.message || 'connection refused')));
    });
    await Promise.race([provider.connect().then(() => provider.isReady), expired]);
    return await Promise.race([
      ApiPromise.create({
        provider: provider as unknown as ProviderInterface,
        noInitWarn: true,
        throwOnConnect: true,
        throwOnUnknown: false,
      }),
      expired,
    ]);
  } catch (error) {
    await provider.disconnect().catch(() => undefined);
    throw unreachable(error);
  } finally {
    clearTimeout(timer);
  }
}
