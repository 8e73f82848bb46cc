import { resolve } from 'node:path';
import { parseArena } from '../arena/schema.ts';
import { writeTrace } from '../harness/io/trace-files.ts';
import { evaluate } from '../pipeline/evaluate.ts';
import { signedPlan } from '../pipeline/sound-ledger.ts';
import type { Run } from './commands.ts';
import { evaluatePorts } from './compose.ts';
import { ROOT, UsageError } from './io.ts';
import { workplace } from './operator.ts';
import { optional, required, wholeNumber } from './options.ts';

/** `cacheon evaluate`: measures one shard of a signed plan and leaves its traces in a folder. Holds no key. */
export const run: Run = async (invocation) => {
  const { store } = workplace(invocation);
  const block = wholeNumber(invocation, 'round', 0, Number.MAX_SAFE_INTEGER);
  if (block === undefined) throw new UsageError('--round is missing', 'the block of a signed plan');
  const plan = await signedPlan(store, required(invocation, 'validator'), block);
  const out = resolve(required(invocation, 'out'));
  const arena = parseArena(plan.predicate.arena, 'the plan');
  const ports = evaluatePorts(
    arena,
    ROOT,
    optional(invocation, 'corpus'),
    optional(invocation, 'engine-command'),
    invocation.log,
    (path, lines) => writeTrace(out, path, lines),
  );
  await evaluate(ports, plan, wholeNumber(invocation, 'shard', 0, 255) ?? 0);
  return 0;
};
