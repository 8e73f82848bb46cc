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
import { give } from './output.ts';
import { shortKey, withShortKeys } from '../schema/short-names.ts';
import { table } from './screen.ts';
import type { PlanPredicate } from '../schema/records.ts';

/** Every submission of a plan, a row each. */
function planLines({ submissions }: Pick<PlanPredicate, 'submissions'>): string[] {
  if (submissions.length === 0) return ['no submission: nothing is committed'];
  const rows = submissions.map(({ key, status, verdict, reason }) => [
    ...[status, shortKey(key), verdict ?? '', withShortKeys(reason)],
  ]);
  return table([['status', 'entry', 'verdict', 'why'], ...rows]);
}

/** `cacheon scan`: the plan that would be signed now. Reads only; --json prints the plan. */
export const scanCommand: RunCommand = async (invocation) => {
  const { log } = invocation;
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
  const explain = invocation.values['explain'] === true;
  const cost = explain ? costOf(draft, arena, hourlyPrice(process.env[PRICE_VARIABLE])) : null;
  const { predicate } = draft;
  give(invocation, renderJson(cost ? { ...predicate, cost } : predicate), [
    ...planLines(predicate),
    ...(cost ? costLines(cost) : []),
  ]);
  return 0;
};
