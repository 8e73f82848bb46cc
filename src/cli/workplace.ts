// Opens what stage commands work on: settings, ledger checkout, chain and operator.
import { dirname, resolve } from 'node:path';
import type { EndpointPool } from '../chain/io/endpoints.ts';
import { openEndpoints } from '../chain/io/networks.ts';
import { operatorHere } from '../compose/operator.ts';
import { arenaPath, readArenaFile, ROOT } from '../compose/repository.ts';
import { gitStore, type GitStoreOptions } from '../ledger/io/git-store.ts';
import type { ResultStore } from '../ledger/store.ts';
import type { Operator } from '../pipeline/context.ts';
import type { Arena } from '../schema/arena.ts';
import type { Invocation } from './command.ts';
import { optional } from './options.ts';

/** Arena and ledger checkout that a stage command works on. */
export function workplace(invocation: Invocation): {
  arena: Arena;
  /** Of the arena file's bytes. */
  arenaSha256: string;
  /** Folder of the arena file. */
  folder: string;
  store: ResultStore;
} {
  const path = arenaPath(optional(invocation, 'arena'), '.github/arena.json');
  const { arena, sha256 } = readArenaFile(path);
  return { arena, arenaSha256: sha256, folder: dirname(path), store: storeOf(invocation) };
}

/**
 * The ledgers of the repository in `--repo`: of its own branch `ledger`, or with `--branch NAME` of
 * that branch of `origin`, to which new records are pushed.
 */
export function storeOf(invocation: Invocation, more: Partial<GitStoreOptions> = {}): ResultStore {
  const branch = optional(invocation, 'branch');
  const remote = branch === undefined ? null : 'origin';
  const folder = resolve(optional(invocation, 'repo') ?? '.');
  return gitStore({ folder, remote, ...(branch === undefined ? {} : { branch }), ...more });
}

/** The arena's chain: one endpoint or several separated by commas, checked to be the right one. */
export function openChain(
  invocation: Invocation,
  arena: Pick<Arena, 'network' | 'genesisHash'>,
  witness: boolean | 'if-any' = true,
): Promise<EndpointPool> {
  return openEndpoints(optional(invocation, 'endpoint'), arena, invocation.log, witness);
}

/** The operator that runs a stage from the command line. */
export function operatorOf(validator: string): Promise<Operator> {
  return operatorHere(ROOT, {
    validator,
    host: { platform: process.platform, arch: process.arch },
    tier: process.env['CACHEON_TIER'] ?? 'unset',
  });
}
