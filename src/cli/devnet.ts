import { describeChain } from '../devnet/chain/genesis.ts';
import { startChain } from '../devnet/chain/server.ts';
import { startEngine } from '../devnet/engine/server.ts';
import type { Run } from './commands.ts';
import { UsageError } from './io.ts';
import { optional, required, wholeNumber } from './options.ts';

/** Resolves when this process is asked to end. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}

/** 32 bytes of hex without a prefix, or null where no seed is given. */
export function seedOption(value: string | undefined): string | null {
  if (value === undefined) return null;
  const digits = value.replace(/^0x/, '').toLowerCase();
  if (!/^[0-9a-f]{1,64}$/.test(digits)) throw new UsageError(`--seed ${value} is not hex of at most 32 bytes`, 'give, say, --seed 2a');
  return digits.padStart(64, '0');
}

/** `cacheon devnet chain`: prints one JSON line with the endpoint and the dev accounts, then serves. */
export const runChain: Run = async (invocation) => {
  const port = wholeNumber(invocation, 'port', 0, 65_535);
  const miners = wholeNumber(invocation, 'miners', 0, 250);
  const blockMs = wholeNumber(invocation, 'block-ms', 10, 600_000);
  const stateFile = optional(invocation, 'state');
  const chain = await startChain({
    seed: seedOption(optional(invocation, 'seed')),
    ...(port === undefined ? {} : { port }), ...(miners === undefined ? {} : { miners }), ...(blockMs === undefined ? {} : { blockMs }), ...(stateFile === undefined ? {} : { stateFile }),
  });
  process.stdout.write(`${JSON.stringify(describeChain(chain.node.genesis, chain.url))}\n`);
  await stopSignal();
  await chain.close();
  return 0;
};

/** `cacheon devnet engine`: prints one JSON line with the URL, then serves. */
export const runEngine: Run = async (invocation) => {
  const port = wholeNumber(invocation, 'port', 0, 65_535);
  const engine = await startEngine({ variant: required(invocation, 'variant'), ...(port === undefined ? {} : { port }) });
  process.stdout.write(`${JSON.stringify({ url: engine.url, variant: engine.variant.name, pid: process.pid })}\n`);
  await stopSignal();
  await engine.close();
  return 0;
};
