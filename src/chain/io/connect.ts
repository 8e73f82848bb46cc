// Opening of a connection to a chain endpoint, and recognition of connection errors.
import type {} from '@polkadot/api-augment/substrate';
import { ApiPromise } from '@polkadot/api';
import { CacheonError, messageOf } from '../../core/errors.ts';
import { ChainError } from '../errors.ts';
import { nodeProvider, paceOf, type RequestPace } from './provider.ts';

/**
 * How long a connection may take before it counts as unreachable: on loopback, and with a public
 * endpoint's pace.
 */
const CONNECT_MS = { fast: 10_000, paced: 60_000 };

/**
 * Connects to one endpoint, or throws `UNREACHABLE`. Requests to public endpoints are paced. The
 * caller disconnects.
 */
export async function connect(
  endpoint: string,
  pace: RequestPace | null = paceOf(endpoint),
): Promise<ApiPromise> {
  const timeoutMs = pace === null ? CONNECT_MS.fast : CONNECT_MS.paced;
  if (!/^wss?:\/\/[^\s/]+/.test(endpoint))
    throw new ChainError(
      'BAD_ENDPOINT',
      'usage',
      `${endpoint} is not a chain endpoint`,
      'an endpoint starts with ws:// or wss://',
    );
  const provider = nodeProvider(endpoint, pace, timeoutMs);
  let timer: NodeJS.Timeout | undefined;
  try {
    const expired = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`no connection within ${timeoutMs / 1000} s`)),
        timeoutMs,
      );
      provider.on('error', (error: Error) =>
        reject(new Error(error.message || 'connection refused')),
      );
    });
    expired.catch(() => undefined);
    await Promise.race([provider.connect().then(() => provider.isReady), expired]);
    return await Promise.race([
      ApiPromise.create({
        provider,
        noInitWarn: true,
        throwOnConnect: true,
        throwOnUnknown: false,
      }),
      expired,
    ]);
  } catch (error) {
    await provider.disconnect().catch(() => undefined);
    throw new ChainError(
      'UNREACHABLE',
      'infra',
      `no chain answers at ${endpoint}: ${messageOf(error)}`,
      /^wss?:\/\/(?:127\.|localhost|\[::1\])/.test(endpoint)
        ? 'check the address (--endpoint), or start a chain: scripts/cacheon devnet chain'
        : 'check the network, or name another node of this chain with --endpoint',
    ).causedBy(error);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Whether an error is of the connection and not of what was asked: another endpoint may do better.
 * A node's own answer has a code.
 */
export function isTransport(error: unknown): boolean {
  if (error instanceof CacheonError) return error.code === 'UNREACHABLE';
  if (
    typeof (error as { code?: unknown }).code === 'number' &&
    (error as { code: number }).code !== -1
  )
    return false;
  return /websocket|disconnect|not connected|no response received|socket|ECONN|timed? ?out|abnormal|rate.?limit|too many requests/i.test(
    messageOf(error),
  );
}
