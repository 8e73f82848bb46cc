// Command that shows which plan a validator would sign now, without changing anything.
import { UsageError } from '../compose/errors.ts';
import { costLines, costOf, hourlyPrice, PRICE_VARIABLE } from '../compose/plan-cost.ts';
import { ROOT } from '../compose/repository.ts';
import { scanPorts } from '../compose/scanning.ts';
import { renderJson } from '../core/canonical.ts';
import { decodeSs58 } from '../core/ss58.ts';
import { openStored } from '../ledger/open.ts';
import { scan } from '../pipeline/scan.ts';
import type { RunCommand } from './command.ts';
import { optional, required } from './options.ts';
import { openChain, operatorOf, workplace } from './workplace.ts';

/** `cacheon scan`: the plan that would be signed now. Reads only; --json prints the plan. */
export const scanCommand: RunCommand = async (invocation) => {
  const { log, json } = invocation;
  const validator = required(invocation, 'validator');
  if (decodeSs58(validator) === null)
    throw new UsageError(
      `--validator ${validator} is not an ss58 address`,
      "give the validator's hotkey address",
    );
  const { arena, arenaSha256, folder, store } = workplace(invocation);
  const chain = await openChain(invocation, arena);
  const corpus = optional(invocation, 'corpus');
  const draft = await scan(
    scanPorts(chain, { arena, arenaSha256, root: ROOT, folder, corpus }, log),
    arena,
    await operatorOf(validator),
    await openStored(store, validator),
  );
  await chain.disconnect();
  for (const { key, status, verdict, reason } of draft.predicate.submissions)
    log.info(`  ${status.padEnd(9)} ${key}  ${verdict ?? ''}  ${reason}`);
  const explain = invocation.values['explain'] === true;
  const cost = explain ? costOf(draft, arena, hourlyPrice(process.env[PRICE_VARIABLE])) : null;
  if (json) process.stdout.write(renderJson(cost ? { ...draft.predicate, cost } : draft.predicate));
  else if (cost) process.stdout.write(`${[...costLines(cost)].join('\n')}\n`);
  return 0;
};
