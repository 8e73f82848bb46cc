// Command that serves the embedded development chain on this machine.
import { resolve } from 'node:path';
import { UsageError } from '../compose/errors.ts';
import { startChain } from '../devnet/chain/chain-server.ts';
import { describeChain } from '../devnet/chain/genesis.ts';
import { writeWallets } from '../devnet/demo/wallets.ts';
import type { RunCommand } from './command.ts';
import { optional, wholeNumber } from './options.ts';
import { stopSignal } from './stop.ts';

/** 32 bytes of hex without a prefix, or null where no seed is given. */
export function seedOption(value: string | undefined): string | null {
  if (value === undefined) return null;
  const digits = value.replace(/^0x/, '').toLowerCase();
  if (!/^[0-9a-f]{1,64}$/.test(digits))
    throw new UsageError(`--seed ${value} is not hex of at most 32 bytes`, 'give, say, --seed 2a');
  return digits.padStart(64, '0');
}

/**
 * `cacheon devnet chain`: prints one JSON line with the endpoint and the dev accounts, then serves.
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
  process.stdout.write(`${JSON.stringify(describeChain(chain.node.genesis, chain.url))}\n`);
  await stopSignal();
  await chain.close();
  return 0;
};
