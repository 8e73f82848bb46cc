import { resolve } from 'node:path';
import type { Arena } from '../arena/schema.ts';
import { connect } from '../chain/io/connect.ts';
import { assertChain, SubtensorChain } from '../chain/io/subtensor.ts';
import type { Operator } from '../pipeline/scan.ts';
import { gitStore, harnessCommit } from '../results/io/git-store.ts';
import type { ResultStore } from '../results/store.ts';
import type { Invocation } from './commands.ts';
import { arenaPath, readArena, ROOT } from './io.ts';
import { optional } from './options.ts';

/** Networks and their public endpoints; `local` needs --endpoint. */
const ENDPOINTS = {
  finney: 'wss://entrypoint-finney.opentensor.ai:443',
  test: 'wss://test.finney.opentensor.ai:443',
  local: 'ws://127.0.0.1:9944',
} as const;

/** Arena and ledger checkout that a stage command works on. */
export function workplace(invocation: Invocation): { arena: Arena; store: ResultStore } {
  const arena = readArena(arenaPath(optional(invocation, 'arena'), '.github/arena.json'));
  const branch = optional(invocation, 'branch');
  const store = gitStore({
    folder: resolve(optional(invocation, 'repo') ?? '.'),
    remote: branch === undefined ? null : { name: 'origin', branch },
  });
  return { arena, store };
}

/** The arena's chain, checked to be the right one. */
export async function openChain(invocation: Invocation, arena: Arena): Promise<SubtensorChain> {
  const chain = new SubtensorChain(await connect(optional(invocation, 'endpoint') ?? ENDPOINTS[arena.network]));
  await assertChain(chain, arena.genesisHash);
  return chain;
}

/** Who runs a stage from the command line. */
export async function operatorOf(validator: string): Promise<Operator> {
  return {
    validator,
    commit: await harnessCommit(ROOT),
    node: process.version,
    host: { platform: process.platform, arch: process.arch },
    tier: process.env['CACHEON_TIER'] ?? 'unset',
  };
}
