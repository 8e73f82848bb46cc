// Command that serves the embedded development chain on this machine.
import { resolve } from 'node:path';
import { UsageError } from '../compose/errors.ts';
import { type ChainServer, startChain } from '../devnet/chain/chain-server.ts';
import { describeChain } from '../devnet/chain/genesis.ts';
import { writeWallets } from '../devnet/demo/wallets.ts';
import type { RunCommand } from './command.ts';
import { optional, wholeNumber } from './options.ts';
import { hanging } from './screen.ts';
import { stopSignal } from './stop.ts';

/** 32 bytes of hex without a prefix, or null where no seed is given. */
export function seedOption(value: string | undefined): string | null {
  if (value === undefined) return null;
  const digits = value.replace(/^0x/, '').toLowerCase();
  if (!/^[0-9a-f]{1,64}$/.test(digits))
    throw new UsageError(`--seed ${value} is not hex of at most 32 bytes`, 'give, say, --seed 2a');
  return digits.padStart(64, '0');
}

/** The chain as a person at a terminal wants to know it. */
function* chainLines({ url, node }: ChainServer, wallets: string | undefined): Generator<string> {
  const { netuid, miners, treasury } = node.genesis;
  yield* hanging('endpoint  ', url);
  yield* hanging('subnet    ', `${netuid}, with ${miners.length} registered miners`);
  yield* hanging('treasury  ', treasury.address);
  yield* hanging(
    'wallets   ',
    wallets === undefined
      ? 'none written: --wallets DIR writes the dev keys as btcli wallets'
      : `${resolve(wallets)}: miner0 to miner${miners.length - 1}, validator, owner`,
  );
  yield* hanging('          ', 'Ctrl-C ends it; --json prints every dev account as one line');
}

/**
 * `cacheon devnet chain`: prints its endpoint and dev accounts, one JSON line where a program reads
 * it, then serves.
 */
export const devnetChainCommand: RunCommand = async (invocation) => {
  const port = wholeNumber(invocation, 'port', 0, 65_535);
  const miners = wholeNumber(invocation, 'miners', 0, 250);
  const blockMs = wholeNumber(invocation, 'block-ms', 10, 600_000);
  const tempo = wholeNumber(invocation, 'tempo', 1, 50_400);
  const stateFile = optional(invocation, 'state');
  const chain = await startChain({
    seed: seedOption(optional(invocation, 'seed')),
    ...(port === undefined ? {} : { port }),
    ...(miners === undefined ? {} : { miners }),
    ...(blockMs === undefined ? {} : { blockMs }),
    ...(stateFile === undefined ? {} : { stateFile }),
    ...(tempo === undefined ? {} : { tempo }),
    commitReveal: invocation.values['commit-reveal'] === true,
  });
  const wallets = optional(invocation, 'wallets');
  if (wallets !== undefined) writeWallets(resolve(wallets), chain.node.genesis);
  const described = describeChain(chain.node.genesis, chain.url);
  // A program reads the line; a person at a terminal would have to scroll over it.
  if (!process.stdout.isTTY || invocation.json)
    process.stdout.write(`${JSON.stringify(described)}\n`);
  else for (const line of chainLines(chain, wallets)) invocation.print(line);
  await stopSignal();
  await chain.close();
  return 0;
};
