// Command that draws the seed of an anchored plan.
import { resolve } from 'node:path';
import { UsageError } from '../compose/errors.ts';
import { openStored } from '../ledger/open.ts';
import { planOf } from '../ledger/plans.ts';
import { monotonicClock } from '../node/monotonic-clock.ts';
import { drawSeed } from '../pipeline/draw/draw.ts';
import type { RunCommand } from './command.ts';
import { writeDraw } from '../compose/draw-file.ts';
import { optional, required, wholeNumber } from './options.ts';
import { openChain, workplace } from './workplace.ts';
import { give } from './output.ts';

/**
 * `cacheon draw`: waits for the pulse after a plan's anchor and prints the seed; with --out it is
 * left beside the evidence. Holds no key: anyone gets the same seed.
 */
export const drawCommand: RunCommand = async (invocation) => {
  const { log } = invocation;
  const { arena, store } = workplace(invocation);
  const block = wholeNumber(invocation, 'round', 0, Number.MAX_SAFE_INTEGER);
  if (block === undefined) throw new UsageError('--round is missing', 'the block of a signed plan');
  const ledger = await openStored(store, required(invocation, 'validator'));
  const plan = planOf(ledger, block);
  const chain = await openChain(invocation, arena);
  const draw = await drawSeed({ chain, clock: monotonicClock, log }, ledger, plan);
  await chain.disconnect();
  const out = optional(invocation, 'out');
  if (out !== undefined) writeDraw(resolve(out), draw);
  const where = out ?? `out/${block}`;
  give(invocation, draw, [
    `seed ${draw.seed}`,
    ...(out === undefined ? [`nothing was written: --out ${where} keeps it for evaluate`] : []),
    `next: cacheon evaluate --validator ${required(invocation, 'validator')} --round ${block} --out ${where}`,
  ]);
  return 0;
};
